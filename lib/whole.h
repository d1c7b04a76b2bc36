/* SPDX-License-Identifier: MIT */
/*
 * Small files that are read whole and replaced whole: what a reader sees is the old
 * file or the new one, never a half of either. A regular file only: a folder, a pipe
 * or a dangling link is trouble, not an empty file.
 */
#ifndef WHOLE_H
#define WHOLE_H

#include "text.h"

enum { WHOLE_MOST = 1 << 20 }; /* bytes of a file that people write */

/* 0: its bytes were added to `into`; 1: there is no such file; -1: why is in *why (owned). */
int whole_read(const char *path, struct text *into, char **why);

/*
 * Replace (or make) the file, 0600, by a synced temporary file beside it. A link is
 * followed, so that the file it names is the one replaced. -1: the reason is in *why (owned).
 */
int whole_replace(const char *path, const char *bytes, size_t length, char **why);

#endif
