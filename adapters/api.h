/* SPDX-License-Identifier: MIT */
/*
 * One call of a platform's HTTP API, and what came of it. A platform says how its
 * refusals look and what they mean; everything else is alike everywhere: what a broken
 * transfer proves, what stands in for a platform when a proxy or a login page answers,
 * that a 5xx may have been carried out, and that no secret gets into a word.
 */
#ifndef API_H
#define API_H

#include "adapter.h"
#include "http.h"

/* What a refusal says; borrowed from the answer, or static. */
struct api_refusal {
	int status;         /* HTTP's, unless the platform says it better */
	const char *code;   /* the platform's own; "": none */
	const char *words;  /* "": none */
	double retry_after; /* seconds; negative: not said here, so Retry-After counts */
};

/* What refusals mean: the first line that fits. */
struct api_meaning {
	int status;         /* 0: any */
	const char *code;   /* exactly; NULL: any */
	const char *words;  /* stand in the refusal's, in whatever case; NULL: any */
	const char *class;  /* of hermes-adapter(7); "unknown": it may have been carried out; NULL ends
			       the table, and means "request" */
	const char *remedy; /* or NULL */
};

enum api_answer {
	API_FINE,    /* the platform's, and no refusal; success when the status is 2xx, too */
	API_REFUSED, /* the platform's refusal, whatever the status */
	API_STRANGE, /* nothing that the platform says */
};

struct api_platform {
	const char *name; /* for words */
	/* What a JSON answer is; fills the refusal if it is one. */
	enum api_answer (*read)(const struct json *answer, struct api_refusal *refusal);
	const struct api_meaning *meanings;
	const struct adapter_need *needs; /* its secrets are blotted out of every word */
	/* Seconds that the platform's headers want no further such call; NULL: it has none such. */
	double (*rest)(const struct http_reply *reply);
	bool wordless; /* success may come without JSON: its result is an empty object */
	/*
	 * HTTP's status says it all: `read` is asked about NULL where nothing was said with it,
	 * or no JSON beside a status that is not 2xx.
	 */
	bool by_status;
};

struct api_request {
	const char *method;         /* NULL: POST with a body, GET without */
	const char *url;
	const char *const *headers; /* NULL-ended; NULL: none */
	const char *token;          /* Authorization: Bearer TOKEN; never said in a word; NULL: none */
	const char *scheme;         /* in place of Bearer */
	const struct json *json;    /* the body; else `body`, or none */
	const char *body;
	size_t length;
	bool repeatable; /* a question, or an act under a key */
	bool direct;     /* to a program on this machine: by no proxy */
	double limit;    /* seconds; 0: what adapter_left() allows */
	size_t most;     /* bytes of an answer; 0: as http.h has it */
};

struct api_call {
	struct json *result;  /* of success: the whole answer, owned; else NULL */
	struct json *refusal; /* the whole answer that is a refusal, owned; else NULL */
	bool unknown;         /* it may have been carried out */
	int status;           /* HTTP's, or the refusal's; 0: none came */
	char *code;           /* the refusal's, owned; NULL: none */
	const char *class;    /* of hermes-adapter(7), for all but success */
	char *why, *remedy;   /* owned, without secrets; the remedy may be NULL */
	double retry_after;   /* seconds, at most a day; negative: not said */
	double rest;          /* seconds; 0: none */
	struct text headers;  /* for api_header */
};

/* What a refusal means that came in some other way than by an answer. Fills the call. */
void api_refused(const struct api_platform *platform, const struct api_refusal *refusal,
	struct api_call *call);

void api_ask(const struct api_platform *platform, const struct api_request *request,
	struct api_call *call);
void api_release(struct api_call *call);

/* The value of a header of the answer, by its name in whatever case; NULL: there is none. */
const char *api_header(const struct api_call *call, const char *name);

/* Better advice than the table's. Takes `remedy`. */
void api_advise(struct api_call *call, char *remedy);

/* The answer for a question that failed: nothing can have happened. Owned. */
struct json *api_error(const struct api_call *call);
/* The answer for an act that failed: `outcome`, or unknown. Owned. */
struct json *api_failure(const struct api_call *call, const char *outcome);

/* X_BASE_URL, or the usual one; without a slash at its end. Owned. */
char *api_base(const char *usual);

/* Words from outside as an answer may bear them: clean, short, without our secrets. Owned. */
char *api_said(const struct api_platform *platform, const char *words);

#endif
