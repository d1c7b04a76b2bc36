/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "die.h"

#include <jq.h>
#include <jv.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
	jv value;
};

static struct json *
wrap(jv value)
{
	struct json *made = xmalloc(sizeof *made);

	made->value = value;
	return made;
}

static jv
unwrap(struct json *item)
{
	jv value = item->value;

	free(item);
	return value;
}

struct json *
json_parse(const char *bytes, size_t length, char **why)
{
	jv value;

	if (length > 0x3fffffff) { /* jv counts in int */
		if (why)
			*why = xstrdup("too large");
		return NULL;
	}
	value = jv_parse_sized(bytes, (int)length);
	if (jv_is_valid(value))
		return wrap(value);
	value = jv_invalid_get_msg(value);
	if (why) {
		*why = xstrdup(jv_get_kind(value) == JV_KIND_STRING ? jv_string_value(value)
			: "nothing there");
		(*why)[strcspn(*why, "(")] = '\0'; /* what follows quotes the whole input */
	}
	jv_free(value);
	return NULL;
}

struct json *
json_parse_stored(const char *string)
{
	struct json *parsed = string ? json_parse(string, strlen(string), NULL) : NULL;

	return parsed ? parsed : json_null();
}

struct json *
json_object(void)
{
	return wrap(jv_object());
}

struct json *
json_array(void)
{
	return wrap(jv_array());
}

struct json *
json_array_of(const char *text)
{
	struct json *array = json_array();

	json_append_text(array, text);
	return array;
}

struct json *
json_null(void)
{
	return wrap(jv_null());
}

struct json *
json_new_text(const char *bytes, size_t length)
{
	return wrap(jv_string_sized(bytes, (int)length));
}

struct json *
json_copy(const struct json *value)
{
	return wrap(jv_copy(value->value));
}

void
json_free(struct json *value)
{
	if (!value)
		return;
	jv_free(value->value);
	free(value);
}

/* One step of a path; consumes `value`. */
static jv
step(jv value, const char *key, size_t length)
{
	if (jv_get_kind(value) != JV_KIND_OBJECT) {
		jv_free(value);
		return jv_invalid();
	}
	return jv_object_get(value, jv_string_sized(key, (int)length));
}

/* What parts the keys of a path; a slash that says so is passed. */
static char
separator(const char **path)
{
	char found = **path == '/' ? '/' : '.';

	*path += found == '/';
	return found;
}

/* The value at the path with a reference of its own; invalid when absent. */
static jv
find(const struct json *value, const char *path)
{
	jv at = value ? jv_copy(value->value) : jv_invalid();
	char part = separator(&path);

	while (*path && jv_is_valid(at)) {
		size_t length = (size_t)(strchrnul(path, part) - path);

		at = step(at, path, length);
		path += length + (path[length] == part);
	}
	return at;
}

const char *
json_bytes(const struct json *value, const char *path, size_t *length)
{
	jv at = find(value, path);
	const char *text = NULL;

	if (jv_get_kind(at) == JV_KIND_STRING) {
		text = jv_string_value(at); /* the container keeps it alive */
		if (length)
			*length = (size_t)jv_string_length_bytes(jv_copy(at));
	}
	jv_free(at);
	return text;
}

const char *
json_text(const struct json *value, const char *path)
{
	return json_bytes(value, path, NULL);
}

const char *
json_text_or(const struct json *value, const char *path, const char *otherwise)
{
	const char *text = json_text(value, path);

	return text ? text : otherwise;
}

char *
json_id(const struct json *value, const char *path)
{
	const char *text = json_text(value, path);
	double number = json_number(value, path, NAN);

	if (text)
		return xstrdup(text);
	if (isnan(number) || number != floor(number) || fabs(number) > 9007199254740992.0)
		return NULL;
	return xformat("%.0f", number);
}

double
json_number(const struct json *value, const char *path, double otherwise)
{
	jv at = find(value, path);
	double number = jv_get_kind(at) == JV_KIND_NUMBER ? jv_number_value(at) : otherwise;

	jv_free(at);
	return number;
}

int
json_whole(const struct json *value, const char *path, int otherwise)
{
	double number = json_number(value, path, otherwise);

	return number >= INT_MAX ? INT_MAX : number > INT_MIN ? (int)number : INT_MIN; /* also of a NaN */
}

static bool
is_kind(const struct json *value, const char *path, jv_kind kind)
{
	jv at = find(value, path);
	bool is = jv_get_kind(at) == kind;

	jv_free(at);
	return is;
}

bool
json_true(const struct json *value, const char *path)
{
	return is_kind(value, path, JV_KIND_TRUE);
}

bool
json_has(const struct json *value, const char *path)
{
	return !is_kind(value, path, JV_KIND_INVALID) && !is_kind(value, path, JV_KIND_NULL);
}

bool
json_is_object(const struct json *value)
{
	return is_kind(value, "", JV_KIND_OBJECT);
}

bool
json_is_array(const struct json *value)
{
	return is_kind(value, "", JV_KIND_ARRAY);
}

bool
json_is_text(const struct json *value)
{
	return is_kind(value, "", JV_KIND_STRING);
}

bool
json_equal(const struct json *one, const struct json *other)
{
	return jv_equal(find(one, ""), find(other, ""));
}

struct json *
json_at(const struct json *value, const char *path)
{
	jv at = find(value, path);

	if (jv_is_valid(at) && jv_get_kind(at) != JV_KIND_NULL)
		return wrap(at);
	jv_free(at);
	return NULL;
}

size_t
json_count(const struct json *value, const char *path)
{
	jv at = find(value, path);

	if (jv_get_kind(at) == JV_KIND_ARRAY)
		return (size_t)jv_array_length(at);
	jv_free(at);
	return 0;
}

struct json *
json_item(const struct json *value, const char *path, size_t index)
{
	jv at = find(value, path);

	if (jv_get_kind(at) == JV_KIND_ARRAY && index < (size_t)jv_array_length(jv_copy(at)))
		return wrap(jv_array_get(at, (int)index));
	jv_free(at);
	return json_null();
}

struct json *
json_find(const struct json *value, const char *path, const char *key, const char *text)
{
	for (size_t i = 0, n = json_count(value, path); i < n; i++) {
		struct json *item = json_item(value, path, i);
		const char *found = json_text(item, key);

		if (found && !strcmp(found, text))
			return item;
		json_free(item);
	}
	return NULL;
}

bool
json_lists(const struct json *value, const char *path, const char *key, const char *text)
{
	struct json *found = json_find(value, path, key, text);

	json_free(found);
	return found;
}

void
json_each(const struct json *value, const char *path,
	void (*call)(const char *, const struct json *, void *), void *data)
{
	jv at = find(value, path);

	if (jv_get_kind(at) == JV_KIND_OBJECT)
		jv_object_foreach(at, key, item) {
			struct json borrowed = {item};

			call(jv_string_value(key), &borrowed, data);
			jv_free(key);
			jv_free(item);
		}
	jv_free(at);
}

/* `container` with `item` at the path; makes objects on the way; consumes both. */
static jv
put_in(jv container, const char *path, char part, jv item)
{
	size_t length = (size_t)(strchrnul(path, part) - path);
	jv key = jv_string_sized(path, (int)length);

	if (jv_get_kind(container) != JV_KIND_OBJECT) {
		jv_free(container);
		container = jv_object();
	}
	if (path[length] == part)
		item = put_in(jv_object_get(jv_copy(container), jv_copy(key)), path + length + 1, part,
			item);
	return jv_object_set(container, key, item);
}

static jv
put(jv container, const char *path, jv item)
{
	char part = separator(&path);

	return put_in(container, path, part, item);
}

void
json_put(struct json *object, const char *path, struct json *item)
{
	object->value = put(object->value, path, item ? unwrap(item) : jv_null());
}

void
json_put_text(struct json *object, const char *path, const char *text)
{
	object->value = put(object->value, path, text ? jv_string(text) : jv_null());
}

void
json_put_bytes(struct json *object, const char *path, const char *bytes, size_t length)
{
	object->value = put(object->value, path, jv_string_sized(bytes, (int)length));
}

void
json_put_number(struct json *object, const char *path, double number)
{
	object->value = put(object->value, path, jv_number(number));
}

void
json_put_true(struct json *object, const char *path, bool truth)
{
	object->value = put(object->value, path, truth ? jv_true() : jv_false());
}

void
json_put_id(struct json *object, const char *path, long long id)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%lld", id);
	json_put_text(object, path, digits);
}

static jv
drop(jv container, const char *path, char part)
{
	size_t length = (size_t)(strchrnul(path, part) - path);
	jv key, inner;

	if (jv_get_kind(container) != JV_KIND_OBJECT)
		return container;
	key = jv_string_sized(path, (int)length);
	if (path[length] != part)
		return jv_object_delete(container, key);
	inner = jv_object_get(jv_copy(container), jv_copy(key));
	if (jv_get_kind(inner) == JV_KIND_OBJECT)
		return jv_object_set(container, key, drop(inner, path + length + 1, part));
	jv_free(inner);
	jv_free(key);
	return container;
}

void
json_drop(struct json *object, const char *path)
{
	char part = separator(&path);

	object->value = drop(object->value, path, part);
}

void
json_append(struct json *array, struct json *item)
{
	if (jv_get_kind(array->value) != JV_KIND_ARRAY) {
		jv_free(array->value);
		array->value = jv_array();
	}
	array->value = jv_array_append(array->value, unwrap(item));
}

void
json_append_text(struct json *array, const char *text)
{
	json_append(array, json_new_text(text, strlen(text)));
}

void
json_print(const struct json *value, struct text *into)
{
	jv printed = jv_dump_string(jv_copy(value->value), 0);

	text_add(into, jv_string_value(printed), (size_t)jv_string_length_bytes(jv_copy(printed)));
	jv_free(printed);
}

char *
json_string(const struct json *value)
{
	struct text into = TEXT_INIT;

	json_print(value, &into);
	return text_take(&into);
}

/* Which bytes may stand in a JSON string as they are. */
static bool
is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void
add_escaped(struct text *into, unsigned char byte)
{
	static const char names[] = "\b\f\n\r\t\"\\";
	static const char *const escapes[] = {"\\b", "\\f", "\\n", "\\r", "\\t", "\\\"", "\\\\"};
	const char *found = byte ? strchr(names, byte) : NULL;

	if (found)
		text_add(into, escapes[found - names], 2);
	else
		text_format(into, "\\u%04x", byte);
}

bool
json_quote(struct text *into, const char *bytes, size_t length)
{
	bool whole = true;

	text_reserve(into, length + 2);
	text_add(into, "\"", 1);
	for (size_t i = 0; i < length;) {
		size_t run = i;
		long point;

		while (run < length && is_plain((unsigned char)bytes[run]))
			run++;
		text_add(into, bytes + i, run - i);
		i = run;
		if (i == length)
			break;
		run = utf8_step(bytes + i, length - i, &point);
		if (point < 0) {
			text_puts(into, "\xef\xbf\xbd");
			whole = false;
		} else if (point < 0x80) {
			add_escaped(into, (unsigned char)bytes[i]);
		} else {
			text_add(into, bytes + i, run);
		}
		i += run;
	}
	text_add(into, "\"", 1);
	return whole;
}

struct filter {
	jq_state *jq;
};

static void
compile_trouble(void *data, jv message)
{
	(void)data;
	message = jq_format_error(message);
	warn("--jq: %s", jv_string_value(message));
	jv_free(message);
}

struct filter *
filter_compile(const char *program)
{
	struct filter *filter = xmalloc(sizeof *filter);

	filter->jq = jq_init();
	if (!filter->jq)
		die(EX_BUG, "libjq does not start");
	jq_set_error_cb(filter->jq, compile_trouble, NULL);
	if (!jq_compile(filter->jq, program))
		die(EX_USER, "--jq: this filter does not compile");
	return filter;
}

void
filter_apply(struct filter *filter, const struct json *value, struct text *into)
{
	jv result;

	jq_start(filter->jq, jv_copy(value->value), 0);
	while (jv_is_valid(result = jq_next(filter->jq))) {
		if (jv_get_kind(result) == JV_KIND_STRING) {
			text_add(into, jv_string_value(result),
				(size_t)jv_string_length_bytes(jv_copy(result)));
			jv_free(result);
		} else {
			struct json *item = wrap(result);

			json_print(item, into);
			json_free(item);
		}
		text_add(into, "\n", 1);
	}
	if (jv_invalid_has_msg(jv_copy(result))) {
		jv message = jv_invalid_get_msg(result);
		struct json said = {message};
		char *words = jv_get_kind(message) == JV_KIND_STRING
			? xstrdup(jv_string_value(message)) : json_string(&said);

		die(EX_BAD, "--jq: %s", words);
	}
	jv_free(result);
}
