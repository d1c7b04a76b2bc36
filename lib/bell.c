/* SPDX-License-Identifier: MIT */
#include "bell.h"

#include "figures.h"
#include "home.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static const double FIRST = 50e-6, SLOWEST = 5e-3, WINDOW = 1.0;
static const double NET = 10.0, POLLING = 0.25; /* the slow poll, with and without inotify */

void
bell_open(struct bell *bell)
{
	bell->pause = 0;
	bell->until = 0;
	bell->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (bell->fd >= 0
		&& inotify_add_watch(bell->fd, home_path(), IN_MODIFY | IN_CREATE | IN_DELETE) < 0)
		bell_close(bell);
}

/*
 * The last close of an inotify descriptor waits until no processor can still be looking at
 * it, 8 ms or so. Nobody needs to wait for that: a child is the last to close it.
 */
void
bell_close(struct bell *bell)
{
	if (bell->fd < 0)
		return;
	if (!fork()) { /* with nothing else in hand: no lease, no pipe */
		if (bell->fd > 0)
			close_range(0, (unsigned)bell->fd - 1, 0);
		close_range((unsigned)bell->fd + 1, ~0u, 0);
		close(bell->fd);
		_exit(0);
	}
	close(bell->fd);
	bell->fd = -1;
}

void
bell_ring(void)
{
	char *path = home_file("state.db-bell");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0) {
		if (pwrite(fd, "\n", 1, 0) < 0)
			(void)0; /* the slow poll is the net */
		close(fd);
	}
	free(path);
}

double
bell_pause(const struct bell *bell, double wish)
{
	double most = bell->pause > 0 ? bell->pause : bell->fd >= 0 ? NET : POLLING;

	return wish < most ? wish : most;
}

/* What the queue says: 2 the bell, 1 a foreign touch of the store, 0 nothing of ours. */
static int
drain(int fd)
{
	_Alignas(struct inotify_event) char events[8192];
	int heard = 0;
	ssize_t length;

	while ((length = read(fd, events, sizeof events)) > 0)
		for (char *at = events; at < events + length;) {
			const struct inotify_event *event = (const void *)at;

			at += sizeof *event + event->len;
			if (event->mask & IN_Q_OVERFLOW)
				heard = 2;
			else if (!event->len)
				continue;
			else if (!strcmp(event->name, "state.db-bell"))
				heard = 2;
			else if (heard < 1 && (!strcmp(event->name, "state.db-wal")
				|| !strcmp(event->name, "state.db-journal")))
				heard = 1;
		}
	return heard;
}

bool
bell_heard(struct bell *bell)
{
	double now = clock_steady();
	int heard = bell->fd >= 0 ? drain(bell->fd) : 2;

	if (heard == 2) { /* behind it a foreign touch may hide that is not committed yet */
		bell->pause = SLOWEST;
		bell->slowest = WINDOW;
		bell->until = now + WINDOW;
		return true;
	}
	if (heard == 1) {
		bell->pause = FIRST;
		bell->slowest = SLOWEST;
		bell->until = now + WINDOW;
		return true;
	}
	if (bell->pause <= 0)
		return false;
	bell->pause = bell->pause * 2 < bell->slowest ? bell->pause * 2 : bell->slowest;
	if (now >= bell->until)
		bell->pause = 0;
	return true;
}

bool
bell_wait(struct bell *bell, double deadline)
{
	for (;;) {
		double left = deadline - clock_steady(), pause;
		struct pollfd queue = {.fd = bell->fd, .events = POLLIN};
		struct timespec time;
		int ready;

		if (left <= 0)
			return false;
		pause = bell_pause(bell, left);
		time.tv_sec = (time_t)pause;
		time.tv_nsec = (long)((pause - (double)time.tv_sec) * 1e9);
		ready = ppoll(&queue, 1, &time, NULL);
		if (ready < 0)
			return true;
		if (bell_heard(bell) || !ready)
			return true;
	}
}
