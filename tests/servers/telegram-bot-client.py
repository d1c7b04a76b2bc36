#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# telegram-bot-client: a stranger who believes in our Telegram.
#
# A bot written with python-telegram-bot 13.15, a library nobody here wrote. It
# opens a topic, greets there, echoes each text it hears as a reply to it, and
# leaves after N updates.  The library alone decides how to poll and acknowledge.
#
#   telegram-bot-client.py BASE_URL TOKEN CHAT N    BASE_URL is http://HOST:PORT
#
# Prints the id of its topic on one line, then "heard TEXT" for each update.

import sys
import threading
import warnings

warnings.filterwarnings("ignore")
from telegram.ext import Filters, MessageHandler, Updater  # noqa: E402


def main():
	base_url, token, chat, count = sys.argv[1:5]
	updater = Updater(token, base_url=f"{base_url}/bot")
	bot, left, enough = updater.bot, [int(count)], threading.Event()

	def heard(update, _):
		message = update.message
		print("heard", message.text, flush=True)
		message.reply_text(f"echo: {message.text}", quote=True)
		left[0] -= 1
		if left[0] <= 0:
			enough.set()

	topic = bot._post("createForumTopic", {"chat_id": chat,
		"name": "Echo chamber"})["message_thread_id"]
	bot.send_message(chat, "I am listening.",
		api_kwargs={"message_thread_id": topic})
	print(topic, flush=True)
	updater.dispatcher.add_handler(MessageHandler(Filters.text, heard))
	updater.start_polling(timeout=1, allowed_updates=["message"])
	ended = enough.wait(120)
	updater.stop()
	sys.exit(0 if ended else 1)


if __name__ == "__main__":
	main()
