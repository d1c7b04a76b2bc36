/* SPDX-License-Identifier: MIT */
/*
 * Asking signal-cli: JSON-RPC, posted to a daemon on this machine. It answers 200 whatever
 * happened. A success may hold failures, one for each that a message was to reach; and when
 * it reached nobody, the same results lie inside an error. They tell more than the error's
 * number, so they are looked at first.
 *
 * The daemon asks nobody who they are. Where it is not on this machine something else has to
 * guard the way to it, and only its owner can know that.
 */
#include "signal.h"

#include "die.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct adapter_need signal_needs[] = {
	{"ACCOUNT", false, true, "the account that signal-cli holds: its number, +491701234567"},
	{"HTTP_URL", false, false, "signal-cli's daemon; http://127.0.0.1:8080 unless it is set"},
	{"HTTP_REMOTE", false, false,
		"yes: the daemon may be on another machine, as something else guards the way there"},
	{"HOME_CHANNEL", false, false, "where handoffs go: a number, an account id or a group's id"},
	{"BASE_URL", false, false, "asked in place of SIGNAL_HTTP_URL"},
	{"PROXY", true, false, "a proxy to a daemon on another machine"},
	{"CA_FILE", false, false, "certificates to trust in place of the system's"},
	{0}};

static const char trust[] = "compare the safety number with them; then: "
	"signal-cli trust --verified-safety-number NUMBER RECIPIENT";

static const struct api_meaning meanings[] = {
	{0, "-32602", NULL, "config", "mend SIGNAL_ACCOUNT; signal-cli listAccounts shows what is there"},
	{0, "-32601", NULL, "config", "use signal-cli 0.13 or newer"},
	{0, "-32700", NULL, "request", NULL},
	{0, "-32600", NULL, "request", NULL},
	{0, "-32603", NULL, "unknown", "look at signal-cli's log"},
	{0, NULL, "already being received", "busy",
		"start the daemon with --receive-mode=manual, and let one program only receive"},
	{0, NULL, "not registered", "chat", "look at the number: it has no Signal account"},
	{0, NULL, "unregistered", "chat", "look at the number: it has no Signal account"},
	{0, NULL, "group not found", "chat", "add the account to the group"},
	{0, NULL, "invalid group id", "request", NULL},
	{0, NULL, "not a group member", "chat", "add the account to the group again"},
	{0, NULL, "not a member", "chat", "add the account to the group again"},
	{0, NULL, "sending not allowed", "config", "let the account write in the group"},
	{0, NULL, "only admins", "config", "let the account write in the group"},
	{0, NULL, "not authorized", "config", "the account was unlinked: link or register it again"},
	{0, "-3", NULL, "unknown", NULL},
	{0, "-2", NULL, "unknown", NULL},
	{0, "-4", NULL, "config", trust},
	{0, "-5", NULL, "transient", "Signal slows this account down; send less, or solve its captcha"},
	{0, "-6", NULL, "config", "solve the captcha again: signal-cli submitRateLimitChallenge"},
	{0}};

/* A number as a code: those that mean something here. */
static const char *
code_of(const struct json *error)
{
	static const char *const codes[] = {"-1", "-2", "-3", "-4", "-5", "-6", "-32600", "-32601",
		"-32602", "-32603", "-32700"};
	double number = json_number(error, "code", 0);

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (number == strtod(codes[i], NULL))
			return codes[i];
	return "";
}

static enum api_answer
read_answer(const struct json *answer, struct api_refusal *refusal)
{
	struct json *error = json_at(answer, "error");
	enum api_answer kind = API_STRANGE;

	if (!strcmp(json_text_or(answer, "jsonrpc", ""), "2.0"))
		kind = error ? API_REFUSED : json_has(answer, "result") ? API_FINE : API_STRANGE;
	refusal->code = code_of(error);
	refusal->words = json_text_or(answer, "error.message", "");
	json_free(error);
	return kind;
}

static const struct api_platform signal_cli = {.name = "signal-cli", .read = read_answer,
	.meanings = meanings, .needs = signal_needs};

const char *
signal_account(void)
{
	const char *account = adapter_required("ACCOUNT",
		"set it to the number that signal-cli holds, +491701234567");
	enum address kind = signal_address(account);

	if (kind != ADDRESS_NUMBER && kind != ADDRESS_UUID)
		die(EX_SETUP, "SIGNAL_ACCOUNT is no number (+491701234567) or account id");
	return account;
}

static bool
is_here(const char *url)
{
	static const char *const hosts[] = {"localhost", "[::1]"};
	const char *host = strstr(url, "://"), *numbers;

	host = host ? host + 3 : url;
	if (strcspn(host, "@") < strcspn(host, "/"))
		return false; /* what looks like the host is a user's name and password */
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		size_t length = strlen(hosts[i]);

		if (!strncasecmp(host, hosts[i], length) && strchr(":/", host[length]))
			return true;
	}
	numbers = host + strspn(host, "0123456789.");
	return !strncmp(host, "127.", 4) && strchr(":/", *numbers);
}

/* Where to ask, and whether that is on this machine; owned. */
static char *
find_url(bool *here)
{
	const char *set = adapter_setting("HTTP_URL");
	char *base = api_base(set ? set : "http://127.0.0.1:8080"), *url;

	*here = is_here(base);
	if (!*here && !adapter_setting("HTTP_REMOTE"))
		die(EX_SETUP, "SIGNAL_HTTP_URL is on another machine, and signal-cli asks nobody who they "
			"are; use a tunnel to 127.0.0.1, or set SIGNAL_HTTP_REMOTE=yes where the way is guarded");
	url = xformat("%s/api/v1/rpc", base);
	free(base);
	return url;
}

bool
signal_ready(void)
{
	bool here;

	signal_account();
	free(find_url(&here));
	return here;
}

static struct api_call
call_method(const char *method, struct json *params, bool repeatable, double limit)
{
	struct json *question = json_object(), *whole;
	bool here;
	char *url = find_url(&here);
	struct api_request request = {.url = url, .json = question, .repeatable = repeatable,
		.limit = limit, .direct = here};
	struct api_call call;

	json_put_text(params, "account", signal_account());
	json_put_text(question, "jsonrpc", "2.0");
	json_put_text(question, "id", "hermes");
	json_put_text(question, "method", method);
	json_put(question, "params", params);
	api_ask(&signal_cli, &request, &call);
	whole = call.result;
	call.result = json_at(whole, "result");
	json_free(whole);
	json_free(question);
	free(url);
	return call;
}

struct api_call
signal_ask(const char *method, struct json *params)
{
	return call_method(method, params, true, 0);
}

struct api_call
signal_act(const char *method, struct json *params, double limit)
{
	return call_method(method, params, false, limit);
}

/* What each failure means. Of several the later one stands: it leaves more open. */
static const struct failure {
	const char *type, *class, *why, *remedy; /* a class of NULL: it may be there */
} failures[] = {
	{"UNREGISTERED_FAILURE", "chat", "they have no Signal account, or none any more",
		"choose another chat"},
	{"IDENTITY_FAILURE", "config", "their safety number changed, and is not trusted", trust},
	{"INVALID_PRE_KEY_FAILURE", "transient", "their device's keys cannot be used now", NULL},
	{"RATE_LIMIT_FAILURE", "transient", "Signal slows this account down", NULL},
	{"NETWORK_FAILURE", NULL, "signal-cli lost Signal's server while it sent", NULL},
	{NULL, NULL, "signal-cli names a failure that nobody here knows", NULL}};

static const struct failure *
find_failure(const struct json *result)
{
	const struct failure *failure = failures;

	while (failure->type && strcmp(failure->type, json_text_or(result, "type", "")) != 0)
		failure++;
	return failure;
}

struct fates
signal_fates(const struct json *results)
{
	struct fates fates = {json_count(results, ""), 0, NULL};

	for (size_t i = 0; i < fates.count; i++) {
		struct json *result = json_item(results, "", i);

		if (!strcmp(json_text_or(result, "type", ""), "SUCCESS")) {
			fates.reached++;
		} else if (!fates.failure || find_failure(result) > find_failure(fates.failure)) {
			json_free(fates.failure);
			fates.failure = json_copy(result);
		}
		json_free(result);
	}
	return fates;
}

/* What to do about a captcha; its token is for its owner's eyes, and has no odd characters. */
static char *
captcha_remedy(const char *token)
{
	for (const char *at = token; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("-_.", *at))
			token = "TOKEN";
	return xformat("solve the captcha at signalcaptchas.org; then: signal-cli "
		"submitRateLimitChallenge --challenge %s --captcha CAPTCHA", token);
}

struct json *
signal_failure(const struct json *failure)
{
	const struct failure *meant = find_failure(failure);
	const char *token = json_text(failure, "token");
	double after = json_number(failure, "retryAfterSeconds", -1);
	char *remedy = token ? captcha_remedy(token) : NULL;
	struct json *answer = meant->class ? answer_not("not_sent", meant->class, meant->why,
		remedy ? remedy : meant->remedy) : answer_unknown(meant->why);

	if (after >= 0)
		json_put_number(answer, "retry_after", after < 86400 ? after : 86400);
	free(remedy);
	return answer;
}

struct json *
signal_refused(const struct api_call *call)
{
	struct json *results = json_at(call->refusal, "error.data.response.results");
	struct fates fates = signal_fates(results);
	struct json *answer = fates.failure && !fates.reached ? signal_failure(fates.failure) : NULL;

	json_free(fates.failure);
	json_free(results);
	return answer;
}
