/* SPDX-License-Identifier: MIT */
/*
 * What an agent writes, as a platform takes it. An agent's Markdown becomes styled text:
 * plain words, and spans that say how a stretch of them looks. A platform's dialect says how
 * much a message holds, how that is counted, and how styled text is written there. A part is
 * a slice of the styled text that fits; a slice clips its spans, so what a cut goes through
 * closes and opens again by itself.
 *
 * All of it is a pure function of the question and the dialect: part 3 asked for after a
 * crash is the part 3 of before.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "adapter.h"

enum style {
	STYLE_BOLD, STYLE_ITALIC, STYLE_STRIKE, STYLE_CODE, /* in a line */
	STYLE_BLOCK, STYLE_QUOTE,                           /* whole lines */
	STYLE_LINK,
	STYLES
};

/* Bytes begin to end of the words; detail: a link's URL, a block's language, or NULL. */
struct span {
	size_t begin, end;
	enum style style;
	char *detail;
};

/* Spans are sorted by begin, outer ones first, and properly nested; no style in itself. */
struct styled {
	struct text text;
	struct span *spans;
	size_t count;
};

#define STYLED_INIT { TEXT_INIT, NULL, 0 }

void styled_release(struct styled *styled);

/* Whether a link shows its own URL as its words: platforms make such a one by themselves. */
bool link_is_bare(const struct styled *styled, const struct span *span);

/*
 * How long the URL is that begins at `at` among so many bytes, without the signs that end a
 * sentence; 0: none begins there. Nothing in it may be escaped, as no platform undoes it.
 */
size_t url_length(const char *bytes, size_t most, size_t at);

/*
 * An agent's Markdown as styled text. Lists, rules and headings are plain words ("• item",
 * "1. item", "☐ to do", "———", a bold line), tables are blocks with aligned columns, or
 * "heading: cell" lines when they are wide; images are links, raw HTML is as it was typed.
 * Line breaks stay where the author put them. URLs that are no http, https, mailto, tel, tg
 * or matrix are no links.
 */
void styled_markdown(struct styled *styled, const char *bytes, size_t length);

enum text_unit { UNIT_BYTES, UNIT_POINTS, UNIT_UTF16 };
size_t text_units(const char *bytes, size_t length, enum text_unit unit);

struct dialect {
	size_t limit;           /* units a message holds */
	enum text_unit unit;    /* how the platform counts */
	/*
	 * The message as the platform is given it; NULL: the plain words. What is counted is
	 * what it writes, unless counts_words.
	 */
	void (*write)(struct text *out, const struct styled *styled);
	bool counts_words;      /* the platform counts the plain words only (entities) */
	bool keyed;             /* key or read-back: a part sent again bears no mark */
	bool spells_links;      /* no links with other words: written "words (URL)" */
	size_t most_spans;      /* a message holds so many spans; 0: any */
	bool plain;             /* every text is shown as it was typed */
};

/* What marks a part that is sent a second time because the first may have arrived. */
extern const char resent_mark[];

/*
 * The part that a question of `send` asks for, and *parts, how many there are. Its "format"
 * is "markdown", when it says nothing, or "plain". A part sent `again` begins with
 * resent_mark unless the dialect is keyed, and all are cut as if they did. False: there is
 * no such part; a text without words has none.
 */
bool message_part(const struct json *question, const struct dialect *dialect, struct styled *part,
	int *parts);

/* The answer of `send`: what this makes of the part, or that there is none such. Owned. */
struct json *message_send(const struct json *question, const struct dialect *dialect,
	struct json *(*send)(const struct json *question, const struct styled *part, int parts));

/* What dialect->write makes of it, or the plain words. Owned. */
char *message_written(const struct dialect *dialect, const struct styled *part);

/* Whether what was read back is what was written: platforms drop the blanks around it. */
bool same_words(const char *one, const char *other);

/*
 * Most writers are a table: what opens and closes a style, and how the words between are
 * escaped. "%s" in an opening or closing is the detail, as escape_detail writes it.
 */
struct markup {
	/* Both NULL: nothing. bare: the opening when there is no detail; NULL: `open`, with "". */
	struct {
		const char *open, *close, *bare;
	} tags[STYLES];
	/* `styles`: bits (1u << STYLE_…) of those in force. NULL: as they are. */
	void (*escape)(struct text *out, const char *bytes, size_t length, unsigned styles);
	void (*escape_detail)(struct text *out, const char *bytes, size_t length, unsigned styles);
	/* A link whose words are its URL is escape_detail of it between these; NULL: a link like any. */
	const char *url_open, *url_close;
	const char *line_break; /* for "\n" outside of blocks ("<br>"); NULL: "\n" */
	const char *quote;      /* begins each line of a quote ("> "), or NULL */
	bool by_line;           /* BOLD, ITALIC, STRIKE, CODE and LINK close and reopen at a line's end */
	bool blocks_break;      /* BLOCK and QUOTE are lines of their own: no line break beside them */
};
void styled_write(struct text *out, const struct styled *styled, const struct markup *markup);

#endif
