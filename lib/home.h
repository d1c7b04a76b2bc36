/* SPDX-License-Identifier: MIT */
/*
 * $HERMES_HOME, else ~/.hermes: the folder of everything. Folders 0700, files 0600.
 */
#ifndef HOME_H
#define HOME_H

const char *home_path(void);            /* no slash at the end; 78 if there is no home at all */
char *home_file(const char *name);      /* owned */
void home_make(void);                   /* make the folder if it is missing; 74 if one cannot */

/* The folder that this program really lives in: where its sister programs are. */
const char *home_programs(void);
/* Put that folder first on PATH, for the shell programs among them. */
void home_prefer_programs(void);

#endif
