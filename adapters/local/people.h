/* SPDX-License-Identifier: MIT */
/*
 * The verbs for people; argv[0] is the verb, the answer an exit status.
 */
#ifndef LOCAL_PEOPLE_H
#define LOCAL_PEOPLE_H

int local_people(int argc, char **argv); /* say, read, and those below */
int local_room(int argc, char **argv);
int local_rooms(int argc, char **argv);

#endif
