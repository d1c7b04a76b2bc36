/* SPDX-License-Identifier: MIT */
/*
 * A part as Telegram takes it: plain words, and entities that say how stretches of them
 * look, in UTF-16 units. No word needs to be escaped, and none can become markup.
 */
#include "telegram.h"

#include <string.h>

/* Telegram ignores the entities that a message has beyond a hundred. */
const struct dialect telegram_dialect = {.limit = 4096, .unit = UNIT_UTF16, .counts_words = true,
	.most_spans = 100};

static const char *const types[STYLES] = {[STYLE_BOLD] = "bold", [STYLE_ITALIC] = "italic",
	[STYLE_STRIKE] = "strikethrough", [STYLE_CODE] = "code", [STYLE_BLOCK] = "pre",
	[STYLE_QUOTE] = "blockquote", [STYLE_LINK] = "text_link"};

static struct json *
make_entity(const struct text *text, const struct span *span)
{
	struct json *entity = json_object();
	size_t offset = text_units(text->at, span->begin, UNIT_UTF16);
	size_t length = text_units(text->at + span->begin, span->end - span->begin, UNIT_UTF16);

	json_put_text(entity, "type", types[span->style]);
	json_put_number(entity, "offset", (double)offset);
	json_put_number(entity, "length", (double)length);
	if (span->detail)
		json_put_text(entity, span->style == STYLE_LINK ? "url" : "language", span->detail);
	return entity;
}

void
put_part(struct json *arguments, const struct styled *part, bool styles)
{
	struct json *entities = json_array();

	for (size_t i = 0; styles && i < part->count; i++)
		if (!link_is_bare(part, &part->spans[i]))
			json_append(entities, make_entity(&part->text, &part->spans[i]));
	json_put_bytes(arguments, "text", part->text.at, part->text.length);
	if (json_count(entities, ""))
		json_put(arguments, "entities", entities);
	else
		json_free(entities);
}

bool
refused_styles(const struct api_call *call)
{
	return call->status == 400 && call->refusal
		&& strcasestr(json_text_or(call->refusal, "description", ""), "entit");
}
