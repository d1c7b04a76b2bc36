/* SPDX-License-Identifier: MIT */
/* Allocators that never return NULL: without memory the program ends with 70. */
#ifndef ALLOC_H
#define ALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
void no_memory(void) __attribute__((noreturn));

#endif
