/* SPDX-License-Identifier: MIT */
/*
 * Two FNV-1a sums, the second from the other end: 120 bits against chance; nobody gains by
 * finding two texts of one delivery that share a key.
 */
#include "key.h"

#include <stdint.h>
#include <string.h>

static const char parts[][14] = {"delivery", "place.chat", "place.thread", "text", "title",
	"format"};

static uint64_t
sum(const struct text *text, bool backwards)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < text->length; i++) {
		size_t at = backwards ? text->length - 1 - i : i;

		sum = (sum ^ (unsigned char)text->at[at]) * 0x100000001b3;
	}
	sum = (sum ^ sum >> 33) * 0xff51afd7ed558ccd; /* the last bytes reach all bits */
	return sum ^ sum >> 33;
}

char *
act_key(const struct json *question, const char *act)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct text asked = TEXT_INIT, key = TEXT_INIT;
	uint64_t sums[2];

	text_format(&asked, "%s %.0f", act, json_number(question, "part", 1));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *part = json_text_or(question, parts[i], "");

		text_add(&asked, "", 1);
		text_add(&asked, part, strlen(part));
	}
	sums[0] = sum(&asked, false);
	sums[1] = sum(&asked, true);
	for (int i = 0; i < KEY_LENGTH; i++)
		text_add(&key, &digits[sums[i % 2] >> i / 2 * 5 & 31], 1);
	text_release(&asked);
	return text_take(&key);
}
