/* SPDX-License-Identifier: MIT */
#include "ids.h"

#include "alloc.h"
#include "lines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char **
words_operands(const struct usage *usage, int count, char **argv)
{
	struct lines in = LINES_INIT(STDIN_FILENO);
	char **words = NULL, *line;
	size_t found = 0;

	if (!count)
		opts_misused(usage, "something to work on is needed: its id, or - to read ids from stdin");
	if (count > 1 || strcmp(argv[0], "-")) {
		words = xmalloc(((size_t)count + 1) * sizeof *words);
		memcpy(words, argv, ((size_t)count + 1) * sizeof *words);
		return words;
	}
	while ((line = lines_next(&in, NULL, 0))) {
		if (!*line)
			continue;
		words = xrealloc(words, (found + 2) * sizeof *words);
		words[found++] = xstrdup(line);
	}
	if (!words)
		words = xmalloc(sizeof *words);
	words[found] = NULL;
	lines_release(&in);
	return words;
}

struct ids
ids_operands(const struct usage *usage, int count, char **argv)
{
	char **words = words_operands(usage, count, argv);
	struct ids ids = {NULL, 0};

	for (size_t i = 0; words[i]; i++) {
		char *end;
		long long id = strtoll(words[i], &end, 10);

		if (*end || end == words[i] || id <= 0)
			opts_misused(usage, "%s: is not an id", words[i]);
		ids.list = xrealloc(ids.list, (ids.count + 1) * sizeof *ids.list);
		ids.list[ids.count++] = id;
	}
	return ids;
}
