/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands of zcpoolctl share. */
#ifndef ZCPOOLCTL_TOOL_H
#define ZCPOOLCTL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <zcpool.h>

/* Exit statuses, as zcpoolctl(1) lists them. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DEVICE = 3,
	EXIT_INCOMPLETE = 4,
};

/* Options that several commands take. */
struct common {
	bool json;
	bool quiet;
	bool progress;
};

/* For getopt_long(). */
/* clang-format off */
#define OPTION_HELP { "help", no_argument, NULL, 'h' }
#define OPTION_JSON { "json", no_argument, NULL, 'j' }
#define OPTION_QUIET { "quiet", no_argument, NULL, 'q' }
#define OPTION_PROGRESS { "progress", no_argument, NULL, 'p' }
/* clang-format on */
/* Whether a letter that it returned was one of these, but for 'h'. */
bool parse_common(struct common *common, int letter);

int info_command(int argc, char **argv);
int list_command(int argc, char **argv);
int top_command(int argc, char **argv);
int create_command(int argc, char **argv);
int ls_command(int argc, char **argv);
int rm_command(int argc, char **argv);
int view_command(int argc, char **argv);
int mount_command(int argc, char **argv);
int run_command(int argc, char **argv);
int send_command(int argc, char **argv);
int recv_command(int argc, char **argv);
int bench_command(int argc, char **argv);

/* message.c: one line on stderr, after the program's name; return their status. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail_usage(const char *usage, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail_open(int error);
int fail_create(int error, uint64_t bytes);

/* number.c */
bool parse_size(const char *text, uint64_t *size);
bool parse_mode(const char *text, unsigned long most, uint32_t *mode);
bool parse_count(const char *text, uint64_t *count);
bool parse_seconds(const char *text, double *seconds);
const char *format_size(uint64_t bytes, char *text, size_t size);
double now(void);

/* text.c: the characters of a string; broken: a byte that is none */
struct character {
	const char *bytes;
	unsigned int length;
	uint32_t code;
	bool broken;
};
bool next_character(const char **text, struct character *character);
bool is_control(uint32_t code);
/* Print a name, which must do no harm to a terminal, with '?' for what might. */
void print_name(const char *name);

/* json.c: an object or array per line; key NULL: in an array, or outermost. */
/* To a file instead of stdout, from the next document on. */
void json_to(FILE *file);
void json_begin(const char *key);
void json_number(const char *key, uint64_t value);
void json_real(const char *key, double value);
void json_string(const char *key, const char *value);
void json_bool(const char *key, bool value);
void json_end(void);
void json_array_begin(const char *key);
void json_array_end(void);

/* progress.c: a bar on stderr, drawn by a thread of its own. */
struct progress;
struct progress *progress_start(const struct common *common, const char *what, uint64_t total);
void progress_add(struct progress *progress, uint64_t bytes);
void progress_stop(struct progress *progress);
/* Have a message begin on a line of its own. */
void progress_break(void);

/* net.c: negative errno, or a socket; the message is printed. */
int net_connect(const char *host, const char *port);
int net_listen(const char *host, const char *port);
int net_port(int socket);

#endif /* ZCPOOLCTL_TOOL_H */
