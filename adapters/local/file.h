/* SPDX-License-Identifier: MIT */
/*
 * Files and folders as the rooms need them: there as a whole or not at all, also after a
 * loss of power. All give -1 with errno when they cannot.
 */
#ifndef LOCAL_FILE_H
#define LOCAL_FILE_H

#include "json.h"

int file_read(const char *path, struct text *into);
/* Put `value` into FOLDER/NAME in the place of what is there. */
int file_put(const char *folder, const char *name, const struct json *value);
int folder_make(const char *path, const char *parent); /* it may be there already */
int folder_make_all(const char *path);                 /* and those above it */
int folder_sync(const char *path);

#endif
