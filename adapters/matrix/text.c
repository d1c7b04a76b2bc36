/* SPDX-License-Identifier: MIT */
/*
 * A part as Matrix takes it: plain words for those who show no more, and HTML of the few
 * tags that all clients know.
 */
#include "matrix.h"

#include <stdlib.h>

/* & < > and " mean something wherever they stand. Of several blanks, HTML would show one. */
static void
escape(struct text *out, const char *bytes, size_t length, unsigned styles)
{
	static const char nbsp[] = "\u00a0";
	bool code = styles & (1u << STYLE_CODE | 1u << STYLE_BLOCK);

	for (size_t i = 0; i < length; i++) {
		switch (bytes[i]) {
		case '&': text_puts(out, "&amp;"); break;
		case '<': text_puts(out, "&lt;"); break;
		case '>': text_puts(out, "&gt;"); break;
		case '"': text_puts(out, "&quot;"); break;
		case ' ': text_puts(out, i + 1 < length && bytes[i + 1] == ' ' && !code ? nbsp : " "); break;
		default: text_add(out, bytes + i, 1);
		}
	}
}

static const struct markup html = {
	.tags = {
		[STYLE_BOLD] = {"<strong>", "</strong>", NULL},
		[STYLE_ITALIC] = {"<em>", "</em>", NULL},
		[STYLE_STRIKE] = {"<del>", "</del>", NULL},
		[STYLE_CODE] = {"<code>", "</code>", NULL},
		[STYLE_BLOCK] = {"<pre><code class=\"language-%s\">", "</code></pre>", "<pre><code>"},
		[STYLE_QUOTE] = {"<blockquote>", "</blockquote>", NULL},
		[STYLE_LINK] = {"<a href=\"%s\">", "</a>", NULL}},
	.escape = escape, .escape_detail = escape, .line_break = "<br>", .blocks_break = true};

static void
write_html(struct text *out, const struct styled *styled)
{
	styled_write(out, styled, &html);
}

/*
 * An event has at most 65535 bytes. Both bodies are in it, the plain one no longer than the
 * other, and JSON may double each.
 */
const struct dialect matrix_dialect = {.limit = 15000, .unit = UNIT_BYTES, .write = write_html,
	.keyed = true};

/* Where no HTML is shown, a link says where it leads. */
static const struct markup plain = {.tags = {[STYLE_LINK] = {"", " (%s)", NULL}}, .url_open = ""};

void
put_part(struct json *content, const struct styled *part)
{
	struct text body = TEXT_INIT;
	char *written;

	styled_write(&body, part, &plain);
	json_put_bytes(content, "body", body.at, body.length);
	text_release(&body);
	if (!part->count)
		return;
	written = message_written(&matrix_dialect, part);
	json_put_text(content, "format", "org.matrix.custom.html");
	json_put_text(content, "formatted_body", written);
	free(written);
}
