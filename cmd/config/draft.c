/* SPDX-License-Identifier: MIT */
#include "draft.h"

#include "die.h"
#include "dotenv.h"
#include "home.h"
#include "whole.h"
#include "yamledit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* One writer at a time: the folder itself is locked. */
static void
lock_home(void)
{
	static int fd = -1;

	if (fd >= 0)
		return;
	home_make();
	fd = open(home_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		die(EX_STORE, "%s: cannot be locked:", home_path());
}

struct draft
draft_begin(const char *name)
{
	struct draft draft = {.path = home_file(name), .bytes = TEXT_INIT};
	char *why;

	lock_home();
	if (whole_read(draft.path, &draft.bytes, &why) < 0)
		die(EX_SETUP, "%s: %s", draft.path, why);
	return draft;
}

/* The draft is now what an edit made of it. */
static void
take_edit(struct draft *draft, char *edited)
{
	text_clear(&draft->bytes);
	text_puts(&draft->bytes, edited);
	free(edited);
}

void
draft_key(struct draft *draft, const char *key, const char *value)
{
	const struct text *bytes = &draft->bytes;
	char *why = NULL, *edited;

	if (value)
		edited = yamledit_set(bytes->at, bytes->length, key, value, &why);
	else
		edited = yamledit_unset(bytes->at, bytes->length, key, &why);
	if (!edited)
		die(EX_SETUP, "%s: %s", draft->path, why ? why : "cannot be changed");
	take_edit(draft, edited);
}

void
draft_variable(struct draft *draft, const char *name, const char *value)
{
	take_edit(draft, dotenv_edit(draft->bytes.at, draft->bytes.length, name, value));
}

void
draft_save(struct draft *draft)
{
	char *why;

	if (whole_replace(draft->path, draft->bytes.at, draft->bytes.length, &why))
		die(EX_STORE, "%s: %s", draft->path, why);
	text_release(&draft->bytes);
	free(draft->path);
}
