#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# matrix-nio.py URL: somebody else's client walks through the tests' homeserver, and says
# with an exit of 1 where it is not what a client expects.
import asyncio
import sys
from nio import AsyncClient, AsyncClientConfig, RoomMessageText
from nio import responses as r


def expect(found, kind):
	if not isinstance(found, kind):
		sys.exit(f"expected {kind.__name__}, got {found!r}")
	return found


def texts(sync, room):
	timeline = sync.rooms.join[room].timeline
	return [e.body for e in timeline.events if isinstance(e, RoomMessageText)]


async def walk(url):
	config = AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0)
	ada = AsyncClient(url, "@ada:localhost", device_id="TEST", config=config)
	bot = AsyncClient(url, "@bot:localhost", device_id="NIO", config=config)
	expect(await ada.login("wrong"), r.LoginError)
	expect(await ada.login("wonder"), r.LoginResponse)
	expect(await bot.login("opensesame"), r.LoginResponse)
	assert expect(await bot.whoami(), r.WhoamiResponse).user_id == "@bot:localhost"
	room = expect(await ada.room_create(name="Walk", invite=["@bot:localhost"]),
		r.RoomCreateResponse).room_id
	first = expect(await bot.sync(), r.SyncResponse)
	assert room in first.rooms.invite, first.rooms
	expect(await bot.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "x"}),
		r.RoomSendError)
	expect(await bot.join(room), r.JoinResponse)
	assert room in expect(await bot.joined_rooms(), r.JoinedRoomsResponse).rooms
	members = expect(await bot.joined_members(room), r.JoinedMembersResponse).members
	assert {m.user_id for m in members} == {"@ada:localhost", "@bot:localhost"}

	# keys: the same one twice is one event
	content = {"msgtype": "m.text", "body": "root"}
	root = expect(await bot.room_send(room, "m.room.message", content, tx_id="one"),
		r.RoomSendResponse).event_id
	again = await bot.room_send(room, "m.room.message", {**content, "body": "other"}, tx_id="one")
	assert again.event_id == root
	reply = {"msgtype": "m.text", "body": "reply", "m.relates_to": {"rel_type": "m.thread",
		"event_id": root, "is_falling_back": True, "m.in_reply_to": {"event_id": root}}}
	answer = expect(await ada.room_send(room, "m.room.message", reply),
		r.RoomSendResponse).event_id
	found = expect(await bot.room_get_event(room, answer), r.RoomGetEventResponse).event
	assert found.source["content"]["m.relates_to"]["event_id"] == root
	nowhere = {**reply, "m.relates_to": {**reply["m.relates_to"], "event_id": "$nowhere"}}
	expect(await ada.room_send(room, "m.room.message", nowhere), r.RoomSendError)

	# sync: everything after a token, again and again; a gap can be filled from behind
	one = expect(await bot.sync(since=first.next_batch, full_state=False), r.SyncResponse)
	two = expect(await bot.sync(since=first.next_batch, full_state=False), r.SyncResponse)
	assert texts(one, room) == texts(two, room) == ["root", "reply"], texts(one, room)
	for i in range(30):
		expect(await ada.room_send(room, "m.room.message", {"msgtype": "m.text",
			"body": f"m{i}"}), r.RoomSendResponse)
	gap = expect(await bot.sync(since=two.next_batch,
		sync_filter={"room": {"timeline": {"limit": 5}}}), r.SyncResponse)
	timeline = gap.rooms.join[room].timeline
	assert timeline.limited and texts(gap, room) == [f"m{i}" for i in range(25, 30)]
	filled, token = [], timeline.prev_batch
	while token:
		page = expect(await bot.room_messages(room, token, end=two.next_batch, limit=7),
			r.RoomMessagesResponse)
		filled += [e.body for e in page.chunk]
		token = page.end
	assert filled == [f"m{i}" for i in reversed(range(25))], filled
	quiet = expect(await bot.sync(since=gap.next_batch, timeout=1), r.SyncResponse)
	assert not quiet.rooms.join
	expect(await bot.sync(since="no token"), r.SyncError)
	expect(await bot.room_get_state_event(room, "m.room.encryption"), r.RoomGetStateEventError)
	bot.access_token = "stale"
	expect(await bot.whoami(), r.WhoamiError)
	await ada.close()
	await bot.close()
	print("ok")


asyncio.run(walk(sys.argv[1]))
