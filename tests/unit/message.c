/* SPDX-License-Identifier: MIT */
/*
 * message UNIT LIMIT [words] <question: what message.h makes of it, one part a line. Without
 * `words` the platform is one that writes and counts [style]…[/style] tags.
 */
#include "message.h"

#include "json.h"
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	(void)styles;
	for (size_t i = 0; i < length; i++)
		if (strchr("[]", bytes[i])) {
			text_add(out, "\\", 1);
			text_add(out, bytes + i, 1);
		} else {
			text_add(out, bytes + i, 1);
		}
}

static void
write_tags(struct text *out, const struct styled *styled)
{
	static const struct markup markup = {.tags = {[STYLE_BOLD] = {"[b]", "[/b]", NULL},
		[STYLE_ITALIC] = {"[i]", "[/i]", NULL}, [STYLE_STRIKE] = {"[s]", "[/s]", NULL},
		[STYLE_CODE] = {"[c]", "[/c]", NULL}, [STYLE_BLOCK] = {"[block %s]\n", "\n[/block]", "[block]\n"},
		[STYLE_QUOTE] = {"[q]", "[/q]", NULL}, [STYLE_LINK] = {"[a %s]", "[/a]", NULL}},
		.escape = escape};

	styled_write(out, styled, &markup);
}

int
main(int argc, char **argv)
{
	struct dialect dialect = {.limit = strtoul(argc > 2 ? argv[2] : "4096", NULL, 10),
		.unit = argc > 1 && !strcmp(argv[1], "utf16") ? UNIT_UTF16
			: argc > 1 && !strcmp(argv[1], "bytes") ? UNIT_BYTES : UNIT_POINTS,
		.write = argc > 3 ? NULL : write_tags, .keyed = true};
	struct text text = TEXT_INIT;
	struct json *question = json_object();
	char block[65536];
	ssize_t got;
	int parts = 1;

	while ((got = read(0, block, sizeof block)) > 0)
		text_add(&text, block, (size_t)got);
	json_put_bytes(question, "text", text.at, text.length);
	if (argc > 4)
		json_put_text(question, "format", argv[4]);
	for (int i = 1; i <= parts; i++) {
		struct styled part;
		char *written;

		json_put_number(question, "part", i);
		if (!message_part(question, &dialect, &part, &parts))
			break;
		written = message_written(&dialect, &part);
		printf("--- %d/%d %zu\n%s\n", i, parts, part.count, written);
		free(written);
		styled_release(&part);
	}
	return 0;
}
