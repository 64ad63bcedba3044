/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests share: short names for the device's calls, and a socket pair. */
#ifndef ZCPOOL_SELFTEST_UTIL_H
#define ZCPOOL_SELFTEST_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/tcp.h>
#include <linux/zcpool.h>

#define DEVICE "/dev/zcpool"
#define KIB 1024UL
#define MIB (1024UL * KIB)
#define NS_PER_MS 1000000LL
/* A variant of a fixture, its fields as designated initializers. */
#define VARIANT(fixture, name, ...) \
	FIXTURE_VARIANT_ADD(fixture, name) \
	{ \
		__VA_ARGS__ \
	}
/* An address at which nothing is mapped, unknown to the compiler. */
static void *volatile nowhere __attribute__((unused)) = (void *)16;

/* All return what the system call does, or a negative errno. */

static inline int query(int fd, struct zcpool_query *query)
{
	memset(query, 0, sizeof(*query));
	return ioctl(fd, ZCPOOL_IOC_QUERY, query) ? -errno : 0;
}

static inline int create(int fd, uint64_t buffer_size, uint32_t count)
{
	struct zcpool_create create = { .buffer_size = buffer_size, .count = count };

	return ioctl(fd, ZCPOOL_IOC_CREATE, &create) ? -errno : 0;
}

/* A new handle bound to a new pool. */
static inline int new_pool(uint64_t buffer_size, uint32_t count)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = create(fd, buffer_size, count);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static inline int get_many(int fd, uint32_t *indices, uint32_t count, uint32_t flags,
			   uint64_t timeout_ns)
{
	struct zcpool_get get = {
		.indices = (uintptr_t)indices,
		.timeout_ns = timeout_ns,
		.count = count,
		.flags = flags,
	};

	return ioctl(fd, ZCPOOL_IOC_GET, &get) ? -errno : (int)get.count;
}

/* The index of one buffer, without waiting. */
static inline int get_now(int fd)
{
	uint32_t index = 0;
	int ret = get_many(fd, &index, 1, ZCPOOL_GET_F_NONBLOCK, 0);

	return ret < 0 ? ret : (int)index;
}

/*
 * Waits without limit: one more look at the end of a limit would hide a wake-up
 * that was lost.  The harness ends a test that hangs.
 */
static inline int get_wait(int fd)
{
	uint32_t index = 0;
	int ret = get_many(fd, &index, 1, 0, 0);

	return ret < 0 ? ret : (int)index;
}

static inline int put_many(int fd, const uint32_t *indices, uint32_t count, uint32_t *done)
{
	struct zcpool_put put = { .indices = (uintptr_t)indices, .count = count };
	int ret = ioctl(fd, ZCPOOL_IOC_PUT, &put) ? -errno : 0;

	if (done)
		*done = put.count;
	return ret;
}

static inline int put_one(int fd, uint32_t index)
{
	return put_many(fd, &index, 1, NULL);
}

static inline int holders(int fd, struct zcpool_holder *entries, uint32_t *first, uint32_t count,
			  uint32_t flags)
{
	struct zcpool_holders arg = {
		.entries = (uintptr_t)entries,
		.first = *first,
		.count = count,
		.flags = flags,
		.entry_size = sizeof(*entries),
	};
	int ret = ioctl(fd, ZCPOOL_IOC_HOLDERS, &arg) ? -errno : (int)arg.count;

	*first = arg.first;
	return ret;
}

static inline struct zcpool_holder holder_of(int fd, uint32_t index)
{
	struct zcpool_holder holder;

	if (holders(fd, &holder, &index, 1, 0) != 1)
		memset(&holder, 0xff, sizeof(holder));
	return holder;
}

static inline char *map_pool(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/*
 * A handle with a new pool, mapped and full of what depends on the place, or an error.
 * buffer_size is the stride as well: a power of two.
 */
static inline int new_full_pool(uint64_t buffer_size, uint32_t count, char **map)
{
	int fd = new_pool(buffer_size, count);
	uint64_t i;

	if (fd < 0)
		return fd;
	*map = map_pool(fd, buffer_size * count);
	if (*map == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}
	for (i = 0; i < buffer_size * count; i++)
		(*map)[i] = i * 31 >> 8;
	return fd;
}

/* The physical address in an entry of /proc/self/pagemap. */
static inline uint64_t physical_in(uint64_t entry)
{
	return (entry & ((1ULL << 55) - 1)) << 12;
}

/* The physical address of a touched page, by the program's /proc/self/pagemap. */
static inline uint64_t physical_by(int pagemap, const void *address)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, 8, (uintptr_t)address / 4096 * 8) != 8)
		entry = 0;
	return physical_in(entry);
}

static inline uint64_t physical_address(const void *address)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t physical = physical_by(pagemap, address);

	close(pagemap);
	return physical;
}

/* A connected TCP pair over loopback: pair[0] sends, pair[1] receives. */
static inline int tcp_pair(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	pair[1] = -1;
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(pair[0], (struct sockaddr *)&address, length))
		return -errno;
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
	return pair[1] < 0 ? -errno : 0;
}

/* How long TCP keeps what MSG_MORE announces the rest of, ns: 200 ms, and ticks are coarse. */
#define TCP_PATIENCE (150 * NS_PER_MS)

/*
 * Whether the peer, if it is TCP's, has taken all that it has room for.  Room for less than the
 * next segment is used in the end, when TCP asks for more.
 */
static inline bool settled(int socket)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) ||
	       (!info.tcpi_unacked && (!info.tcpi_notsent_bytes || !info.tcpi_snd_wnd));
}

/* Read exactly size bytes; the number read before the end or an error. */
static inline size_t read_full(int fd, void *buffer, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size && (got = read(fd, (char *)buffer + done, size - done)) > 0)
		done += got;
	return done;
}

/* The exit status of a child, -1 if it was killed. */
static inline int wait_status(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Descriptors below so many may be opened; returns the limit that was. */
static inline rlim_t limit_files(rlim_t most)
{
	struct rlimit limit;
	rlim_t before;

	getrlimit(RLIMIT_NOFILE, &limit);
	before = limit.rlim_cur;
	limit.rlim_cur = most;
	setrlimit(RLIMIT_NOFILE, &limit);
	return before;
}

static inline int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Bytes of all pools. */
static inline uint64_t total_bytes(void)
{
	int fd = open(DEVICE, O_RDWR);
	struct zcpool_query q = { 0 };
	int error = query(fd, &q);

	close(fd);
	return error ? UINT64_MAX : q.total_bytes;
}

/* Whether that is all: what a socket has yet of pools that ended may go later. */
static inline bool wait_total_bytes(uint64_t bytes)
{
	int try;

	for (try = 0; try < 20000 && total_bytes() != bytes; try++)
		usleep(1000);
	return total_bytes() == bytes;
}

/* Time as the kernel counts limits of time, in ticks: held up, a guest has several at once. */
static inline int64_t ticks_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Whether a child has gone to sleep in the kernel, waited for up to a minute. */
static inline bool wait_asleep(pid_t pid)
{
	char path[64], state;
	int try;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (try = 0; try < 60000; try++) {
		FILE *file = fopen(path, "r");

		if (!file)
			return false;
		if (fscanf(file, "%*d %*s %c", &state) != 1)
			state = '?';
		fclose(file);
		if (state == 'S')
			return true;
		if (state == 'Z')
			return false;
		usleep(1000);
	}
	return false;
}

/* Whether all threads of a process whose names begin so sleep, and are so many at least. */
static inline bool threads_asleep(pid_t pid, const char *begin, int least)
{
	char path[64], name[64], state;
	struct dirent *entry;
	int threads = 0, awake = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *file = NULL;
		char stat[400];

		snprintf(stat, sizeof(stat), "%s/%s/stat", path, entry->d_name);
		if (entry->d_name[0] != '.')
			file = fopen(stat, "r");
		if (file && fscanf(file, "%*d (%63[^)]) %c", name, &state) == 2 &&
		    !strncmp(name, begin, strlen(begin))) {
			threads++;
			awake += state != 'S';
		}
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return threads >= least && !awake;
}

static inline void wait_threads_asleep(pid_t pid, const char *begin, int least)
{
	while (!threads_asleep(pid, begin, least))
		usleep(1000);
}

/* For what no interface tells. */
static inline bool kernel_before(int major, int minor)
{
	int is_major, is_minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%d.%d", &is_major, &is_minor) != 2)
		return false;
	return is_major < major || (is_major == major && is_minor < minor);
}

/* A decimal number that is all of a file, as in sysfs. */
static inline long long read_number(const char *path)
{
	long long number = -1;
	FILE *file = fopen(path, "r");

	if (file) {
		if (fscanf(file, "%lld", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#endif /* ZCPOOL_SELFTEST_UTIL_H */
