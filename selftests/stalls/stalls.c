// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded to a test: holds its processes and threads up at random before and after many of
 * their calls, as a busy machine does, so that what a test has only by good timing is found out.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * At first one time in so many, if the environment's ZCPOOL_STALL_ODDS is no other number, and
 * more rarely with each call: a test of thousands comes to its end.
 */
#define ODDS 25
#define ODDS_MORE 3
/* Longer than a transfer of the edu device, and many a time limit that a test sets, ms. */
#define LEAST 50
#define MOST 950
#define NS_PER_MS 1000000LL

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

/* A thread's own, and a process's: after fork() parent and child go on by chance, not alike. */
static uint32_t random_below(uint32_t limit)
{
	static __thread uint64_t random_state;
	static __thread pid_t whose;

	if (whose != getpid()) {
		whose = getpid();
		random_state = now_ns() ^ (uint64_t)whose << 32 ^ (uintptr_t)&random_state;
	}
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % limit;
}

/* Awake, for tests look whether another sleeps. */
static void stall(void)
{
	static unsigned int odds, calls;
	int64_t end;
	int error = errno;
	const char *text;

	if (!odds) {
		text = getenv("ZCPOOL_STALL_ODDS");
		odds = text && atoi(text) > 0 ? atoi(text) : ODDS;
	}
	if (!random_below(odds + calls++ / ODDS_MORE)) {
		end = now_ns() + (LEAST + random_below(MOST - LEAST)) * NS_PER_MS;
		while (now_ns() < end)
			sched_yield();
	}
	errno = error;
}

/* The C library's function of that name, held up before and after. */
#define STALLED(name, ...) \
	({ \
		static typeof(name) *real; \
\
		if (!real) \
			real = (typeof(name) *)dlsym(RTLD_NEXT, #name); \
		stall(); \
		__auto_type ret = real(__VA_ARGS__); \
		stall(); \
		ret; \
	})

int close(int fd)
{
	return STALLED(close, fd);
}

ssize_t read(int fd, void *to, size_t size)
{
	return STALLED(read, fd, to, size);
}

ssize_t write(int fd, const void *from, size_t size)
{
	return STALLED(write, fd, from, size);
}

int ioctl(int fd, unsigned long command, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return STALLED(ioctl, fd, command, argument);
}

int poll(struct pollfd *fds, nfds_t count, int ms)
{
	return STALLED(poll, fds, count, ms);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int ms)
{
	return STALLED(epoll_wait, fd, events, count, ms);
}

ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size,
	       unsigned int flags)
{
	return STALLED(splice, from, from_offset, to, to_offset, size, flags);
}

ssize_t send(int fd, const void *from, size_t size, int flags)
{
	return STALLED(send, fd, from, size, flags);
}

ssize_t recv(int fd, void *to, size_t size, int flags)
{
	return STALLED(recv, fd, to, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return STALLED(sendmsg, fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return STALLED(recvmsg, fd, message, flags);
}

int kill(pid_t pid, int number)
{
	return STALLED(kill, pid, number);
}

pid_t waitpid(pid_t pid, int *status, int flags)
{
	return STALLED(waitpid, pid, status, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *argument)
{
	return STALLED(pthread_create, thread, attributes, run, argument);
}

pid_t fork(void)
{
	return STALLED(fork);
}
