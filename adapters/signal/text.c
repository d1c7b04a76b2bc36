/* SPDX-License-Identifier: MIT */
/*
 * A part as Signal takes it: plain words, and styles as "start:length:STYLE" in UTF-16
 * units. Longer texts than 2000 bytes become attachments.
 */
#include "signal.h"

#include "die.h"

#include <stdlib.h>
#include <string.h>

const struct dialect signal_dialect = {.limit = 2000, .unit = UNIT_BYTES, .counts_words = true,
	.spells_links = true};

/* A quote has no look of its own; it leans. */
static const char *const looks[STYLES] = {[STYLE_BOLD] = "BOLD", [STYLE_ITALIC] = "ITALIC",
	[STYLE_STRIKE] = "STRIKETHROUGH", [STYLE_CODE] = "MONOSPACE", [STYLE_BLOCK] = "MONOSPACE",
	[STYLE_QUOTE] = "ITALIC"};

void
put_part(struct json *params, const struct styled *part)
{
	const char *text = part->text.at;
	struct json *styles = json_array();

	for (size_t i = 0; i < part->count; i++) {
		const struct span *span = &part->spans[i];
		char *style;

		if (!looks[span->style])
			continue;
		style = xformat("%zu:%zu:%s", text_units(text, span->begin, UNIT_UTF16),
			text_units(text + span->begin, span->end - span->begin, UNIT_UTF16),
			looks[span->style]);
		json_append_text(styles, style);
		free(style);
	}
	json_put_bytes(params, "message", text, part->text.length);
	if (json_count(styles, ""))
		json_put(params, "textStyle", styles);
	else
		json_free(styles);
}
