/* SPDX-License-Identifier: MIT */
/*
 * kill: a library to preload, which ends a process with SIGKILL at its n-th point. A point
 * is a moment after which the world, or the store, is not what it was: around BEGIN and
 * COMMIT, around each write, rename and request, around the start of another process. The
 * programs know nothing of it.
 *
 *	HERMES_KILL_PROGRAM  whom: "hermes-turn", or with its verb, "hermes-handoff claim"
 *	HERMES_KILL_AT       at which point, counted over all processes of that name
 *	HERMES_KILL_FILE     where the points are counted; says afterwards which one it was
 *
 * A shell script goes by the name of its file.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The file: shared by all processes of a run, those that were forked and not executed too. */
struct tally {
	atomic_long count;
	char fired[4096 - sizeof(long)];
};

static struct tally *tally;
static long wanted;
static char name[256];

/* --- points ---------------------------------------------------------------------- */

static void
point(const char *when, const char *what)
{
	if (!tally || atomic_fetch_add(&tally->count, 1) + 1 != wanted)
		return;
	snprintf(tally->fired, sizeof tally->fired, "%s: point %ld, %s %s", name, wanted, when, what);
	kill(getpid(), SIGKILL);
}

static const char *
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void
find_name(int argc, char **argv)
{
	int at = 0;

	if (argc > 1 && (!strcmp(base(argv[0]), "sh") || !strcmp(base(argv[0]), "bash")))
		at = 1;
	snprintf(name, sizeof name, "%s%s%s", base(argv[at]), argc > at + 1 ? " " : "",
		argc > at + 1 ? argv[at + 1] : "");
}

/* The name alone, or the name and the verb. */
static int
is_wanted(const char *program)
{
	size_t length = strlen(program);

	return !strncmp(name, program, length) && (!name[length] || name[length] == ' ');
}

static void __attribute__((constructor))
begin(int argc, char **argv)
{
	const char *program = getenv("HERMES_KILL_PROGRAM"), *at = getenv("HERMES_KILL_AT");
	const char *file = getenv("HERMES_KILL_FILE");
	void *map;
	int fd;

	if (!program || !at || !file || argc < 1)
		return;
	find_name(argc, argv);
	if (!is_wanted(program) || (fd = open(file, O_RDWR | O_CLOEXEC)) < 0)
		return;
	map = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	wanted = atol(at);
	tally = map;
	point("at", "its start");
}

static void __attribute__((destructor))
end(void)
{
	point("at", "its end");
}

/* --- what is watched ------------------------------------------------------------- */

/* The function that this library stands before. C has no plain way from void * to it. */
#define REAL(function) \
	static __typeof__(function) *real; \
	if (!real) { \
		void *found = dlsym(RTLD_NEXT, #function); \
		memcpy(&real, &found, sizeof real); \
	}

#define AROUND(what, type, call) \
	type result; \
	point("before", what); \
	result = call; \
	point("after", what); \
	return result

int sqlite3_exec(void *, const char *, int (*)(void *, int, char **, char **), void *, char **);

int
sqlite3_exec(void *db, const char *sql, int (*row)(void *, int, char **, char **), void *data,
	char **why)
{
	REAL(sqlite3_exec)

	if (strcmp(sql, "BEGIN IMMEDIATE") && strcmp(sql, "COMMIT"))
		return real(db, sql, row, data, why);
	AROUND(sql, int, real(db, sql, row, data, why));
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
	REAL(write)

	if (fd == STDERR_FILENO)
		return real(fd, bytes, length);
	AROUND(fd == STDOUT_FILENO ? "a write to stdout" : "a write", ssize_t,
		real(fd, bytes, length));
}

/* Nothing has happened before a read; only what it brought is a new state. */
ssize_t
read(int fd, void *bytes, size_t length)
{
	ssize_t got;
	REAL(read)

	got = real(fd, bytes, length);
	if (got >= 0)
		point("after", "a read");
	return got;
}

ssize_t
send(int fd, const void *bytes, size_t length, int flags)
{
	REAL(send)

	AROUND("a request", ssize_t, real(fd, bytes, length, flags));
}

ssize_t
recv(int fd, void *bytes, size_t length, int flags)
{
	ssize_t got;
	REAL(recv)

	got = real(fd, bytes, length, flags);
	if (got >= 0)
		point("after", "an answer");
	return got;
}

int
fsync(int fd)
{
	REAL(fsync)

	AROUND("fsync", int, real(fd));
}

/* SQLite's own: in the middle of a commit. */
int
fdatasync(int fd)
{
	REAL(fdatasync)

	AROUND("fdatasync", int, real(fd));
}

int
rename(const char *from, const char *to)
{
	REAL(rename)

	AROUND("rename", int, real(from, to));
}

int
link(const char *from, const char *to)
{
	REAL(link)

	AROUND("link", int, real(from, to));
}

pid_t
fork(void)
{
	REAL(fork)

	AROUND("fork", pid_t, real());
}

int
execve(const char *path, char *const argv[], char *const environment[])
{
	REAL(execve)

	point("before", "exec");
	return real(path, argv, environment);
}

pid_t
waitpid(pid_t pid, int *status, int options)
{
	pid_t ended;
	REAL(waitpid)

	ended = real(pid, status, options);
	if (ended > 0)
		point("after", "the end of a child");
	return ended;
}

pid_t
wait3(int *status, int options, struct rusage *usage)
{
	pid_t ended;
	REAL(wait3)

	ended = real(status, options, usage);
	if (ended > 0)
		point("after", "the end of a child");
	return ended;
}

int
ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	int ready;
	REAL(ppoll)

	ready = real(fds, count, timeout, mask);
	if (ready > 0)
		point("after", "waiting");
	return ready;
}
