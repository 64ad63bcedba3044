// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module is inserted and removed, round after round, while other processes use it,
 * or try to.  With a handle open or a pipe full it is not removed; what sockets hold
 * outlives it.
 */
#include <sys/prctl.h>

#include "soak.h"

#define WORKERS 3
#define PIPES 2
#define SOCKETS 2

/* In memory that the workers share. */
struct with_workers {
	/* Nobody is to begin anything. */
	atomic_bool rest;
	/* Who has not yet come to rest. */
	atomic_int busy;
	atomic_ulong lives;
	atomic_ulong absent;
	atomic_ulong failed;
	atomic_ulong refused;
};

static struct with_workers *shared_with;
static pid_t workers[WORKERS];

/* A short life with a pool: a record goes by one of the ways, and is looked at. */
static bool live(void)
{
	int pair[2] = { -1, -1 }, pool, index;
	char *map;

	pool = stamped_pool(&map);
	if (pool == -ENOENT || pool == -ENXIO || pool == -ENODEV) {
		atomic_fetch_add(&shared_with->absent, 1);
		return true;
	}
	NEED(pool >= 0);
	index = get_now(pool);
	NEED(index >= 0);
	if (chance(2)) {
		struct zcpool_element element = { .base = index * BUFFER, .length = BUFFER };
		struct zcpool_send send = { .elements = (uintptr_t)&element, .count = 1 };

		NEED(!(chance(2) ? tcp_pair(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair)));
		send.fd = pair[0];
		NEED(!ioctl(pool, ZCPOOL_IOC_SEND, &send) && send.sent == BUFFER);
	} else {
		loff_t offset = index * BUFFER;
		int ends[2];

		NEED(!pipe(ends));
		pair[0] = ends[1];
		pair[1] = ends[0];
		NEED(splice(pool, &offset, pair[0], NULL, BUFFER, 0) == BUFFER);
	}
	NEED(!put_one(pool, index));
	/* What holds the pool's memory last ends last, or first. */
	if (chance(2)) {
		close(pool);
		munmap(map, SIZE);
		NEED(check_stream(pair[1], 1) == 1);
	} else {
		NEED(check_stream(pair[1], 1) == 1);
		munmap(map, SIZE);
		close(pool);
	}
	close(pair[0]);
	close(pair[1]);
	atomic_fetch_add(&shared_with->lives, 1);
	return true;
}

static _Noreturn void work(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		unsigned int lives = chance(4);

		atomic_fetch_add(&shared_with->busy, 1);
		while (!atomic_load(&shared_with->rest) && lives--)
			if (!live())
				atomic_fetch_add(&shared_with->failed, 1);
		atomic_fetch_sub(&shared_with->busy, 1);
		doze(20000);
	}
}

/*
 * Nobody may remove it now.  While others are at work they may be the reason, so in every
 * other round they rest: then what is left is, once they are gone for good.
 */
static bool is_refused(void)
{
	int64_t end = now_ns() + 20 * NS_PER_MS;

	atomic_fetch_add(&shared_with->refused, 1);
	do {
		if (unload() != -EAGAIN)
			return false;
	} while (atomic_load(&shared_with->rest) && now_ns() < end && !usleep(2000));
	return true;
}

static bool have_rest(bool on)
{
	atomic_store(&shared_with->rest, on);
	NEED(!on || EVENTUALLY(!atomic_load(&shared_with->busy)));
	return true;
}

/* While others go on it may take a while; once they rest it does not. */
static bool remove_it(void)
{
	int64_t end = now_ns() + 100 * NS_PER_MS;
	int error;

	while ((error = unload()) == -EAGAIN && now_ns() < end)
		usleep(500);
	if (error == -EAGAIN) {
		atomic_store(&shared_with->rest, true);
		error = EVENTUALLY(unload() != -EAGAIN) ? 0 : -EAGAIN;
		atomic_store(&shared_with->rest, false);
	}
	if (error || !access("/sys/module/zcpool", F_OK)) {
		fprintf(stderr, "cannot remove the module: error %d, %lld users\n", error,
			read_number("/sys/module/zcpool/refcnt"));
		return false;
	}
	return true;
}

static bool fill_pipe(int pool, int end)
{
	loff_t offset = chance(COUNT / 2) * BUFFER;

	/* Sixteen slots, one record each or more. */
	NEED(splice(pool, &offset, end, NULL, COUNT / 2 * BUFFER, SPLICE_F_NONBLOCK) > 0);
	return true;
}

static bool fill_socket(int pool, int end)
{
	struct zcpool_element element = { .base = chance(COUNT / 2) * BUFFER,
					  .length = COUNT / 2 * BUFFER };
	struct zcpool_send send = { .elements = (uintptr_t)&element,
				    .count = 1,
				    .flags = ZCPOOL_SEND_F_DONTWAIT,
				    .fd = end };

	NEED(!ioctl(pool, ZCPOOL_IOC_SEND, &send) && send.sent && !send.copied);
	return true;
}

static bool read_out(int pair[2])
{
	close(pair[0]);
	NEED(check_stream(pair[1], UINT32_MAX) >= 0);
	close(pair[1]);
	return true;
}

static bool start_workers(void)
{
	unsigned int i;

	shared_with = mmap(NULL, sizeof(*shared_with), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared_with != MAP_FAILED);
	for (i = 0; i < WORKERS; i++) {
		seed += 104729;
		workers[i] = fork();
		if (!workers[i])
			work();
	}
	return true;
}

/* A holder of another kind, or none: a view, a mapping of the pool. */
static bool hold(int pool, char *map, int *view)
{
	struct zcpool_view arg = { .length = BUFFER };

	*view = -1;
	if (chance(2)) {
		NEED(!ioctl(pool, ZCPOOL_IOC_VIEW, &arg));
		*view = arg.fd;
	}
	if (chance(2))
		NEED(!munmap(map, SIZE / 2));
	return true;
}

static bool round_of(unsigned int number)
{
	int pipes[PIPES][2], sockets[SOCKETS][2], pool, view, i;
	bool early = chance(2);
	char *map;

	if (!number)
		NEED(start_workers());
	pool = stamped_pool(&map);
	NEED(pool >= 0);
	for (i = 0; i < PIPES; i++) {
		int ends[2];

		NEED(!pipe(ends));
		pipes[i][0] = ends[1];
		pipes[i][1] = ends[0];
		NEED(fill_pipe(pool, ends[1]));
	}
	for (i = 0; i < SOCKETS; i++) {
		NEED(!(i ? tcp_pair(sockets[i]) : socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i])));
		NEED(fill_socket(pool, sockets[i][0]));
	}
	NEED(hold(pool, map, &view));
	NEED(have_rest(chance(2)));
	NEED(is_refused());
	close(pool);
	NEED(is_refused());
	munmap(map, SIZE);
	NEED(is_refused());
	if (view >= 0)
		close(view);
	for (i = 0; i < PIPES; i++) {
		NEED(is_refused());
		NEED(read_out(pipes[i]));
	}
	NEED(have_rest(false));
	/* Sockets do not hold the module: what is in one is read when the module is gone. */
	if (early)
		NEED(read_out(sockets[0]));
	NEED(remove_it());
	if (!early)
		NEED(read_out(sockets[0]));
	NEED(read_out(sockets[1]));
	NEED(!load());
	NEED(!shared_with->failed);
	return true;
}

/* Nobody has a pool while memory is counted. */
static void quiet(bool on)
{
	if (!shared_with)
		return;
	atomic_store(&shared_with->rest, on);
	if (on)
		usleep(500000);
}

static void tell(char *text, size_t size)
{
	snprintf(text, size,
		 "%lu times refused; %lu lives of other processes, %lu times no module for them",
		 shared_with->refused, shared_with->lives, shared_with->absent);
}

int main(int argc, char **argv)
{
	return run_rounds(argc, argv, "reload", &(struct rounds){ round_of, tell, quiet });
}
