// SPDX-License-Identifier: MIT
//
// slack.mjs URL CHANNEL USER: what Slack's own client makes of the tests' Slack, as one JSON
// object: who it is, a thread with metadata, a text whose thread is gone, pages of both
// histories, people, and refusals.

import { WebClient } from "@slack/web-api";

const [slackApiUrl, channel, user] = process.argv.slice(2);
const options = { slackApiUrl, logLevel: "error", retryConfig: { retries: 2, minTimeout: 10 } };
const web = new WebClient(process.env.SLACK_BOT_TOKEN, options);

async function refusal(promise) {
	try {
		await promise;
		return null;
	} catch (error) {
		return error.data?.error ?? error.message;
	}
}

const me = await web.auth.test();
const metadata = { event_type: "hermes_delivery", event_payload: { delivery: "h12" } };
const seed = await web.chat.postMessage({ channel, text: "seed & <more>", metadata, unfurl_links: false });
for (const text of ["one", "two", "three"])
	await web.chat.postMessage({ channel, thread_ts: seed.ts, text });
await web.chat.postMessage({ channel, thread_ts: seed.ts, text: "all", reply_broadcast: true });

const replies = [];
for await (const page of web.paginate("conversations.replies",
	{ channel, ts: seed.ts, limit: 2, include_all_metadata: true }))
	replies.push(page.messages.map((message) => message.text));
const lost = await web.chat.postMessage({ channel, text: "x", thread_ts: "1.000001" });
await web.chat.delete({ channel, ts: lost.ts });
const found = await web.conversations.history({ channel, include_all_metadata: true });
const plain = await web.conversations.history({ channel });
const after = await web.conversations.history({ channel, oldest: seed.ts });
const members = await web.conversations.members({ channel });
const open = await web.conversations.open({ users: user });

console.log(JSON.stringify({
	me: me.user_id, bot: me.bot_id, team: me.team_id, scopes: me.response_metadata.scopes,
	lost: lost.message.thread_ts ?? null, replies, history: found.messages.map((message) => message.text),
	metadata: found.messages.at(-1).metadata, hidden: plain.messages.at(-1).metadata ?? null,
	after: after.messages.map((message) => message.text),
	members: members.members, dm: open.channel.id,
	person: (await web.users.info({ user })).user.real_name,
	kind: (await web.conversations.info({ channel })).channel.is_channel,
	list: (await web.conversations.list({ limit: 1 })).channels.length,
	refused: [
		await refusal(web.chat.postMessage({ channel: "C404", text: "x" })),
		await refusal(web.chat.postMessage({ channel, text: " " })),
		await refusal(web.chat.delete({ channel, ts: lost.ts })),
		await refusal(web.conversations.replies({ channel, ts: "1.000001" })),
		await refusal(web.users.info({ user: "U404" })),
		await refusal(web.apiCall("no.such")),
		await refusal(new WebClient("xoxb-wrong", options).auth.test()),
		await refusal(new WebClient(undefined, options).auth.test()),
	],
}));
