/* SPDX-License-Identifier: MIT */
/*
 * JSON: a small door to libjq, the only file that knows jv.
 *
 * A path is keys joined by dots ("handoff.session"); "" is the value itself. One that
 * begins with a slash is joined by slashes, for keys with dots ("/m.relates_to/event_id").
 * Readers never abort and never change a thing: a wrong kind reads as absent, and so does
 * whatever is asked of NULL.
 * A text borrowed from a value lives as long as the value does, unchanged.
 * `json_put*` takes ownership of the value it puts.
 */
#ifndef JSON_H
#define JSON_H

#include "text.h"

struct json;

/* Parse one value; NULL if it is not JSON, with the reason in *why (owned) when asked. */
struct json *json_parse(const char *bytes, size_t length, char **why);
/* As above for a string that our own store wrote; NULL or unparsable gives JSON null. */
struct json *json_parse_stored(const char *string);

struct json *json_object(void);
struct json *json_array(void);
struct json *json_array_of(const char *text); /* of this one */
struct json *json_null(void);
struct json *json_new_text(const char *bytes, size_t length);
struct json *json_copy(const struct json *value);
void json_free(struct json *value);

/* Borrowed text at the path, or NULL. A number reads as NULL: ids are texts. */
const char *json_text(const struct json *value, const char *path);
/* As above; *length counts the bytes, which may hold NULs. */
const char *json_bytes(const struct json *value, const char *path, size_t *length);
/* The text at the path, or `otherwise`. */
const char *json_text_or(const struct json *value, const char *path, const char *otherwise);
/* Text, or a whole number printed as its digits, owned; NULL if neither: for foreign ids. */
char *json_id(const struct json *value, const char *path);
double json_number(const struct json *value, const char *path, double otherwise);
/* A number without its fraction; what an int cannot hold is the nearest that it can. */
int json_whole(const struct json *value, const char *path, int otherwise);
bool json_true(const struct json *value, const char *path);
bool json_has(const struct json *value, const char *path); /* present and not null */
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_text(const struct json *value);
bool json_equal(const struct json *one, const struct json *other);

/* The value at the path, owned; NULL if absent (JSON null counts as absent). */
struct json *json_at(const struct json *value, const char *path);
size_t json_count(const struct json *value, const char *path); /* of an array; else 0 */
struct json *json_item(const struct json *value, const char *path, size_t index); /* owned */
/* The first item of the array at the path that has the text at `key` ("": is it): owned or NULL. */
struct json *json_find(const struct json *value, const char *path, const char *key, const char *text);
/* Whether there is one. */
bool json_lists(const struct json *value, const char *path, const char *key, const char *text);
/* Calls for each key of the object at the path, in order, with a borrowed value. */
void json_each(const struct json *value, const char *path,
	void (*call)(const char *key, const struct json *item, void *data), void *data);

void json_put(struct json *object, const char *path, struct json *item);
void json_put_text(struct json *object, const char *path, const char *text); /* NULL puts null */
void json_put_bytes(struct json *object, const char *path, const char *bytes, size_t length);
void json_put_number(struct json *object, const char *path, double number);
void json_put_true(struct json *object, const char *path, bool truth);
void json_put_id(struct json *object, const char *path, long long id); /* as a text */
void json_drop(struct json *object, const char *path);
void json_append(struct json *array, struct json *item);
void json_append_text(struct json *array, const char *text);

void json_print(const struct json *value, struct text *into); /* compact, no line break */
char *json_string(const struct json *value);                  /* the same, owned */

/*
 * Add bytes as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD; false
 * says that this happened.
 */
bool json_quote(struct text *into, const char *bytes, size_t length);

/* A compiled jq program, for --jq. Compilation failure ends the program with 64. */
struct filter;
struct filter *filter_compile(const char *program);
/* Add each result as a line (strings raw, as jq -r would print them). */
void filter_apply(struct filter *filter, const struct json *value, struct text *into);

#endif
