// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl recv: take one transfer of zcpoolctl send and store it. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"
#include "transfer.h"

static const char usage[] =
	"Usage: zcpoolctl recv [OPTION...] PORT FILE\n"
	"Wait for one 'zcpoolctl send' and store what it sends in FILE ('-': stdout).\n\n"
	"  -l, --listen ADDRESS    local address (default 127.0.0.1)\n"
	"  -P, --port-file FILE    write the port number there once listening; with PORT 0\n"
	"                          the system chooses one\n"
	"  -p, --progress          show progress even if stderr is no terminal\n"
	"  -q, --quiet             print errors only\n"
	"  -j, --json              print the result as JSON\n";

#define BUFFER_SIZE (256 * 1024)

static int store(int file, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(file, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		size -= done;
	}
	return 0;
}

/*
 * Receive and store until size bytes came; *received tells how many did, *sent
 * what ended the connection: 0, or a negative errno.  Returns an error of the file.
 */
static int receive(int socket, int file, uint64_t size, uint64_t *received, int *sent,
		   struct progress *progress)
{
	char *buffer = malloc(BUFFER_SIZE);
	int error = 0;

	if (!buffer)
		return -ENOMEM;
	while (!error && *received < size) {
		uint64_t left = size - *received;
		ssize_t got = recv(socket, buffer, left < BUFFER_SIZE ? left : BUFFER_SIZE, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			*sent = got ? -errno : -ECONNRESET;
			break;
		}
		error = store(file, buffer, got);
		*received += got;
		progress_add(progress, got);
	}
	free(buffer);
	return error;
}

static int transfer(const struct common *common, int socket, int file)
{
	struct transfer_header header;
	struct transfer_answer answer = { htobe64(TRANSFER_MAGIC), 0 };
	struct progress *progress;
	uint64_t received = 0, size;
	double start = now();
	char text[32];
	int error, sent = 0;

	if (recv(socket, &header, sizeof(header), MSG_WAITALL) != sizeof(header) ||
	    be64toh(header.magic) != TRANSFER_MAGIC)
		return fail(EXIT_INCOMPLETE, "who connected is no 'zcpoolctl send'");
	size = be64toh(header.size);

	progress = progress_start(common, "receiving", size);
	error = receive(socket, file, size, &received, &sent, progress);
	progress_stop(progress);
	if (sent)
		return fail(EXIT_INCOMPLETE, "the sender left after %llu of %llu bytes: %s",
			    (unsigned long long)received, (unsigned long long)size,
			    strerror(-sent));
	if (error)
		return fail(EXIT_FAILED, "cannot store: %s", strerror(-error));

	answer.received = htobe64(received);
	if (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
		return fail(EXIT_INCOMPLETE, "the sender left before the answer");
	if (common->json) {
		json_begin(NULL);
		json_number("bytes", received);
		json_real("seconds", now() - start);
		json_end();
	} else if (!common->quiet) {
		fprintf(stderr, "received %s in %.2f s\n",
			format_size(received, text, sizeof(text)), now() - start);
	}
	return EXIT_OK;
}

/* Atomically, so that who waits for the file never reads half a number. */
static int write_port(const char *path, int port)
{
	char temporary[4096];
	FILE *file;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	file = fopen(temporary, "w");
	if (!file)
		return -errno;
	fprintf(file, "%d\n", port);
	if (fclose(file) || rename(temporary, path))
		return -errno;
	return 0;
}

int recv_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		OPTION_QUIET,
		OPTION_PROGRESS,
		{ "listen", required_argument, NULL, 'l' },
		{ "port-file", required_argument, NULL, 'P' },
		{},
	};
	const char *address = "127.0.0.1", *port_file = NULL, *path;
	struct common common = { 0 };
	int letter, listener, socket, file, error, status;

	while ((letter = getopt_long(argc, argv, "hjqpl:P:", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		} else if (letter == 'l') {
			address = optarg;
		} else if (letter == 'P') {
			port_file = optarg;
		} else if (!parse_common(&common, letter)) {
			return fail_usage(usage, "see the options below");
		}
	}
	if (argc - optind != 2)
		return fail_usage(usage, "PORT and FILE are needed");
	path = argv[optind + 1];
	if (common.json && !strcmp(path, "-"))
		return fail_usage(usage, "--json and FILE '-' both want standard output");

	/* Whoever reads standard output may end first: that is an error to report. */
	signal(SIGPIPE, SIG_IGN);
	listener = net_listen(address, argv[optind]);
	if (listener < 0)
		return EXIT_FAILED;
	file = strcmp(path, "-") ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) :
				   STDOUT_FILENO;
	if (file < 0)
		return fail(EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
	error = port_file ? write_port(port_file, net_port(listener)) : 0;
	if (error)
		return fail(EXIT_FAILED, "cannot write %s: %s", port_file, strerror(-error));
	if (!port_file && !common.quiet)
		fprintf(stderr, "listening at %s port %d\n", address, net_port(listener));

	socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (socket < 0)
		return fail(EXIT_FAILED, "nobody connected: %s", strerror(errno));
	close(listener);
	status = transfer(&common, socket, file);
	if (close(file) && !status)
		status = fail(EXIT_FAILED, "cannot store: %s", strerror(errno));
	return status;
}
