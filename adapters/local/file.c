/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "die.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
file_read(const char *path, struct text *into)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd < 0)
		return -1;
	do {
		text_reserve(into, 4096);
		got = read(fd, into->at + into->length, 4096);
		if (got > 0)
			into->length += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	close(fd);
	into->at[into->length] = '\0';
	return got < 0 ? -1 : 0;
}

static int
write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		length -= (size_t)done;
	}
	return 0;
}

int
folder_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

	if (fd < 0)
		return -1;
	failed = fsync(fd);
	close(fd);
	return failed;
}

int
folder_make(const char *path, const char *parent)
{
	if (mkdir(path, 0700))
		return errno == EEXIST ? 0 : -1;
	return folder_sync(parent);
}

int
file_put(const char *folder, const char *name, const struct json *value)
{
	char *path = xformat("%s/%s", folder, name);
	char *fresh = xformat("%s/.%s.%ld", folder, name, (long)getpid());
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), failed = -1;
	struct text line = TEXT_INIT;

	if (fd >= 0) {
		json_print(value, &line);
		text_puts(&line, "\n");
		failed = write_all(fd, line.at, line.length) || fdatasync(fd) || rename(fresh, path)
			|| folder_sync(folder) ? -1 : 0;
		close(fd);
	}
	text_release(&line);
	free(path);
	free(fresh);
	return failed;
}

int
folder_make_all(const char *path)
{
	char *part = xstrdup(path);
	int failed = 0;

	for (char *slash = strchr(part + 1, '/'); !failed; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		failed = mkdir(part, 0700) && errno != EEXIST ? -1 : 0;
		if (!slash)
			break;
		*slash = '/';
	}
	free(part);
	return failed;
}
