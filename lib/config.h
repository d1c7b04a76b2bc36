/* SPDX-License-Identifier: MIT */
/*
 * Configuration: $HERMES_HOME/config.yaml under $HERMES_HOME/.env under the
 * environment. It is read once, at the first question. A file that cannot be read or
 * parsed ends the program with 78, naming file, line and column: fail closed, never
 * go on without it. A missing file is an empty one.
 *
 * A platform's setting has one name in the file and one in the environment:
 * platforms.telegram.base_url is TELEGRAM_BASE_URL. home_channel.chat_id, .thread_id
 * and .name are X_HOME_CHANNEL, X_HOME_CHANNEL_THREAD_ID and X_HOME_CHANNEL_NAME.
 * Keys under platforms.X are upper-cased, joined with "_"; lists become
 * comma-separated. In the same way agent.base_url is HERMES_AGENT_BASE_URL.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "json.h"

/* The merged file as JSON (scalars are texts, as written); borrowed. */
const struct json *config_tree(void);

/* A scalar of the file at a dotted path, or NULL. Borrowed. */
const char *config_text(const char *path);
bool config_true(const char *path, bool otherwise); /* yes/no, true/false, on/off, 1/0 */

/* A variable from the environment, else from .env, else NULL. Borrowed. */
const char *config_variable(const char *name);

/* A platform's setting, by its key in the file ("home_channel.chat_id"), or NULL. Borrowed. */
const char *config_platform(const char *platform, const char *key);

/* The variable of a platform's setting: home_channel.chat_id is TELEGRAM_HOME_CHANNEL. Owned. */
char *config_name(const char *platform, const char *key);

/* The platform that a variable belongs to by its prefix (the longest counts), or NULL. Borrowed. */
const char *config_owner(const char *variable);

/*
 * A variable through all three layers, config.yaml's sections included, and the layer
 * that decides: "environment", ".env" or "config.yaml". NULL when not set. Borrowed.
 */
const char *config_setting(const char *variable, const char **layer);

/*
 * The same for an item of about's `config`: by its "name", else by what other programs
 * call it, its "also". Borrowed.
 */
const char *config_need(const struct json *need, const char **layer);

/* Whether a variable is set that reads like a setting, and is no known platform's by its name. */
bool config_strangers(void);

/* What .env holds, as an object of texts; borrowed. */
const struct json *config_dotenv(void);

/* Platforms with a section in the file or with an adapter, as a JSON array of names. Borrowed. */
const struct json *config_known(void);

bool config_platform_true(const char *platform, const char *key); /* a truth word; absent is no */

/* Whether `item` is in the comma-separated or listed setting; bytes are compared as they are. */
bool config_listed(const char *platform, const char *key, const char *item);

/* A setting that is a list, or a text of items with commas between, as an array. Owned. */
struct json *config_items(const struct json *setting);

/*
 * Platforms that are enabled, as a JSON array of names: those with enabled true, or
 * with any setting of their own (a token, a home) and enabled not false. Owned.
 */
struct json *config_platforms(void);
bool config_enabled(const char *platform);

/*
 * The environment for an adapter of this platform: ours, less what names another
 * platform's settings, with this platform's X_ variables filled in from .env and the
 * file; and from the variables that `needs` (about's `config`, or NULL) names as "also".
 * Owned, NULL-ended. For an agent (platform NULL): ours plus what .env holds,
 * less every platform's settings, with HERMES_AGENT_ variables filled in.
 */
char **config_environment(const char *platform, const struct json *needs);

/*
 * session.identityLinks: the canonical name of "platform:user", or NULL. Borrowed.
 */
const char *config_person(const char *platform, const char *user);

#endif
