/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request, and how much is known about it afterwards. A reply that did not
 * come is not a refusal: what left this machine may have been carried out.
 *
 *	struct http_request request = {.url = url, .body = body, .length = length,
 *		.limit = 30, .proxy = adapter_setting("PROXY"), .ca = adapter_setting("CA_FILE")};
 *	struct http_reply reply;
 *	http_ask(&request, &reply);
 *	…
 *	http_release(&reply);
 *
 * Certificates are always verified, redirects are never followed, and no text made here
 * holds a path, a query or a header: tokens live there.
 */
#ifndef HTTP_H
#define HTTP_H

#include "text.h"

enum http_outcome {
	HTTP_ANSWERED, /* a whole reply came: look at status and body */
	HTTP_NOT_SENT, /* nothing of the request left; later it may */
	HTTP_MISSET,   /* nothing left, nor will it before the configuration changes */
	HTTP_UNKNOWN,  /* it left, or may have; no whole reply came */
};

enum { HTTP_BODY_MOST = 8 << 20 }; /* a hundred of the longest messages, escaped, fit */

struct http_request {
	const char *method;         /* NULL: POST with a body, GET without */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-ended; NULL: none */
	const char *body;           /* sent as application/json unless a header says otherwise */
	size_t length;              /* of the body */
	/*
	 * Whether twice is the same as once: a question, or a key that the other side knows.
	 * Anything else goes over a connection of its own, as libcurl repeats a request by
	 * itself when a kept connection dies under it.
	 */
	bool repeatable;
	double connect; /* seconds until connected; 0: 10 */
	double limit;   /* seconds in all; 0: no limit */
	double idle;    /* seconds without a byte, also before the first; 0: no limit */
	size_t most;    /* bytes of body; 0: HTTP_BODY_MOST. More is HTTP_UNKNOWN */
	const char *proxy; /* before HTTPS_PROXY and ALL_PROXY; NULL: those. "" or NO_PROXY: none */
	const char *ca;    /* certificates to trust in place of the system's; NULL: CURL_CA_BUNDLE */
	/*
	 * Given each piece of a 2xx body as it comes, which is then not collected and not
	 * bounded by `most`. False: that was all that is wanted (HTTP_ANSWERED).
	 */
	bool (*on_data)(const char *bytes, size_t length, void *data);
	void *data;
};

struct http_reply {
	enum http_outcome outcome;
	int status;         /* of the answer; with HTTP_UNKNOWN what had come of it, or 0 */
	struct text body;
	struct text headers; /* for http_header */
	double retry_after; /* seconds from Retry-After, at most a day; negative: none */
	char *why;          /* owned words for all but HTTP_ANSWERED; NULL there */
	const char *remedy; /* or NULL */
};

/* Ask, wait, fill `reply`; it never fails otherwise. */
void http_ask(const struct http_request *request, struct http_reply *reply);
void http_release(struct http_reply *reply);

/* The value of a header of the reply, by its name in whatever case; NULL: there is none. */
const char *http_header(const struct http_reply *reply, const char *name);
/* Add a text as one segment of a path or one value of a query or form. */
void http_escape(struct text *into, const char *text);
/* Add what so many bytes of such a segment or value stand for; %XX that is none stays. */
void http_unescape(struct text *into, const char *escaped, size_t length);

#endif
