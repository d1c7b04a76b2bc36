/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "die.h"
#include "lines.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool
probe_start(struct probe *probe, int *to)
{
	int ends[2];

	if (pipe(ends) || (probe->pid = fork()) < 0)
		die(EX_BUG, "a process cannot be started:");
	probe->from = ends[0];
	*to = ends[1];
	if (!probe->pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(ends[0]);
		return true;
	}
	close(ends[1]);
	return false;
}

void
probe_say(int to, const struct json *found)
{
	char *line = json_string(found);
	size_t length = strlen(line), done = 0;

	while (done < length) {
		ssize_t wrote = write(to, line + done, length - done);

		if (wrote < 0)
			_exit(EX_STORE);
		done += (size_t)wrote;
	}
	_exit(0);
}

char *
probe_end(struct probe *probe, int *status)
{
	struct text said = TEXT_INIT;
	char bytes[4096];
	ssize_t got;

	while ((got = read(probe->from, bytes, sizeof bytes)) > 0)
		text_add(&said, bytes, (size_t)got);
	close(probe->from);
	waitpid(probe->pid, status, 0);
	return text_take(&said);
}

struct json *
probe_found(struct probe *probe)
{
	int status;
	char *said = probe_end(probe, &status);
	struct json *found = json_parse(said, strlen(said), NULL);

	free(said);
	if (json_is_object(found))
		return found;
	json_free(found);
	return NULL;
}
