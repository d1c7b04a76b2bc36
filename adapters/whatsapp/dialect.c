/* SPDX-License-Identifier: MIT */
/*
 * How texts look in WhatsApp: marks that cannot be escaped (marks.h), quotes, and no links
 * with words of their own.
 */
#include "whatsapp.h"

#include "marks.h"

static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	marks_escape(out, bytes, length, styles, NULL);
}

static const struct markup marks = {
	.tags = {MARKS_TAGS}, .escape = escape, .quote = "> ", .by_line = true};

static void
write_styled(struct text *out, const struct styled *styled)
{
	marks_write(out, styled, &marks);
}

/* Meta says "characters": counted as the greater of what that can mean. */
const struct dialect whatsapp_dialect = {.limit = 4096, .unit = UNIT_UTF16,
	.write = write_styled, .spells_links = true};
