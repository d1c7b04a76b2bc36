// SPDX-License-Identifier: MIT
//
// feishu BASE CHAT: Lark's own SDK against the tests' Feishu. It gets its token by itself,
// sends, opens a thread, reads it back, and is refused; what came of it is one JSON line.
import * as lark from "@larksuiteoapi/node-sdk";

const [base, chat] = process.argv.slice(2);
const silent = () => {};
const logger = { error: silent, warn: silent, info: silent, debug: silent, trace: silent };
const client = new lark.Client({ logger, appId: process.env.FEISHU_APP_ID,
	appSecret: process.env.FEISHU_APP_SECRET, domain: base });
const text = (words) => JSON.stringify({ text: words });
const message = client.im.v1.message;

const post = { en_us: { content: [[{ tag: "text", text: "seed", style: ["bold"] }]] } };
const seed = await message.create({ params: { receive_id_type: "chat_id" },
	data: { receive_id: chat, msg_type: "post", content: JSON.stringify(post), uuid: "k1" } });
const again = await message.create({ params: { receive_id_type: "chat_id" },
	data: { receive_id: chat, msg_type: "post", content: JSON.stringify(post), uuid: "k1" } });
const reply = await message.reply({ path: { message_id: seed.data.message_id },
	data: { msg_type: "text", content: text("in it"), reply_in_thread: true } });
const list = async (type, id) => (await message.list({ params: { container_id_type: type,
	container_id: id, sort_type: "ByCreateTimeAsc", page_size: 50 } })).data.items;
const refused = await message.create({ params: { receive_id_type: "chat_id" },
	data: { receive_id: "oc_nowhere", msg_type: "text", content: text("x") } })
	.catch((error) => error.response.data);
const members = await client.im.v1.chatMembers.get({ path: { chat_id: chat } });
const info = await client.im.v1.chat.get({ path: { chat_id: chat } });

console.log(JSON.stringify({
	once: seed.data.message_id === again.data.message_id,
	thread: reply.data.thread_id,
	in_chat: (await list("chat", chat)).map((m) => m.body.content),
	in_thread: (await list("thread", reply.data.thread_id)).map((m) => m.body.content),
	refused: refused.code, members: members.data.items.map((m) => m.name),
	mode: info.data.chat_mode }));
process.exit(0);
