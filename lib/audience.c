/* SPDX-License-Identifier: MIT */
#include "audience.h"

#include "config.h"
#include "die.h"
#include "place.h"

#include <stdlib.h>
#include <string.h>

const char audience_remedy[] =
	"name a private chat, or allow it with --shared or platforms.PLATFORM.shared: true";

enum { NAMES_MOST = 8 };

/*
 * How many would read, or -1: nobody knows. Names count where they are more than the size; a
 * private chat of which nothing is said has its one human.
 */
static double
readers(const struct json *place, const struct json *audience)
{
	double names = (double)json_count(audience, "names");
	double size = json_number(audience, "size", names > 0 ? names : -1);

	if (!json_is_object(audience))
		return strcmp(json_text_or(place, "kind", ""), "dm") ? -1 : 1;
	if (!json_true(audience, "known"))
		return -1;
	return size < names && size >= 0 ? names : size;
}

char *
audience_words(const struct json *audience)
{
	struct text words = TEXT_INIT;
	double size = readers(NULL, audience);
	size_t names = json_count(audience, "names");

	if (size < 0)
		text_puts(&words, "an unknown number of people");
	else
		text_format(&words, "%.0f %s", size, size == 1 ? "person" : "people");
	for (size_t i = 0; i < names && i < NAMES_MOST; i++) {
		struct json *name = json_item(audience, "names", i);

		text_format(&words, "%s%s", i ? ", " : ": ", json_text_or(name, "", "?"));
		json_free(name);
	}
	if (names > NAMES_MOST)
		text_puts(&words, ", …");
	return text_take(&words);
}

char *
audience_refused(const char *platform, const struct json *place, const struct json *audience)
{
	double size = readers(place, audience);
	char *who, *where, *refusal;

	if (size >= 0 && size <= 1)
		return NULL;
	if (config_platform_true(platform, "shared"))
		return NULL;
	who = audience_words(audience);
	where = place_words(place);
	refusal = xformat("%s would be read by %s", where, who);
	free(who);
	free(where);
	return refusal;
}
