/* SPDX-License-Identifier: MIT */
/*
 * hermes-agent-command: any program of the user's as the agent. HERMES_AGENT_COMMAND is
 * run by sh and given the protocol's lines as they come or, with HERMES_AGENT_INPUT=text,
 * the words to answer and nothing else.
 *
 * What it prints is the protocol when its first line is, and is then held to it; anything
 * else is the reply as it stands. Either way there is a reply only after the program ended
 * with 0: half an answer of a program that failed is no answer.
 *
 * One loop moves all bytes (our stdin to its stdin, its stdout and its stderr to us), so no
 * side waits for another, and nothing is held but what is on its way and the reply.
 */
#include "agent.h"

#include "die.h"
#include "figures.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 65536, LINE_MOST = 8 << 20, LOG_MOST = 4096 };
enum speech { UNKNOWN, PLAIN, PROTOCOL };

struct command {
	struct text input;  /* read from our stdin, for its stdin */
	bool input_ended;   /* nothing more will come from ours */
	struct text output; /* printed by it: the plain reply, or an unfinished line */
	struct text log;    /* an unfinished line of its stderr */
	int log_fd;         /* -1: ended */
	bool output_ended;
	enum speech speech;
	struct text last;   /* the reply or error line: held until the program has ended */
	bool is_error;
	double deadline;
};

static struct child child; /* for the signal handler, too */

static void
kill_group(void)
{
	if (child.pid > 0)
		kill(-child.pid, SIGKILL);
}

/* The program's group dies with us; then we die of the same signal. */
static void
die_of(int number)
{
	kill_group();
	signal(number, SIG_DFL);
	raise(number);
}

/* Start it with a pipe of ours as its stderr: its words are logged as they come. */
static void
start(struct command *command, const char *program)
{
	char shell[] = "/bin/sh", option[] = "-c", *text = xstrdup(program);
	char *argv[] = {shell, option, text, NULL};
	int log[2], failed;

	if (pipe2(log, O_CLOEXEC))
		die(EX_BUG, "a pipe cannot be made:");
	failed = child_start(&child, argv, NULL, log[1]);
	close(log[1]);
	free(text);
	if (failed)
		die(EX_BUG, "/bin/sh cannot be started:");
	command->log_fd = log[0];
	fcntl(log[0], F_SETFL, O_NONBLOCK);
	fcntl(child.from.fd, F_SETFL, O_NONBLOCK);
}

/* Its stderr, a cleaned line at a time; a line without an end is cut into pieces. */
static void
print_log(struct command *command)
{
	struct text *log = &command->log;
	size_t from = 0;

	while (from < log->length) {
		char *end = memchr(log->at + from, '\n', log->length - from);
		size_t length = end ? (size_t)(end - log->at) - from : log->length - from;

		if (!end && command->log_fd >= 0 && length < LOG_MOST)
			break;
		if (length > LOG_MOST) {
			end = NULL;
			for (length = LOG_MOST; (log->at[from + length] & 0xc0) == 0x80; )
				length--;
		}
		if (length)
			warn("command: %.*s", (int)length, log->at + from);
		from += length + (end != NULL);
	}
	memmove(log->at, log->at + from, log->length - from);
	log->length -= from;
}

/* How many of the protocol's lines the object claims to be: a good one is one. */
static int
claims(const struct json *object)
{
	return json_has(object, "delta") + json_has(object, "message")
		+ json_has(object, "reply") + json_has(object, "error");
}

static bool
is_protocol(const struct json *object)
{
	return object && (claims(object) || json_has(object, "actions"));
}

/* A list, or nothing. */
static bool
is_listed(const struct json *line, const char *path)
{
	struct json *value = json_at(line, path);
	bool listed = !value || json_is_array(value);

	json_free(value);
	return listed;
}

static bool
is_step(const struct json *line)
{
	const char *role = json_text_or(line, "message.role", "");

	return (!strcmp(role, "assistant") || !strcmp(role, "tool"))
		&& (!json_has(line, "message.content") || json_text(line, "message.content"))
		&& is_listed(line, "message.tool_calls");
}

/* Why the reply line is none, or NULL. */
static const char *
reply_trouble(const struct json *line)
{
	size_t length;
	const char *reply = json_bytes(line, "reply", &length);

	if (!reply)
		return "its reply is not a text";
	if (!agent_is_said(reply, length))
		return "its reply is empty";
	if (memchr(reply, '\0', length))
		return "its reply has a NUL in it";
	if (length > AGENT_REPLY_MOST)
		return "its reply is longer than 1 MiB";
	return is_listed(line, "actions") ? NULL : "its actions are not a list";
}

/* A line of the protocol: pass it on, or hold the last one; what else it is, is a failure. */
static void
take_object(struct command *command, const struct json *line, const char *bytes, size_t length)
{
	const char *trouble = NULL;

	if (command->last.length)
		trouble = "it printed something after its reply";
	else if (claims(line) != 1)
		trouble = "it printed a line that is not the protocol";
	else if (!utf8_valid(bytes, length))
		trouble = "it printed a line that is not UTF-8";
	else if (json_text(line, "delta"))
		agent_line(bytes, length);
	else if (is_step(line))
		agent_line(bytes, length);
	else if (json_has(line, "reply"))
		trouble = reply_trouble(line);
	else if (json_text(line, "error.text"))
		command->is_error = true;
	else
		trouble = "it printed a line that is not the protocol";
	if (trouble)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: %s", trouble);
	if (json_has(line, "reply") || command->is_error)
		text_add(&command->last, bytes, length);
	if (command->is_error)
		warn("command: %s", json_text(line, "error.text"));
}

static void
take_line(struct command *command, const char *bytes, size_t length)
{
	struct json *line = json_parse(bytes, length, NULL);

	if (command->speech == UNKNOWN)
		command->speech = is_protocol(line) ? PROTOCOL : PLAIN;
	if (command->speech == PROTOCOL && line && json_is_object(line))
		take_object(command, line, bytes, length);
	else if (command->speech == PROTOCOL && agent_is_said(bytes, length))
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: it printed a line that is not JSON");
	json_free(line);
}

/* Look at what it has printed so far; `ended`: that was all. */
static void
take_output(struct command *command, bool ended)
{
	struct text *output = &command->output;
	size_t from = 0;

	while (command->speech != PLAIN && from < output->length) {
		char *end = memchr(output->at + from, '\n', output->length - from);
		size_t length = end ? (size_t)(end - output->at) - from : output->length - from;

		if (!end && !ended)
			break;
		take_line(command, output->at + from, length);
		if (command->speech == PROTOCOL)
			from += length + (end != NULL);
	}
	memmove(output->at, output->at + from, output->length - from);
	output->length -= from;
	if (command->speech == PLAIN && output->length > AGENT_REPLY_MOST)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: its reply is longer than 1 MiB");
	if (output->length > LINE_MOST)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: it printed a line longer than 8 MiB");
}

/* Read what is there; false at the end. */
static bool
read_some(int fd, struct text *into)
{
	ssize_t got;

	text_reserve(into, BLOCK);
	got = read(fd, into->at + into->length, BLOCK);
	if (got > 0) {
		into->length += (size_t)got;
		into->at[into->length] = '\0';
	}
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Write what it takes. A program that does not want its input need not read it. */
static void
write_some(struct command *command)
{
	struct text *input = &command->input;
	ssize_t done = write(child.to, input->at, input->length);

	if (done > 0) {
		memmove(input->at, input->at + done, input->length - (size_t)done);
		input->length -= (size_t)done;
	} else if (done < 0 && errno != EAGAIN && errno != EINTR) {
		child_hush(&child);
	}
}

/* Wait for any of the four streams and serve it; false when `wait` passed without a byte. */
static bool
move(struct command *command, int wait)
{
	struct text *input = &command->input;
	struct pollfd fds[] = {
		{command->input_ended || input->length ? -1 : STDIN_FILENO, POLLIN, 0},
		{input->length ? child.to : -1, POLLOUT, 0},
		{command->output_ended ? -1 : child.from.fd, POLLIN, 0},
		{command->log_fd, POLLIN, 0},
	};

	if (poll(fds, 4, wait) <= 0)
		return false;
	if (fds[0].revents)
		command->input_ended = !read_some(STDIN_FILENO, input);
	if (fds[1].revents)
		write_some(command);
	if (child.to < 0)
		text_clear(input); /* whoever writes to us is not disturbed */
	if (command->input_ended && !input->length)
		child_hush(&child);
	if (fds[2].revents) {
		command->output_ended = !read_some(child.from.fd, &command->output);
		take_output(command, command->output_ended);
	}
	if (fds[3].revents) {
		if (!read_some(command->log_fd, &command->log)) {
			close(command->log_fd);
			command->log_fd = -1;
		}
		print_log(command);
	}
	return true;
}

static bool
has_exited(void)
{
	siginfo_t info = {0};

	return !waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* It has ended: what it started and left is killed, what we have for it is nobody's. */
static void
end_group(struct command *command)
{
	kill_group();
	command->input_ended = true;
	text_clear(&command->input);
	child_hush(&child);
}

/* Until it has ended, and what it printed is read. Its exit status, or -1: out of time. */
static int
see_through(struct command *command)
{
	bool exited = false, moved = true;

	while ((!command->output_ended || command->log_fd >= 0) && (moved || !exited)) {
		double left = command->deadline - clock_steady();

		if (left <= 0)
			return -1;
		if (!exited && (exited = has_exited()))
			end_group(command);
		moved = move(command, exited ? 0 : left < 0.05 ? (int)(left * 1000) + 1 : 50);
	}
	take_output(command, true);
	command->log_fd = -1;
	print_log(command);
	/* One that left the group may hold its stdout open: that is not waited for. */
	return child_end(&child, exited ? clock_steady() + 0.2 : command->deadline);
}

static void
check_status(int status)
{
	if (status < 0)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: it took longer than its time");
	if (status > 128)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: ended by signal %d (%s)",
			status - 128, strsignal(status - 128));
	if (status == 126 || status == 127)
		agent_fail(EX_AWAY, -1, "HERMES_AGENT_COMMAND: no such program (exit status %d)",
			status);
	if (status)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: exit status %d", status);
}

static void
reply_plainly(const struct text *output)
{
	struct text readable = TEXT_INIT;
	struct json *line = json_object();
	size_t length = output->length;

	if (!agent_is_said(output->at, length))
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: it printed nothing");
	while (!agent_is_said(output->at + length - 1, 1))
		length--;
	text_add_readable(&readable, output->at, length);
	json_put_text(line, "finish", "stop");
	agent_reply(line, readable.at, readable.length);
	json_free(line);
	text_release(&readable);
}

/* With HERMES_AGENT_INPUT=text the words are all that the program is given. */
static void
take_words(struct command *command)
{
	struct agent agent;
	struct json *message;
	size_t length;
	const char *words;

	agent_start(&agent);
	while ((message = agent_message(&agent)))
		json_free(message);
	words = json_bytes(agent.event, "text", &length);
	text_add(&command->input, words, length);
	command->input_ended = true;
	agent_release(&agent);
}

static void
watch_signals(void)
{
	struct sigaction action = {.sa_handler = die_of};

	atexit(kill_group);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int
main(int argc, char **argv)
{
	struct command command = {.input = TEXT_INIT, .output = TEXT_INIT, .log = TEXT_INIT,
		.last = TEXT_INIT};
	const char *program = agent_setting("COMMAND"), *input = agent_setting("INPUT");
	int status;

	agent_options(argc, argv, "Lets a program of yours be the agent: HERMES_AGENT_COMMAND.");
	if (!program)
		agent_fail(EX_SETUP, -1, "HERMES_AGENT_COMMAND is not set; "
			"hermes config set agent.command 'PROGRAM'");
	if (input && strcmp(input, "text") && strcmp(input, "protocol"))
		agent_fail(EX_SETUP, -1, "HERMES_AGENT_INPUT: \"%s\" is neither text nor protocol",
			input);
	command.deadline = clock_steady() + agent_number("TIMEOUT", figure_turn());
	if (input && !strcmp(input, "text"))
		take_words(&command);
	watch_signals();
	start(&command, program);
	status = see_through(&command);
	child.pid = status < 0 ? child.pid : 0;
	if (!command.is_error)
		check_status(status);
	if (command.speech != PROTOCOL)
		reply_plainly(&command.output);
	else if (!command.last.length)
		agent_fail(EX_AWAY, 0, "HERMES_AGENT_COMMAND: it ended without a reply");
	else
		agent_line(command.last.at, command.last.length);
	text_release(&command.input);
	text_release(&command.output);
	text_release(&command.log);
	text_release(&command.last);
	return command.is_error ? EX_AWAY : 0;
}
