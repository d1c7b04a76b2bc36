/* SPDX-License-Identifier: MIT */
/*
 * Changing one value of a YAML file by splicing bytes: comments, order and every other
 * line stay as a person wrote them. The result is read again and compared with what
 * was meant; an edit that would mean anything else is refused in words.
 */
#ifndef YAMLEDIT_H
#define YAMLEDIT_H

#include <stddef.h>

/*
 * The file with the value at the dotted path replaced or inserted. Where a list stands,
 * the value's comma-separated items become the list. Owned; NULL with *why (owned).
 */
char *yamledit_set(const char *bytes, size_t length, const char *path, const char *value,
	char **why);

/* The file without the key (and without mappings this leaves empty); as it was if it has none. */
char *yamledit_unset(const char *bytes, size_t length, const char *path, char **why);

#endif
