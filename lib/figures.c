/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
figure(const char *variable, double otherwise)
{
	const char *text = getenv(variable);
	char *end;
	double value;

	if (!text || !*text)
		return otherwise;
	value = strtod(text, &end);
	return *end || end == text ? otherwise : value;
}

static double
seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double
clock_now(void)
{
	return seconds(CLOCK_REALTIME) + figure("HERMES_CLOCK", 0);
}

double
clock_steady(void)
{
	return seconds(CLOCK_MONOTONIC);
}

void
clock_sleep(double seconds)
{
	struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	while (seconds > 0 && nanosleep(&left, &left) && errno == EINTR)
		;
}

bool
clock_due(double at, double delay, double now)
{
	return at <= now || at - now > delay + 1;
}

int
figure_attempts(void)
{
	double attempts = figure("HERMES_ATTEMPTS", 5);

	return attempts < 1 ? 1 : (int)attempts;
}

/* The nth of a list of seconds, or its last. */
static double
nth(const char *variable, const char *otherwise, int n)
{
	const char *list = getenv(variable);
	double delay = 0;

	if (!list || !*list)
		list = otherwise;
	for (int i = 0; (i < n || !i) && *list; i++) {
		char *end;

		delay = strtod(list, &end);
		list = *end == ',' ? end + 1 : "";
	}
	return delay;
}

double
figure_backoff(int attempt)
{
	return nth("HERMES_BACKOFF", "2,8,30,120", attempt);
}

double
figure_probe(int tries)
{
	return nth("HERMES_PROBE", "300,1800,7200,28800,86400", tries);
}

double
figure_pending(void)
{
	return figure("HERMES_PENDING", 900);
}

double
figure_adapter(void)
{
	return figure("HERMES_ADAPTER_LIMIT", 60);
}

double
figure_turn(void)
{
	return figure("HERMES_TURN_LIMIT", 900);
}

double
figure_claimed(void)
{
	return figure("HERMES_CLAIM_WAIT", 60);
}

double
figure_hold(void)
{
	return figure("HERMES_HOLD", 60);
}

double
figure_wait(void)
{
	return figure("HERMES_WAIT", 1);
}

double
figure_poll(void)
{
	return figure("HERMES_POLL", 25);
}

double
figure_grace(void)
{
	return figure("HERMES_GRACE", 30);
}
