/* SPDX-License-Identifier: MIT */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
no_memory(void)
{
	static const char words[] = "hermes: out of memory\n";

	if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
		(void)0;
	_exit(70);
}

void *
xmalloc(size_t size)
{
	void *at = malloc(size ? size : 1);

	if (!at)
		no_memory();
	return at;
}

void *
xrealloc(void *old, size_t size)
{
	void *at = realloc(old, size ? size : 1);

	if (!at)
		no_memory();
	return at;
}

char *
xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}
