/* SPDX-License-Identifier: MIT */
/*
 * The environments that an adapter is asked in:
 *
 *	own       as hermes would give it: this user's configuration
 *	bare      without any configuration, and with an empty folder for a home
 *	cut off   as bare, with the user's settings (or a guess at what is required), but all
 *	          addresses lead nowhere: whoever asks this network for anything is refused at once
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "check.h"

/* `own` and `bare`; call again once `about` is known, as it says what configuration is. */
void settings_make(struct check *check);
/* `cut_off`, which takes `about`, and whether there is a configuration. */
void settings_cut_off(struct check *check);
/* `own` without one variable. Owned; its entries are not. */
char **settings_without(const struct check *check, const char *name);
void settings_free(struct check *check);

/* Whether anything is required. */
bool settings_required(const struct check *check);
/* The first required setting that `own` does not have; NULL: all are there. Owned. */
char *settings_missing(const struct check *check);

#endif
