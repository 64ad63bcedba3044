// SPDX-License-Identifier: GPL-2.0-only
/*
 * A transfer: the sender is one process, with the first processor for itself, the receiver
 * another with the second, and what the two do is counted apart.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "census.h"

#define PORT 9000
/* Of a transfer that hangs. */
#define SECONDS 60

/* What the ends say to each other, by a socket that is theirs alone. */
enum word {
	LISTENING = 'l',
	OPENED = 'o',
	READY = 'r',
	STOPPED = 's'
};

/* Where the process tells what failed. */
static struct outcome *outcome_here;

void must_fail(long ret, const char *what)
{
	/* The library returns what libc puts into errno. */
	int error = ret < -1 ? (int)-ret : errno;

	if (!outcome_here)
		fail("%s: %s", what, strerror(error));
	/* Of two ends the one that fails first is the cause. */
	if (!outcome_here->error) {
		outcome_here->error = error;
		strncpy(outcome_here->call, what, sizeof(outcome_here->call) - 1);
	}
	_exit(1);
}

static void say(int line, enum word word)
{
	char byte = word;

	/* An end that is gone has told why. */
	if (send(line, &byte, 1, MSG_NOSIGNAL) != 1)
		_exit(1);
}

static void hear(int line, enum word word)
{
	char byte;

	if (recv(line, &byte, 1, 0) != 1 || byte != (char)word)
		_exit(1);
}

static void begin(struct transfer *transfer, enum side side)
{
	cpu_set_t set;

	outcome_here = &transfer->shared->outcome;
	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
	alarm(SECONDS);
	CPU_ZERO(&set);
	CPU_SET(side, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
	path_enter(transfer->path, side);
	/*
	 * What there is of the program is there now, and is this process's own: later only
	 * what the method does makes page faults and copies.
	 */
	MUST(mlockall(MCL_CURRENT));
}

static struct sockaddr_in address_of(const struct path *path)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, path->address, &address.sin_addr);
	return address;
}

static void send_side(struct transfer *transfer, int line)
{
	struct sockaddr_in address = address_of(transfer->path);
	struct pollfd received = { .fd = line, .events = POLLIN };
	const struct method *method = transfer->method;
	uint64_t offset;

	begin(transfer, SENDER);
	path_settle(transfer->path);
	transfer->shared->sender = getpid();
	transfer->socket = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	method->open(transfer);
	hear(line, LISTENING);
	if (!method->no_socket)
		MUST(connect(transfer->socket, (struct sockaddr *)&address, sizeof(address)));
	say(line, OPENED);
	hear(line, READY);

	/* Over a device in software TCP sends where its acknowledgments come, too. */
	counter_start(!transfer->path->card);
	for (offset = 0; offset < transfer->size; offset += PIECE)
		method->send(transfer, offset, PIECE);
	if (method->close)
		method->close(transfer);
	/* A card has sent it all when the receiver has it. */
	MUST(poll(&received, 1, -1));
	counter_stop();

	say(line, STOPPED);
	count_read(&transfer->shared->outcome);
	_exit(0);
}

static void receive_side(struct transfer *transfer, int line)
{
	struct sockaddr_in address = address_of(transfer->path);
	const struct method *method = transfer->method;
	const int one = 1;
	int listener;

	begin(transfer, RECEIVER);
	listener = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	MUST(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	MUST(listen(listener, 1));
	say(line, LISTENING);
	hear(line, OPENED);
	if (!method->no_socket)
		transfer->socket = MUST(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	(method->prepare ?: receive_prepare)(transfer);
	counter_be_peer();
	say(line, READY);
	(method->receive ?: receive_all)(transfer);
	/* That it was, is told by an end: a word would be a copy. */
	MUST(shutdown(line, SHUT_WR));
	hear(line, STOPPED);
	receive_finish(transfer);
	_exit(0);
}

static pid_t start(void (*side)(struct transfer *, int), struct transfer *transfer,
		   const int line[2])
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail("cannot fork: %s", strerror(errno));
	if (!pid) {
		close(line[1]);
		side(transfer, line[0]);
	}
	close(line[0]);
	return pid;
}

static void finish(pid_t pid, struct outcome *outcome)
{
	int status;

	waitpid(pid, &status, 0);
	if (!status || outcome->error)
		return;
	outcome->error = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ETIMEDOUT : ECHILD;
	snprintf(outcome->call, sizeof(outcome->call), "a process ended, status %x", status);
}

void run(const struct method *method, const struct path *path, const char *file, uint64_t size,
	 struct outcome *outcome)
{
	struct transfer transfer = {
		.method = method,
		.path = path,
		.file = file,
		.size = method->size ? method->size : size,
		.socket = -1,
	};
	pid_t sender, receiver;
	int line[2];

	transfer.shared = mmap(NULL, sizeof(*transfer.shared), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (transfer.shared == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		fail("cannot begin a transfer: %s", strerror(errno));
	transfer.shared->outcome.size = transfer.size;
	transfer.shared->outcome.mapped = -1;
	/* Each has one end of the line, so that it notices when the other one dies. */
	receiver = start(receive_side, &transfer, (int[]){ line[0], line[1] });
	sender = start(send_side, &transfer, (int[]){ line[1], line[0] });
	finish(sender, &transfer.shared->outcome);
	finish(receiver, &transfer.shared->outcome);
	*outcome = transfer.shared->outcome;
	munmap(transfer.shared, sizeof(*transfer.shared));
}
