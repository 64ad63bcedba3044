// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes are stopped and continued, at any moment, in each call that waits or takes
 * long: it goes on, or returns as documented, and nothing is lost.
 */
#include <sys/prctl.h>

#include "soak.h"

/* Records of a stream: more than sockets and pipes hold. */
#define STREAM (4 * COUNT)

/* What parent and child of a case share. */
struct scene {
	int pool;
	char *map;
	/* By index: the parent owns the buffer. */
	bool own[COUNT];
	/* The parent's end comes first. */
	int pair[2];
	int pipe[2];
	/* A second handle of the pool, and its number. */
	int other;
	uint32_t number;
};

struct stop_case {
	const char *name;
	/* Before the fork; the child's call, whose end is its exit status; the other side. */
	bool (*begin)(struct scene *scene);
	bool (*child)(struct scene *scene);
	bool (*parent)(struct scene *scene, pid_t child);
	unsigned long runs;
};

static unsigned long stops, interrupted;
/* Counted by children. */
static atomic_ulong *interruptions;

/* Let who was sent SIGSTOP go on; whether it may be stopped again. */
static bool go_on(pid_t child)
{
	siginfo_t info;

	/* It may have ended. */
	if (waitid(P_PID, child, &info, WSTOPPED | WEXITED | WNOWAIT) ||
	    info.si_code != CLD_STOPPED)
		return false;
	waitpid(child, NULL, WUNTRACED);
	if (chance(2))
		doze(4000);
	kill(child, SIGCONT);
	stops++;
	return true;
}

/* Stop and continue, some times, with a bit of time in between. */
static bool disturb(pid_t child)
{
	unsigned int times = 1 + chance(6);

	do {
		doze(4000);
		NEED(!kill(child, SIGSTOP));
	} while (go_on(child) && --times);
	return true;
}

static bool own_all(struct scene *scene)
{
	unsigned int i;
	int index;

	for (i = 0; i < COUNT; i++) {
		index = get_now(scene->pool);
		NEED(index >= 0 && !scene->own[index]);
		scene->own[index] = true;
	}
	return true;
}

static bool put_some(struct scene *scene, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < COUNT && number; i++)
		if (scene->own[i]) {
			NEED(!put_one(scene->pool, i));
			scene->own[i] = false;
			number--;
		}
	return true;
}

/* The buffer that is waited for and the signal come at the same time. */
static bool put_and_stop(struct scene *scene, pid_t child)
{
	if (chance(2)) {
		NEED(!kill(child, SIGSTOP));
		NEED(put_some(scene, 1));
	} else {
		NEED(put_some(scene, 1));
		NEED(!kill(child, SIGSTOP));
	}
	go_on(child);
	return true;
}

/* GET without limit is restarted, and nobody sees that. */
static bool get_child(struct scene *scene)
{
	uint32_t index = COUNT;

	NEED(get_many(scene->pool, &index, 1, 0, 0) == 1);
	NEED(index < COUNT);
	NEED(!put_one(scene->pool, index));
	return true;
}

static bool get_parent(struct scene *scene, pid_t child)
{
	NEED(disturb(child));
	NEED(put_and_stop(scene, child));
	NEED(disturb(child));
	return true;
}

/* With a limit it ends by it, by a buffer, or by the signal. */
static bool get_limit_child(struct scene *scene)
{
	uint32_t index = COUNT;
	int64_t begin = now_ns();
	int ret = get_many(scene->pool, &index, 1, 0, 15 * NS_PER_MS);

	if (ret == 1) {
		NEED(!put_one(scene->pool, index));
		return true;
	}
	if (ret == -EINTR)
		atomic_fetch_add(interruptions, 1);
	NEED(ret == -EINTR || ret == -ETIMEDOUT);
	NEED(ret == -EINTR || now_ns() - begin >= 15 * NS_PER_MS);
	return true;
}

static bool get_limit_parent(struct scene *scene, pid_t child)
{
	NEED(chance(4) ? put_and_stop(scene, child) : disturb(child));
	return true;
}

/* A second handle of the pool. */
static bool attach_other(struct scene *scene)
{
	struct zcpool_share share = { 0 };
	struct zcpool_attach attach = { .queue_max = COUNT };

	NEED(!ioctl(scene->pool, ZCPOOL_IOC_SHARE, &share));
	scene->other = open(DEVICE, O_RDWR | O_CLOEXEC);
	attach.fd = share.fd;
	NEED(!ioctl(scene->other, ZCPOOL_IOC_ATTACH, &attach));
	scene->number = attach.handle;
	close(share.fd);
	return true;
}

static bool receive_begin(struct scene *scene)
{
	return own_all(scene) && attach_other(scene);
}

static bool receive_child(struct scene *scene)
{
	struct zcpool_item items[8];
	struct zcpool_receive receive = { .items = (uintptr_t)items };
	unsigned int got = 0, i;

	while (got < COUNT) {
		receive.count = 1 + chance(8);
		receive.timeout_ns = chance(2) ? 50 * NS_PER_MS : 0;
		if (ioctl(scene->other, ZCPOOL_IOC_RECEIVE, &receive)) {
			NEED(receive.timeout_ns && (errno == EINTR || errno == ETIMEDOUT));
			if (errno == EINTR)
				atomic_fetch_add(interruptions, 1);
			continue;
		}
		for (i = 0; i < receive.count; i++) {
			NEED(items[i].tag == got++);
			NEED(!put_one(scene->other, items[i].index));
		}
	}
	return true;
}

static bool receive_parent(struct scene *scene, pid_t child)
{
	struct zcpool_item item = { 0 };
	struct zcpool_transfer transfer = { .items = (uintptr_t)&item, .to = scene->number };

	for (; item.tag < COUNT; item.tag++) {
		if (!chance(16))
			NEED(disturb(child));
		item.index = item.tag;
		transfer.count = 1;
		NEED(!ioctl(scene->pool, ZCPOOL_IOC_TRANSFER, &transfer));
		scene->own[item.index] = false;
	}
	return true;
}

static bool socket_begin(struct scene *scene)
{
	const int size = 64 * KIB;

	NEED(!(chance(2) ? tcp_pair(scene->pair) :
			   socketpair(AF_UNIX, SOCK_STREAM, 0, scene->pair)));
	setsockopt(scene->pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(scene->pair[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return own_all(scene);
}

static bool pipe_begin(struct scene *scene)
{
	int ends[2];

	NEED(!pipe(ends));
	scene->pair[0] = ends[1];
	scene->pair[1] = ends[0];
	return own_all(scene);
}

/* STREAM records in the order of their buffers, by calls that send any part of them. */
static bool stream(struct scene *scene, ssize_t (*send)(struct scene *scene, off_t at, size_t most))
{
	uint64_t done = 0;

	close(scene->pair[1]);
	while (done < STREAM * BUFFER) {
		off_t at = done % SIZE;
		ssize_t sent = send(scene, at, SIZE - at);

		if (sent < 0 && errno == EINTR) {
			atomic_fetch_add(interruptions, 1);
			continue;
		}
		NEED(sent > 0);
		done += sent;
	}
	return true;
}

static ssize_t by_send(struct scene *scene, off_t at, size_t most)
{
	struct zcpool_element element = { .base = at, .length = most };
	struct zcpool_send send = { .elements = (uintptr_t)&element,
				    .count = 1,
				    .fd = scene->pair[0] };

	return ioctl(scene->pool, ZCPOOL_IOC_SEND, &send) ? -1 : (ssize_t)send.sent;
}

static ssize_t by_sendfile(struct scene *scene, off_t at, size_t most)
{
	return sendfile(scene->pair[0], scene->pool, &at, most);
}

static ssize_t by_splice(struct scene *scene, off_t at, size_t most)
{
	loff_t offset = at;

	return splice(scene->pool, &offset, scene->pair[0], NULL, most, 0);
}

static bool send_child(struct scene *scene)
{
	return stream(scene, by_send);
}

static bool sendfile_child(struct scene *scene)
{
	return stream(scene, by_sendfile);
}

static bool splice_child(struct scene *scene)
{
	return stream(scene, by_splice);
}

/* Reads a bit, disturbs the sender, and so on: record after record, none lost or twice. */
static bool stream_parent(struct scene *scene, pid_t child)
{
	static char memory[BUFFER] __attribute__((aligned(8)));
	const struct record *record = (const struct record *)memory;
	unsigned int i;

	close(scene->pair[0]);
	scene->pair[0] = -1;
	for (i = 0; i < STREAM; i++) {
		if (!chance(40))
			NEED(disturb(child));
		NEED(read_full(scene->pair[1], memory, BUFFER) == BUFFER);
		NEED(record_is_sound(memory) && record->generation == 1 + i % COUNT);
	}
	return true;
}

static bool poll_child(struct scene *scene)
{
	struct pollfd wait = { .fd = scene->pool, .events = POLLOUT };
	int ret;

	while ((ret = poll(&wait, 1, -1)) < 0) {
		NEED(errno == EINTR);
		atomic_fetch_add(interruptions, 1);
	}
	NEED(ret == 1 && wait.revents == POLLOUT);
	return true;
}

/* 32 MiB to be cleared, charged, and given back. */
static bool create_child(struct scene *scene)
{
	int pool;

	(void)scene;
	pool = new_pool(2 * MIB, 16);
	NEED(pool >= 0);
	close(pool);
	return true;
}

static bool only_disturb(struct scene *scene, pid_t child)
{
	(void)scene;
	return disturb(child);
}

static bool seal_child(struct scene *scene)
{
	struct zcpool_seal seal = { .flags = 0 };
	struct zcpool_unseal unseal = { .flags = 0 };
	uint32_t indices[COUNT], done, i;
	unsigned int round;

	for (i = 0; i < COUNT; i++)
		indices[i] = i;
	for (round = 0; round < 4; round++) {
		/* The kernel may be busy with a buffer for a moment. */
		for (done = 0; done < COUNT; done += seal.count) {
			seal.indices = (uintptr_t)(indices + done);
			seal.count = COUNT - done;
			if (ioctl(scene->pool, ZCPOOL_IOC_SEAL, &seal))
				NEED(errno == EBUSY);
		}
		for (done = 0; done < COUNT; done += unseal.count) {
			unseal.indices = (uintptr_t)(indices + done);
			unseal.count = COUNT - done;
			if (ioctl(scene->pool, ZCPOOL_IOC_UNSEAL, &unseal))
				NEED(errno == EBUSY);
		}
		for (i = 0; i < COUNT; i++)
			scene->map[i * BUFFER + BUFFER - 1] ^= 1;
	}
	/* An even number of times. */
	for (i = 0; i < COUNT; i++)
		NEED(record_is_sound(scene->map + i * BUFFER));
	return true;
}

/* Faults of a mapping that is made, used and unmade. */
static bool fault_child(struct scene *scene)
{
	unsigned int round, i;

	for (round = 0; round < 4; round++) {
		char *map = map_pool(scene->pool, SIZE);

		NEED(map != MAP_FAILED);
		for (i = 0; i < COUNT; i++)
			NEED(record_is_sound(map + i * BUFFER));
		for (i = 0; i < COUNT; i++)
			record_stamp(map + i * BUFFER, BUFFER, 1 + i);
		NEED(!munmap(map, SIZE));
	}
	return true;
}

/* read() and write() copy for as long. */
static bool copy_child(struct scene *scene)
{
	char *memory = malloc(SIZE);
	unsigned int i;

	NEED(memory && pread(scene->pool, memory, SIZE, 0) == (ssize_t)SIZE);
	for (i = 0; i < COUNT; i++)
		NEED(record_is_sound(memory + i * BUFFER));
	NEED(pwrite(scene->pool, memory, SIZE, 0) == (ssize_t)SIZE);
	free(memory);
	return true;
}

/* Buffer 0 goes to the other handle, and comes back by way of the pool. */
static bool hand_over(struct scene *scene)
{
	struct zcpool_item item = { .index = 0 };
	struct zcpool_transfer transfer = { .items = (uintptr_t)&item, .to = scene->number };
	struct zcpool_receive receive = { .items = (uintptr_t)&item };

	transfer.count = 1;
	NEED(!ioctl(scene->pool, ZCPOOL_IOC_TRANSFER, &transfer));
	receive.count = 1;
	NEED(!ioctl(scene->other, ZCPOOL_IOC_RECEIVE, &receive));
	NEED(!put_one(scene->other, 0));
	NEED(get_many(scene->pool, &item.index, 1, ZCPOOL_GET_F_NONBLOCK, 0) == 1);
	NEED(!item.index);
	return true;
}

/* Commands that neither wait nor take long: a stop comes before one or after it. */
static bool short_child(struct scene *scene)
{
	const uint64_t at = (COUNT - 1) * BUFFER;
	struct zcpool_export export = { .offset = at, .length = BUFFER };
	struct zcpool_view view = { .offset = at, .length = BUFFER };
	struct zcpool_eventfd none = { .fd = -1 };
	struct zcpool_query q;
	unsigned int round;

	for (round = 0; round < 40; round++) {
		NEED(!query(scene->pool, &q) && q.count == COUNT);
		NEED(holder_of(scene->pool, COUNT - 1).state == ZCPOOL_STATE_OWNED);
		NEED(!ioctl(scene->pool, ZCPOOL_IOC_EVENTFD, &none));
		NEED(!ioctl(scene->pool, ZCPOOL_IOC_EXPORT, &export) && !close(export.fd));
		NEED(!ioctl(scene->pool, ZCPOOL_IOC_VIEW, &view) && !close(view.fd));
		NEED(hand_over(scene));
		/* A handle more, attached, and its end. */
		close(scene->other);
		NEED(attach_other(scene));
	}
	return true;
}

static struct stop_case cases[] = {
	{ "GET", own_all, get_child, get_parent },
	{ "GET with a limit", own_all, get_limit_child, get_limit_parent },
	{ "RECEIVE", receive_begin, receive_child, receive_parent },
	{ "SEND", socket_begin, send_child, stream_parent },
	{ "sendfile", socket_begin, sendfile_child, stream_parent },
	{ "splice", pipe_begin, splice_child, stream_parent },
	{ "poll", own_all, poll_child, get_parent },
	{ "CREATE", own_all, create_child, only_disturb },
	{ "SEAL", own_all, seal_child, only_disturb },
	{ "faults", own_all, fault_child, only_disturb },
	{ "read and write", own_all, copy_child, only_disturb },
	{ "short commands", receive_begin, short_child, only_disturb },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* It ends by itself, soon. */
static bool ended_well(pid_t child)
{
	int status = -1;

	if (!EVENTUALLY(waitpid(child, &status, WNOHANG) == child)) {
		fprintf(stderr, "it does not end\n");
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return false;
	}
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool run_case(struct stop_case *stop)
{
	struct scene scene = { .pair = { -1, -1 }, .other = -1 };
	pid_t child;
	bool ok;

	scene.pool = stamped_pool(&scene.map);
	NEED(scene.pool >= 0);
	NEED(stop->begin(&scene));
	seed += 104729;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(stop->child(&scene) ? 0 : 1);
	}
	ok = stop->parent(&scene, child);
	if (!ok)
		kill(child, SIGKILL);
	kill(child, SIGCONT);
	NEED(ended_well(child) && ok);
	stop->runs++;
	close(scene.pair[0]);
	close(scene.pair[1]);
	/* The rest of what was put, and what the parent owns: all is there. */
	NEED(put_some(&scene, COUNT));
	if (scene.other >= 0)
		close(scene.other);
	NEED(get_all(scene.pool, 0));
	munmap(scene.map, SIZE);
	close(scene.pool);
	return true;
}

static bool round_of(unsigned int number)
{
	struct stop_case *stop = &cases[number % CASES];

	if (run_case(stop))
		return true;
	fprintf(stderr, "the case was: %s\n", stop->name);
	return false;
}

static void tell(char *text, size_t size)
{
	interrupted = *interruptions;
	snprintf(text, size, "%lu stops in %zu calls, of which %lu returned EINTR", stops, CASES,
		 interrupted);
}

int main(int argc, char **argv)
{
	interruptions = mmap(NULL, sizeof(*interruptions), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_rounds(argc, argv, "stops", &(struct rounds){ round_of, tell, NULL });
}
