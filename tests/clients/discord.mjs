// SPDX-License-Identifier: MIT
//
// discord.mjs BASE CHANNEL [FORUM]: what a bot does, done by @discordjs/rest, against the
// Discord at BASE. It prints what it saw as one line of JSON.
import { DiscordAPIError, REST } from '@discordjs/rest';

const [base, channel, forum] = process.argv.slice(2);
const rest = new REST({ api: base, version: '10', retries: 0 })
	.setToken(process.env.DISCORD_BOT_TOKEN);
const seen = { limited: 0 };
rest.on('rateLimited', () => seen.limited++);

const refusal = (promise) => promise.then(() => null, (error) => {
	if (!(error instanceof DiscordAPIError))
		throw error;
	return { status: error.status, code: error.code, message: error.rawError.message };
});

seen.me = (await rest.get('/users/@me')).id;

const said = { content: 'hello', nonce: 'n1', enforce_nonce: true, flags: 4,
	allowed_mentions: { parse: [] } };
const first = await rest.post(`/channels/${channel}/messages`, { body: said });
const second = await rest.post(`/channels/${channel}/messages`, { body: said });
seen.same = first.id === second.id;

const threads = `/channels/${channel}/messages/${first.id}/threads`;
const thread = await rest.post(threads, { body: { name: 'Fix the parser' } });
seen.thread = { same: thread.id === first.id, type: thread.type, parent: thread.parent_id };
seen.twice = await refusal(rest.post(threads, { body: { name: 'again' } }));
seen.silent = (await rest.post(`/channels/${channel}/threads`, { body: { name: 'quiet' } })).type;

for (const content of ['one', 'two', 'three'])
	await rest.post(`/channels/${thread.id}/messages`, { body: { content } });
const page = async (after, limit) => await rest.get(`/channels/${thread.id}/messages`,
	{ query: new URLSearchParams({ after, limit }) });
const two = (await page(thread.id, 3)).filter((message) => message.type === 0);
seen.page = two.map((message) => message.content);
seen.rest = (await page(two[0].id, 3)).map((message) => message.content);

seen.long = await refusal(rest.post(`/channels/${channel}/messages`,
	{ body: { content: 'x'.repeat(2001) } }));
seen.empty = await refusal(rest.post(`/channels/${channel}/messages`, { body: { content: '' } }));
seen.gone = await refusal(rest.get('/channels/999'));
if (forum) {
	const message = { content: 'the first post' };
	const posts = `/channels/${forum}/threads`;
	seen.untagged = await refusal(rest.post(posts, { body: { name: 'T', message } }));
	const body = { name: 'T', message, applied_tags: ['7'] };
	seen.post = (await rest.post(posts, { body })).type;
}

// Five a channel in five seconds: this client waits as the headers say, and is never refused.
for (let i = 0; i < 6; i++)
	await rest.post(`/channels/${channel}/messages`, { body: { content: `quick ${i}` } });
console.log(JSON.stringify(seen));
process.exit(0);
