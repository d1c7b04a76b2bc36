/* SPDX-License-Identifier: MIT */
#include "whole.h"

#include "die.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(char **why, const char *what)
{
	*why = xformat("%s: %s", what, strerror(errno));
	return -1;
}

static int
read_all(int fd, struct text *into, char **why)
{
	char bytes[16384];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof bytes)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(why, "cannot be read");
		text_add(into, bytes, (size_t)got);
		if (into->length > WHOLE_MOST) {
			*why = xformat("is larger than %d KiB", WHOLE_MOST / 1024);
			return -1;
		}
	}
	return 0;
}

int
whole_read(const char *path, struct text *into, char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result;
	struct stat stat;

	if (fd < 0 && errno == ENOENT && lstat(path, &stat) && errno == ENOENT)
		return 1;
	if (fd < 0)
		return fail(why, "cannot be opened");
	if (fstat(fd, &stat) || !S_ISREG(stat.st_mode)) {
		*why = xstrdup("is not a regular file");
		result = -1;
	} else {
		result = read_all(fd, into, why);
	}
	close(fd);
	return result;
}

static int
write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			bytes += done;
			length -= (size_t)done;
		}
	}
	return fsync(fd);
}

/* The rename itself must survive a power cut too. */
static void
sync_folder(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

int
whole_replace(const char *path, const char *bytes, size_t length, char **why)
{
	char real[PATH_MAX], *temporary;
	int fd, result = 0;

	if (!realpath(path, real))
		snprintf(real, sizeof real, "%s", path);
	temporary = xformat("%s.XXXXXX", real);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		result = fail(why, "a file cannot be made beside it");
	} else if (write_all(fd, bytes, length) | close(fd) || rename(temporary, real)) {
		result = fail(why, "cannot be written");
		unlink(temporary);
	} else {
		sync_folder(real);
	}
	free(temporary);
	return result;
}
