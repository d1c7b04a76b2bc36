/* SPDX-License-Identifier: MIT */
#include "lease.h"

#include "die.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct flock
byte_of(enum lease_kind kind, long long id)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)kind << 56 | (off_t)id, .l_len = 1};
}

int
lease_inherited(void)
{
	char *path = home_file("runs");
	struct stat here, there;
	int flags = fcntl(LEASE_FD, F_GETFL);
	bool same = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !fstat(LEASE_FD, &here)
		&& !stat(path, &there) && here.st_dev == there.st_dev && here.st_ino == there.st_ino;

	free(path);
	return same ? LEASE_FD : -1;
}

int
lease_own(void)
{
	static int fd = -1;
	char *path;

	if (fd >= 0)
		return fd;
	home_make();
	path = home_file("runs");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(EX_STORE, "%s: cannot be opened:", path);
	free(path);
	return fd;
}

bool
lease_take(int fd, enum lease_kind kind, long long id)
{
	struct flock byte = byte_of(kind, id);

	if (!fcntl(fd, F_OFD_SETLK, &byte))
		return true;
	if (errno != EAGAIN && errno != EACCES)
		die(EX_STORE, "%s/runs: cannot be locked:", home_path());
	return false;
}

void
lease_drop(int fd, enum lease_kind kind, long long id)
{
	struct flock byte = byte_of(kind, id);

	byte.l_type = F_UNLCK;
	if (fcntl(fd, F_OFD_SETLK, &byte))
		die(EX_STORE, "%s/runs: cannot be unlocked:", home_path());
}

bool
lease_held(enum lease_kind kind, long long id)
{
	struct flock byte = byte_of(kind, id);
	char *path = home_file("runs");
	static int fd = -1;

	if (fd < 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return false;
	if (fcntl(fd, F_OFD_GETLK, &byte))
		die(EX_STORE, "%s/runs: cannot be asked:", home_path());
	return byte.l_type != F_UNLCK;
}
