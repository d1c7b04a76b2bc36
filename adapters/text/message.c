/* SPDX-License-Identifier: MIT */
/*
 * From the question of `send` to the part it asks for: the text is rendered, links that the
 * platform cannot show are spelled out, then it is cut, and marked if it is sent again.
 */
#include "styled.h"

#include "alloc.h"

#include <stdlib.h>
#include <string.h>

const char resent_mark[] = "[sent again, as the first may not have arrived]\n";

static bool
is_spelled(const struct span *span, const struct dialect *dialect, size_t room)
{
	if (span->style != STYLE_LINK)
		return false;
	if (!dialect->write)
		return dialect->spells_links || !dialect->counts_words;
	return dialect->spells_links || (!dialect->counts_words
		&& text_units(span->detail, strlen(span->detail), dialect->unit) > room / 4);
}

/* Copies words and spans into `to`, in the order in which they begin. */
struct copier {
	const struct styled *from;
	struct styled *to;
	size_t at;                                 /* copied so far */
	struct { size_t from, to; } open[STYLES];  /* spans that have not ended, as indices */
	size_t depth;
	const struct dialect *dialect;
	size_t room;
};

static void
copy_words(struct copier *copier, size_t end)
{
	text_add(&copier->to->text, copier->from->text.at + copier->at, end - copier->at);
	copier->at = end;
}

/* End what ends until `end`, with the URL behind a link that is spelled out. */
static void
end_until(struct copier *copier, size_t end)
{
	while (copier->depth) {
		const struct span *span = &copier->from->spans[copier->open[copier->depth - 1].from];
		size_t to = copier->open[copier->depth - 1].to;

		if (span->end > end)
			break;
		copy_words(copier, span->end);
		if (to != (size_t)-1)
			copier->to->spans[to].end = copier->to->text.length;
		else if (!link_is_bare(copier->from, span))
			text_format(&copier->to->text, " (%s)", span->detail);
		copier->depth--;
	}
}

static void
begin_span(struct copier *copier, size_t index)
{
	struct span span = copier->from->spans[index];
	size_t to = (size_t)-1;

	copy_words(copier, span.begin);
	if (!is_spelled(&span, copier->dialect, copier->room)) {
		to = copier->to->count;
		span.begin = copier->to->text.length;
		span.detail = span.detail ? xstrdup(span.detail) : NULL;
		styled_add(copier->to, span);
	}
	copier->open[copier->depth].from = index;
	copier->open[copier->depth++].to = to;
}

static void
spell_links(struct styled *styled, const struct dialect *dialect, size_t room)
{
	struct styled spelled = STYLED_INIT;
	struct copier copier = {.from = styled, .to = &spelled, .dialect = dialect, .room = room};
	bool any = false;

	for (size_t i = 0; i < styled->count && !any; i++)
		any = is_spelled(&styled->spans[i], dialect, room);
	if (!any)
		return;
	for (size_t i = 0; i < styled->count; i++) {
		end_until(&copier, styled->spans[i].begin);
		begin_span(&copier, i);
	}
	end_until(&copier, styled->text.length);
	copy_words(&copier, styled->text.length);
	styled_release(styled);
	*styled = spelled;
}

static size_t
mark_units(const struct dialect *dialect)
{
	struct styled mark = {.text = {(char *)resent_mark, sizeof resent_mark - 1, 0}};

	return styled_units(&mark, dialect);
}

static void
put_mark(struct styled *part)
{
	size_t shift = sizeof resent_mark - 1;
	struct text marked = TEXT_INIT;

	text_add(&marked, resent_mark, shift);
	text_add(&marked, part->text.at, part->text.length);
	text_release(&part->text);
	part->text = marked;
	for (size_t i = 0; i < part->count; i++) {
		part->spans[i].begin += shift;
		part->spans[i].end += shift;
	}
}

/* The words of the question; Markdown that shows none is shown as it was typed. */
static void
render(struct styled *styled, const struct json *question, const struct dialect *dialect)
{
	size_t length = 0;
	const char *text = json_bytes(question, "text", &length);

	*styled = (struct styled)STYLED_INIT;
	if (text && !dialect->plain && strcmp(json_text_or(question, "format", ""), "plain") != 0)
		styled_markdown(styled, text, length);
	if (text && !styled->text.length)
		text_add(&styled->text, text, length);
}

bool
message_part(const struct json *question, const struct dialect *dialect, struct styled *part,
	int *parts)
{
	size_t mark = dialect->keyed ? 0 : mark_units(dialect);
	size_t room = dialect->limit > mark ? dialect->limit - mark : 1;
	int index = json_whole(question, "part", 1);
	struct styled whole;

	render(&whole, question, dialect);
	spell_links(&whole, dialect, room);
	*part = (struct styled)STYLED_INIT;
	*parts = styled_cut(&whole, dialect, room, index, part);
	styled_release(&whole);
	if (index < 1 || index > *parts)
		return false;
	if (!dialect->keyed && json_has(question, "again"))
		put_mark(part);
	return true;
}

struct json *
message_send(const struct json *question, const struct dialect *dialect,
	struct json *(*send)(const struct json *question, const struct styled *part, int parts))
{
	struct styled part;
	int parts;
	struct json *answer = message_part(question, dialect, &part, &parts)
		? send(question, &part, parts)
		: answer_not("not_sent", "request", "the text has no such part", NULL);

	styled_release(&part);
	return answer;
}

char *
message_written(const struct dialect *dialect, const struct styled *part)
{
	struct text written = TEXT_INIT;

	if (dialect->write)
		dialect->write(&written, part);
	else
		text_add(&written, part->text.at, part->text.length);
	return text_take(&written);
}

bool
same_words(const char *one, const char *other)
{
	static const char blanks[] = " \t\r\n";
	size_t lengths[2];

	one += strspn(one, blanks);
	other += strspn(other, blanks);
	lengths[0] = strlen(one);
	lengths[1] = strlen(other);
	while (lengths[0] && strchr(blanks, one[lengths[0] - 1]))
		lengths[0]--;
	while (lengths[1] && strchr(blanks, other[lengths[1] - 1]))
		lengths[1]--;
	return lengths[0] == lengths[1] && !memcmp(one, other, lengths[0]);
}
