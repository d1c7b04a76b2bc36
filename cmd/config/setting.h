/* SPDX-License-Identifier: MIT */
/*
 * One setting, however it was named: a dotted key of config.yaml, or a VARIABLE.
 */
#ifndef SETTING_H
#define SETTING_H

#include "json.h"

struct setting {
	const char *key; /* as it was named */
	char *variable;  /* its name in the environment, or NULL: only the file can hold it */
	bool dotted;     /* named as a key of the file */
	bool secret;
};

/* `key` is borrowed for as long as the setting lives. */
struct setting setting_named(const char *key);
void setting_release(struct setting *setting);

/* The value in effect, owned, or NULL; *layer says where it comes from. */
char *setting_value(const struct setting *setting, const char **layer);

/* Words, when a layer above the file that was just written still decides. */
void setting_warn(const struct setting *setting, bool in_dotenv);

/* The variable that a dotted key stands for, owned, or NULL. */
char *setting_variable(const char *key);

/* The texts of a list joined by commas, or a single text; owned. NULL if it is neither. */
char *setting_joined(const struct json *item);

/* Calls for each text and list of config.yaml below the path, with its whole dotted key. */
void setting_each(const char *path, void (*call)(const char *, const struct json *, void *),
	void *data);

#endif
