/* SPDX-License-Identifier: MIT */
/*
 * hermes-adapter-matrix login: an access token for a password, once. A log-in at every call
 * would end the token of the call before it, or leave devices behind; and keys are known
 * again for one device only. So a token is fetched once, for a device with a fixed name,
 * and kept with the other secrets.
 */
#include "matrix.h"

#include "die.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
login(void)
{
	static const char remedy[] = "login needs to know who the bot is";
	const char *device = adapter_setting("DEVICE_ID"), *token;
	struct api_call call = matrix_login(adapter_required("USER_ID", remedy),
		adapter_required("PASSWORD", remedy), device ? device : "HERMES");

	if (!call.result)
		die(strcmp(call.class, "transient") ? EX_NO : EX_AWAY, "login: %s%s%s", call.why,
			call.remedy ? "; " : "", call.remedy ? call.remedy : "");
	token = json_text(call.result, "access_token");
	if (!token)
		die(EX_AWAY, "login: the homeserver gave no token");
	puts(token);
	program_end(0);
}

int
matrix_people(int argc, char **argv)
{
	if (strcmp(argv[0], "login") != 0 || argc > 1)
		die(EX_USER, "one verb of hermes-adapter(7) is needed, or login");
	if (isatty(STDOUT_FILENO))
		die(EX_USER, "login: its answer is a secret; "
			"hermes adapter-matrix login | hermes config set MATRIX_ACCESS_TOKEN -");
	login();
	return 0;
}
