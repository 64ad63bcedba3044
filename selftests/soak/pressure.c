// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners of buffers are killed for want of memory, their own or others'.  Whom they
 * handed buffers to goes on, gets all the others, and the pool ends with it.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "soak.h"

#define CGROUP "/sys/fs/cgroup/owner"
#define LIMIT (24 * MIB)
/* No more than twice the pool: what a round does not give back, the third one lacks. */
#define LOCKED (2 * SIZE + SIZE / 2)
#define HANDED 16
#define KEPT 8
#define NOBODY 65534
/* What is left of the machine's memory in every other round. */
#define LEFT (160 * MIB)

enum who {
	EATS_ITSELF,
	OTHERS_EAT,
	/* A pool that is too large fails, and nobody is killed. */
	WHO
};

static unsigned long killed[WHO], records;
static pid_t hog;
/* In memory that all share: the owner has let all go that it is going to. */
static atomic_bool *ready_to_die;

/* What one side tells the other, and the machine between them. */
struct link_of_two {
	/* Unix: the share there, the number of a handle back. */
	int control[2];
	int tcp[2];
	int pipe[2];
};

static bool write_number(const char *path, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", number);
	NEED(!write_text(path, text));
	return true;
}

/* The number that follows a word in a file of the cgroup. */
static long in_cgroup(const char *file, const char *word)
{
	char path[100], line[100], name[64];
	long number = -1, found;
	FILE *stream;

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	stream = fopen(path, "r");
	while (stream && fgets(line, sizeof(line), stream))
		if (sscanf(line, "%63s %ld", name, &found) == 2 && !strcmp(name, word))
			number = found;
	if (stream)
		fclose(stream);
	return number;
}

static void become_nobody(void)
{
	const struct rlimit limit = { LOCKED, LOCKED };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	MUST(!setrlimit(RLIMIT_MEMLOCK, &limit));
	MUST(!setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void enter_cgroup(const char *oom_score)
{
	MUST(!write_text("/proc/self/oom_score_adj", oom_score));
	MUST(write_number(CGROUP "/cgroup.procs", getpid()));
}

/* Touch memory until somebody is killed. */
static _Noreturn void eat(void)
{
	for (;;) {
		char *memory =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		size_t i;

		for (i = 0; memory != MAP_FAILED && i < MIB; i += 4096)
			memory[i] = 1;
	}
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Makes the pool, and lets buffers go by every way that keeps them. */
static _Noreturn void own(const struct link_of_two *link, enum who who)
{
	struct zcpool_item items[HANDED] = { 0 };
	uint32_t indices[HANDED + KEPT], number, i;
	struct zcpool_transfer transfer = { .items = (uintptr_t)items, .count = HANDED };
	struct zcpool_share share = { 0 };
	struct zcpool_element element = { .length = 4 * BUFFER };
	struct zcpool_send send = { .elements = (uintptr_t)&element,
				    .count = 1,
				    .fd = link->tcp[0],
				    .flags = ZCPOOL_SEND_F_DONTWAIT };
	loff_t offset = 0;
	char *map;
	int pool;

	enter_cgroup(who == OTHERS_EAT ? "1000" : "0");
	become_nobody();
	pool = stamped_pool(&map);
	if (pool < 0)
		fprintf(stderr, "no pool: %s\n", strerror(-pool));
	MUST(pool >= 0);
	MUST(!ioctl(pool, ZCPOOL_IOC_SHARE, &share));
	MUST(!pass(link->control[0], share.fd));
	MUST(read(link->control[0], &number, 4) == 4);
	MUST(get_many(pool, indices, HANDED + KEPT, ZCPOOL_GET_F_NONBLOCK, 0) == HANDED + KEPT);
	for (i = 0; i < HANDED; i++)
		items[i] = (struct zcpool_item){ .index = indices[i], .tag = i };
	transfer.to = number;
	MUST(!ioctl(pool, ZCPOOL_IOC_TRANSFER, &transfer));
	element.base = indices[HANDED] * BUFFER / (4 * BUFFER) * (4 * BUFFER);
	MUST(!ioctl(pool, ZCPOOL_IOC_SEND, &send) && send.sent);
	MUST(splice(pool, &offset, link->pipe[1], NULL, 4 * BUFFER, SPLICE_F_NONBLOCK) > 0);
	MUST(write(link->control[0], &number, 4) == 4);
	atomic_store(ready_to_die, true);
	if (who == EATS_ITSELF)
		eat();
	for (;;)
		pause();
}

/* Gets what it was handed, and once the owner is gone everything. */
static _Noreturn void take_over(const struct link_of_two *link)
{
	struct zcpool_item items[HANDED];
	struct zcpool_receive receive = { .items = (uintptr_t)items };
	struct zcpool_attach attach = { .queue_max = HANDED };
	unsigned int got = 0, i;
	uint32_t number;
	char *map, byte;
	int pool;

	become_nobody();
	attach.fd = receive_fd(link->control[1]);
	pool = open(DEVICE, O_RDWR | O_CLOEXEC);
	MUST(pool >= 0 && !ioctl(pool, ZCPOOL_IOC_ATTACH, &attach));
	close(attach.fd);
	number = attach.handle;
	MUST(write(link->control[1], &number, 4) == 4);
	map = map_pool(pool, SIZE);
	MUST(map != MAP_FAILED);
	while (got < HANDED) {
		receive.count = HANDED;
		receive.timeout_ns = PATIENCE;
		MUST(!ioctl(pool, ZCPOOL_IOC_RECEIVE, &receive));
		for (i = 0; i < receive.count; i++, got++) {
			MUST(items[i].tag == got);
			MUST(record_is_sound(map + items[i].index * BUFFER));
			/* The others are kept. */
			if (got % 2)
				MUST(!put_one(pool, items[i].index));
		}
	}
	MUST(read(link->control[1], &number, 4) == 4);
	/* Its end is the owner's. */
	MUST(read(link->control[1], &byte, 1) == 0);
	MUST(check_stream(link->tcp[1], UINT32_MAX) > 0);
	MUST(check_stream(link->pipe[0], UINT32_MAX) > 0);
	MUST(get_all(pool, HANDED / 2));
	for (i = 0; i < COUNT; i++)
		record_stamp(map + i * BUFFER, BUFFER, i);
	_exit(0);
}

static void link_close(const struct link_of_two *link, bool owners, bool receivers)
{
	if (owners) {
		close(link->control[0]);
		close(link->tcp[0]);
		close(link->pipe[1]);
	}
	if (receivers) {
		close(link->control[1]);
		close(link->tcp[1]);
		close(link->pipe[0]);
	}
}

/* All but so much of the machine's memory is somebody's who does not give it back. */
static bool start_hog(void)
{
	int ready[2];
	char byte;

	NEED(!pipe(ready));
	hog = fork();
	if (!hog) {
		size_t size, i;
		char *memory;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		size = available_now() - LEFT;
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
		MUST(memory != MAP_FAILED);
		for (i = 0; i < size; i += 4096)
			memory[i] = 1;
		MUST(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	NEED(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return true;
}

static void end_hog(void)
{
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	hog = 0;
}

/* More than there is: of the machine, or of the cgroup. */
static bool too_large(void)
{
	pid_t child = fork();

	if (!child) {
		int pool = open(DEVICE, O_RDWR | O_CLOEXEC), error;

		enter_cgroup("0");
		error = create(pool, 2 * MIB, LIMIT / (2 * MIB));
		if (error != -ENOMEM)
			fprintf(stderr, "CREATE: %d\n", error);
		MUST(error == -ENOMEM);
		_exit(0);
	}
	NEED(wait_status(child) == 0);
	NEED(in_cgroup("memory.events", "oom_kill") == 0);
	if (hog) {
		int pool = open(DEVICE, O_RDWR | O_CLOEXEC);
		int error = create(pool, 2 * MIB, 2 * LEFT / (2 * MIB));

		close(pool);
		NEED(error == -ENOMEM);
	}
	return true;
}

static bool start_both(struct link_of_two *link, enum who who, pid_t *owner, pid_t *receiver)
{
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, link->control));
	NEED(!tcp_pair(link->tcp) && !pipe(link->pipe));
	seed += 104729;
	*owner = fork();
	if (!*owner) {
		link_close(link, false, true);
		own(link, who);
	}
	*receiver = fork();
	if (!*receiver) {
		link_close(link, true, false);
		take_over(link);
	}
	link_close(link, true, true);
	return true;
}

/* Somebody of the same cgroup who is not to be killed, unless there is nobody else. */
static pid_t start_eater(void)
{
	pid_t eater = fork();

	if (!eater) {
		enter_cgroup("-999");
		eat();
	}
	return eater;
}

static bool kill_owner(enum who who)
{
	struct link_of_two link;
	pid_t owner, receiver, eater = 0;
	int status;

	atomic_store(ready_to_die, false);
	NEED(start_both(&link, who, &owner, &receiver));
	if (who == OTHERS_EAT) {
		NEED(EVENTUALLY(atomic_load(ready_to_die)));
		doze(20000);
		eater = start_eater();
	}
	NEED(waitpid(owner, &status, 0) == owner);
	NEED(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (eater) {
		kill(eater, SIGKILL);
		waitpid(eater, NULL, 0);
	}
	NEED(wait_status(receiver) == 0);
	killed[who]++;
	records += HANDED;
	NEED(in_cgroup("memory.events", "oom_kill") > 0);
	return true;
}

static bool round_of(unsigned int number)
{
	enum who who = chance(WHO);

	NEED(!mkdir(CGROUP, 0755));
	NEED(write_number(CGROUP "/memory.max", LIMIT));
	if (number % 8 == 7)
		NEED(start_hog());
	NEED(too_large());
	NEED(kill_owner(who));
	/* A second is the longest that memory may stay charged that nobody holds. */
	NEED(EVENTUALLY(total_bytes() == 0));
	NEED(EVENTUALLY(in_cgroup("memory.stat", "kernel") < (long)MIB / 2));
	if (hog)
		end_hog();
	NEED(EVENTUALLY(!rmdir(CGROUP)));
	return true;
}

static void tell(char *text, size_t size)
{
	snprintf(text, size,
		 "%lu owners ate too much, %lu were killed for others; "
		 "%lu buffers handed over",
		 killed[EATS_ITSELF], killed[OTHERS_EAT], records);
}

int main(int argc, char **argv)
{
	ready_to_die = mmap(NULL, sizeof(*ready_to_die), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_rounds(argc, argv, "pressure", &(struct rounds){ round_of, tell, NULL });
}
