/* SPDX-License-Identifier: MIT */
/*
 * HTTP through libcurl, and the judgement that libcurl leaves to us: when a transfer
 * breaks, had anything of the request left? CURLINFO_PRETRANSFER_TIME answers it. It is
 * zero until name, proxy, TCP and TLS are all done, so before that nothing was said, and
 * after that nothing is known.
 *
 * HTTP/1.1 only: one connection carries one request at a time and no stream is ever
 * repeated behind our back. Every text made here names the host and nothing else of the
 * URL, and none of libcurl's own texts passes: they quote what they please.
 */
#include "http.h"

#include "die.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_LIMIT = 10, RETRY_MOST = 86400 };

struct exchange {
	const struct http_request *request;
	struct http_reply *reply;
	CURL *curl;
	bool enough, too_large;
};

/* One handle for the process: repeatable requests may share its connections. */
static CURL *
handle(void)
{
	static CURL *curl;

	if (!curl && (curl_global_init(CURL_GLOBAL_DEFAULT) || !(curl = curl_easy_init())))
		die(EX_BUG, "libcurl cannot be started");
	curl_easy_reset(curl);
	return curl;
}

static void
set(CURL *curl, CURLoption option, long value)
{
	if (curl_easy_setopt(curl, option, value))
		die(EX_BUG, "libcurl refuses its option %d", (int)option);
}

static void
set_text(CURL *curl, CURLoption option, const char *value)
{
	if (curl_easy_setopt(curl, option, value))
		die(EX_BUG, "libcurl refuses its option %d", (int)option);
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *data)
{
	struct exchange *exchange = data;
	const struct http_request *request = exchange->request;
	struct text *body = &exchange->reply->body;
	size_t length = size * count, most = request->most ? request->most : HTTP_BODY_MOST;
	long status = 0;

	curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
	if (request->on_data && status / 100 == 2) {
		exchange->enough = !request->on_data(bytes, length, request->data);
		return exchange->enough ? 0 : length;
	}
	exchange->too_large = length > most - body->length;
	if (exchange->too_large)
		return 0;
	text_add(body, bytes, length);
	return length;
}

static const char *
variable(const char *name, const char *other)
{
	const char *value = getenv(name);

	return value && *value ? value : getenv(other);
}

/*
 * The proxy, owned; "" for none. Names are resolved at the proxy, whatever the user wrote:
 * who needs a proxy often cannot resolve them here. HTTP_PROXY in capitals is not read, as
 * a web server may have made it from a request's header; NO_PROXY is libcurl's to apply.
 */
static char *
choose_proxy(const struct http_request *request)
{
	static const char *const remote[][2] = {
		{"socks5://", "socks5h://"}, {"socks://", "socks5h://"}, {"socks4://", "socks4a://"}};
	bool tls = !strncasecmp(request->url, "https:", 6);
	const char *proxy = request->proxy;

	if (!proxy)
		proxy = tls ? variable("https_proxy", "HTTPS_PROXY") : getenv("http_proxy");
	if (!request->proxy && (!proxy || !*proxy))
		proxy = variable("all_proxy", "ALL_PROXY");
	if (!proxy)
		proxy = "";
	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
		size_t length = strlen(remote[i][0]);

		if (!strncasecmp(proxy, remote[i][0], length))
			return xformat("%s%s", remote[i][1], proxy + length);
	}
	return xstrdup(proxy);
}

static struct curl_slist *
make_headers(const struct http_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	bool typed = !request->body;

	for (const char *const *header = request->headers; header && *header; header++) {
		typed = typed || !strncasecmp(*header, "Content-Type:", 13);
		list = curl_slist_append(list, *header);
	}
	return typed ? list : curl_slist_append(list, "Content-Type: application/json");
}

static void
set_limits(CURL *curl, const struct http_request *request)
{
	double connect = request->connect > 0 ? request->connect : CONNECT_LIMIT;

	set(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect * 1000 + 0.5));
	if (request->limit > 0)
		set(curl, CURLOPT_TIMEOUT_MS, (long)(request->limit * 1000 + 1));
	if (request->idle > 0) {
		set(curl, CURLOPT_LOW_SPEED_LIMIT, 1);
		set(curl, CURLOPT_LOW_SPEED_TIME, (long)(request->idle + 0.999));
	}
}

static void
set_trust(CURL *curl, const struct http_request *request)
{
	const char *ca = request->ca ? request->ca : getenv("CURL_CA_BUNDLE");
	char *proxy = choose_proxy(request);

	set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	set_text(curl, CURLOPT_PROXY, proxy);
	free(proxy);
	if (ca && *ca) {
		set_text(curl, CURLOPT_CAINFO, ca);
		set_text(curl, CURLOPT_PROXY_CAINFO, ca);
	}
}

static void
set_request(CURL *curl, const struct http_request *request, struct curl_slist *headers)
{
	set_text(curl, CURLOPT_URL, request->url);
	set_text(curl, CURLOPT_USERAGENT, "hermes/" HERMES_VERSION);
	set(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set(curl, CURLOPT_NOSIGNAL, 1);
	set(curl, CURLOPT_FOLLOWLOCATION, 0);
	set(curl, CURLOPT_FRESH_CONNECT, !request->repeatable);
	set(curl, CURLOPT_FORBID_REUSE, !request->repeatable);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (request->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
		set_text(curl, CURLOPT_POSTFIELDS, request->body);
	}
	if (request->method)
		set_text(curl, CURLOPT_CUSTOMREQUEST, request->method);
	set_limits(curl, request);
	set_trust(curl, request);
}

/* The URL's host, owned: all of a URL that may be told. */
static char *
host_of(const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL, *owned;

	if (parts && !curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME))
		curl_url_get(parts, CURLUPART_HOST, &host, 0);
	owned = xstrdup(host ? host : "the server");
	curl_free(host);
	curl_url_cleanup(parts);
	return owned;
}

/* What went wrong before anything was sent; a remedy means that waiting does not help. */
struct trouble {
	CURLcode code;
	const char *words; /* %s: the host */
	bool misset;
	const char *remedy;
};

static const struct trouble troubles[] = {
	{CURLE_UNSUPPORTED_PROTOCOL, "%s: not an http or https address", true,
		"mend the base URL"},
	{CURLE_URL_MALFORMAT, "%s: the address cannot be read", true, "mend the base URL"},
	{CURLE_COULDNT_RESOLVE_PROXY, "the proxy on the way to %s cannot be found", false,
		"look at the proxy's name, and at the network"},
	{CURLE_COULDNT_RESOLVE_HOST, "%s cannot be found", false,
		"look at the name, and at the network"},
	{CURLE_COULDNT_CONNECT, "no connection to %s", false, NULL},
	{CURLE_OPERATION_TIMEDOUT, "no connection to %s within the time limit", false, NULL},
	{CURLE_SSL_CONNECT_ERROR, "no TLS connection to %s", false, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, "the certificate of %s cannot be verified", true,
		"look at the address and the clock; a private authority belongs into the "
		"platform's CA_FILE setting"},
	{CURLE_SSL_CACERT_BADFILE, "the certificates to verify %s with cannot be read", true,
		"look at the platform's CA_FILE setting, or CURL_CA_BUNDLE"},
	{CURLE_SSL_CERTPROBLEM, "a certificate for %s cannot be used", true, NULL},
	{CURLE_SSL_CIPHER, "no common cipher with %s", true, NULL},
	{CURLE_PROXY, "the proxy does not let us through to %s", false,
		"look at the proxy's settings"},
	{CURLE_OK, "the connection to %s broke before anything was sent", false, NULL},
};

static const struct trouble refused_by_proxy = {
	CURLE_PROXY, "the proxy on the way to %s refuses the user or password", true,
	"mend the user and password in the proxy setting"};
static const struct trouble cut_off = {
	CURLE_COULDNT_CONNECT, "no connection to %s, or to the proxy on the way there", false, NULL};

static const struct trouble *
find_trouble(CURL *curl, CURLcode code, bool proxied)
{
	const struct trouble *trouble = troubles;
	long detail = CURLPX_OK, answer = 0;

	curl_easy_getinfo(curl, CURLINFO_PROXY_ERROR, &detail);
	curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &answer);
	if (detail == CURLPX_USER_REJECTED || detail == CURLPX_NO_AUTH || answer == 407)
		return &refused_by_proxy;
	if (code == CURLE_COULDNT_CONNECT && proxied)
		return &cut_off;
	while (trouble->code != code && trouble->code != CURLE_OK)
		trouble++;
	return trouble;
}

static char *
words_of(const struct trouble *trouble, const char *host)
{
	struct text words = TEXT_INIT;
	const char *hole = strstr(trouble->words, "%s");

	text_add(&words, trouble->words, (size_t)(hole - trouble->words));
	text_puts(&words, host);
	text_puts(&words, hole + 2);
	return text_take(&words);
}

static char *
broken_words(const struct exchange *exchange, CURLcode code, const char *host)
{
	if (exchange->too_large)
		return xformat("%s answered with more than can be right", host);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return xformat("%s took the request and did not answer in time", host);
	return xformat("the connection to %s broke before the whole answer came", host);
}

/* What is known about a request that got no whole answer. */
static void
judge(const struct exchange *exchange, CURLcode code)
{
	struct http_reply *reply = exchange->reply;
	char *host = host_of(exchange->request->url), *proxy = choose_proxy(exchange->request);
	curl_off_t ready = 0;

	curl_easy_getinfo(exchange->curl, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (ready) {
		reply->outcome = HTTP_UNKNOWN;
		reply->why = broken_words(exchange, code, host);
	} else {
		const struct trouble *trouble = find_trouble(exchange->curl, code, *proxy);

		reply->outcome = trouble->misset ? HTTP_MISSET : HTTP_NOT_SENT;
		reply->why = words_of(trouble, host);
		reply->remedy = trouble->remedy;
	}
	free(proxy);
	free(host);
}

/* A write to a connection that the other side closed must not kill us. */
static CURLcode
perform(CURL *curl)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	CURLcode code = curl_easy_perform(curl);

	signal(SIGPIPE, before);
	return code;
}

/* Names and values, each ended by a NUL. */
static void
read_headers(CURL *curl, struct http_reply *reply)
{
	struct curl_header *header = NULL;

	while ((header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header))) {
		text_add(&reply->headers, header->name, strlen(header->name) + 1);
		text_add(&reply->headers, header->value, strlen(header->value) + 1);
	}
}

const char *
http_header(const struct http_reply *reply, const char *name)
{
	const char *at = reply->headers.at, *end = at + reply->headers.length;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (!strcasecmp(at, name))
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

void
http_escape(struct text *into, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));

	if (!escaped)
		die(EX_BUG, "libcurl cannot escape a text");
	text_puts(into, escaped);
	curl_free(escaped);
}

void
http_unescape(struct text *into, const char *escaped, size_t length)
{
	int plain = 0;
	char *text = length ? curl_easy_unescape(NULL, escaped, (int)length, &plain) : NULL;

	if (text)
		text_add(into, text, (size_t)plain);
	else if (length)
		die(EX_BUG, "libcurl cannot read an escaped text");
	curl_free(text);
}

static void
read_head(CURL *curl, struct http_reply *reply)
{
	curl_off_t after = 0;
	long status = 0;
	struct curl_header *header;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	read_headers(curl, reply);
	if (curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &header))
		return;
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after); /* reads dates too */
	reply->retry_after = after < 0 ? 0 : after > RETRY_MOST ? RETRY_MOST : (double)after;
}

void
http_ask(const struct http_request *request, struct http_reply *reply)
{
	struct exchange exchange = {request, reply, handle(), false, false};
	struct curl_slist *headers = make_headers(request);
	CURLcode code;

	*reply = (struct http_reply){.body = TEXT_INIT, .headers = TEXT_INIT, .retry_after = -1};
	set_request(exchange.curl, request, headers);
	curl_easy_setopt(exchange.curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(exchange.curl, CURLOPT_WRITEDATA, &exchange);
	code = perform(exchange.curl);
	read_head(exchange.curl, reply);
	if (code != CURLE_OK && !exchange.enough)
		judge(&exchange, code);
	curl_slist_free_all(headers);
}

void
http_release(struct http_reply *reply)
{
	text_release(&reply->body);
	text_release(&reply->headers);
	free(reply->why);
	*reply = (struct http_reply){.body = TEXT_INIT, .headers = TEXT_INIT};
}
