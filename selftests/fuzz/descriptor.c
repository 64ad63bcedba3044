// SPDX-License-Identifier: GPL-2.0-only
/* What can be done with any descriptor, and its end. */
#include <linux/memfd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "calls.h"
#include "fuzz.h"

static long call_close(void)
{
	int fd = percent(40) ? slot_any() : slot_of(percent(60) ? SLOT_HANDLE : SLOT_VIEW);

	/* Sockets and exchange have other ends who wait: those that are no slots stay. */
	if (fd < SLOT_FIRST)
		return RESULT_NONE;
	ABOUT("fd=%ld", fd);
	if (fd < SLOT_END)
		*model_of(fd) = (struct model){ 0 };
	return RESULT(close(fd));
}

static long call_dup(void)
{
	int from = slot_any(), to;

	ABOUT("fd=%ld", from);
	to = dup(from);
	if (to < 0)
		return -errno;
	return slot_fill(slot_kind_of(from) % SLOT_KINDS, to, model_of(from));
}

static long call_fstat(void)
{
	int fd = slot_any();
	struct stat *status = POINTER(some_address(sizeof(*status)));

	ABOUT("fd=%ld %#lx", fd, U64(status));
	if (percent(30))
		return RESULT(syscall(SYS_fstatfs, fd, status));
	return RESULT(syscall(SYS_fstat, fd, status));
}

static long call_fchmod(void)
{
	int fd = percent(70) ? slot_of(percent(50) ? SLOT_HANDLE : SLOT_VIEW) : slot_any();
	unsigned int mode = bent(below(01000));

	ABOUT("fd=%ld mode=%#lo", fd, mode);
	return RESULT(fchmod(fd, mode));
}

static long call_fchown(void)
{
	int fd = percent(70) ? slot_of(percent(50) ? SLOT_HANDLE : SLOT_VIEW) : slot_any();
	uid_t user = percent(50) ? NOBODY : 0;

	ABOUT("fd=%ld user=%ld", fd, user);
	return RESULT(fchown(fd, user, percent(50) ? (gid_t)-1 : user));
}

static long call_setfl(void)
{
	int fd = slot_any();
	int flags = flags_of(O_NONBLOCK | O_ASYNC | O_APPEND);

	if (percent(70))
		flags |= O_NONBLOCK;
	if (percent(5))
		flags |= O_DIRECT;
	ABOUT("fd=%ld flags=%#lo", fd, flags);
	return RESULT(fcntl(fd, F_SETFL, flags));
}

static long call_fcntl(void)
{
	int fd = percent(60) ? slot_of(SLOT_HANDLE) : slot_any();
	struct f_owner_ex *owner = scratch(sizeof(*owner));
	struct flock *lock = scratch(sizeof(*lock));
	long value = 0;
	int number = ONE_OF(F_SETSIG, F_SETOWN, F_SETOWN_EX, F_ADD_SEALS, F_GET_SEALS, F_SETPIPE_SZ,
			    F_GETPIPE_SZ, F_SETLEASE, F_GETLK, F_SETLK, F_OFD_SETLK, F_GETFL,
			    F_NOTIFY, F_SET_RW_HINT);

	owner->type = F_OWNER_TID;
	owner->pid = syscall(SYS_gettid);
	lock->l_type = below(3);
	lock->l_start = below(64 * KIB);
	switch (number) {
	case F_SETSIG:
		/* No others: most would end the worker. */
		value = percent(90) ? SIGRTMIN + (int)below(8) : 65 + below(1000);
		break;
	case F_SETOWN:
		value = getpid();
		break;
	case F_SETOWN_EX:
		value = U64(owner);
		break;
	case F_ADD_SEALS:
		value = flags_of(0x1f);
		break;
	case F_SETPIPE_SZ:
		value = bent(PAGE << below(9));
		break;
	case F_SETLEASE:
		value = below(3);
		break;
	case F_SET_RW_HINT:
		value = U64(lock);
		break;
	case F_GETLK:
	case F_SETLK:
	case F_OFD_SETLK:
		value = U64(lock);
		break;
	}
	ABOUT("fd=%ld command=%ld value=%#lx", fd, number, value);
	return RESULT(fcntl(fd, number, value));
}

static long call_poll(void)
{
	unsigned int count = 1 + below(8), i;
	struct pollfd *fds = scratch(count * sizeof(*fds));

	for (i = 0; i < count; i++) {
		fds[i].fd = percent(60) ? slot_of(SLOT_HANDLE) : slot_any();
		fds[i].events = percent(80) ? POLLIN | POLLOUT : random_word();
	}
	ABOUT("count=%ld fd=%ld ...", count, fds[0].fd);
	return RESULT(poll(fds, count, percent(80) ? 0 : below(5)));
}

static long call_epoll_create(void)
{
	ABOUT("", 0);
	return slot_fill(SLOT_EPOLL, RESULT(epoll_create1(EPOLL_CLOEXEC)), NULL);
}

static long call_epoll_ctl(void)
{
	int fd = percent(60) ? slot_of(SLOT_HANDLE) : slot_any(), epoll = slot_of(SLOT_EPOLL);
	struct epoll_event event = {
		.events = flags_of(EPOLLIN | EPOLLOUT | EPOLLET | EPOLLONESHOT),
		.data.fd = fd,
	};
	int operation = bent(ONE_OF(EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL));

	event.events |= EPOLLIN | EPOLLOUT;
	ABOUT("epoll=%ld operation=%ld fd=%ld", epoll, operation, fd);
	return RESULT(epoll_ctl(epoll, operation, fd, &event));
}

static long call_epoll_wait(void)
{
	struct epoll_event *events = POINTER(some_address(8 * sizeof(*events)));
	int epoll = slot_of(SLOT_EPOLL);

	ABOUT("epoll=%ld %#lx", epoll, U64(events));
	return RESULT(epoll_wait(epoll, events, 8, percent(80) ? 0 : below(5)));
}

static long call_eventfd_open(void)
{
	ABOUT("", 0);
	return slot_fill(SLOT_EVENTFD,
			 RESULT(eventfd(below(3), EFD_CLOEXEC | (percent(90) ? EFD_NONBLOCK : 0))),
			 NULL);
}

static long call_eventfd_read(void)
{
	uint64_t to = some_address(8);
	int fd = slot_of(SLOT_EVENTFD);

	ABOUT("fd=%ld %#lx", fd, to);
	return RESULT(read(fd, POINTER(to), 8));
}

/* Open anew what a descriptor shows. */
static long call_reopen(void)
{
	int from = percent(60) ? slot_of(percent(50) ? SLOT_VIEW : SLOT_HANDLE) : slot_any();
	int flags = ONE_OF(O_RDONLY, O_RDWR, O_WRONLY) | O_CLOEXEC | O_NONBLOCK;
	char *path = scratch(64);
	int fd;

	if (percent(5))
		flags |= ONE_OF(O_DIRECT, O_TRUNC, O_APPEND, O_PATH);
	snprintf(path, 64, "/proc/self/fd/%d", from);
	ABOUT("fd=%ld flags=%#lo", from, flags);
	fd = open(path, flags);
	if (fd < 0)
		return -errno;
	return slot_fill(slot_kind_of(from) % SLOT_KINDS, fd,
			 slot_kind_of(from) == SLOT_VIEW ? model_of(from) : NULL);
}

static long call_fdinfo(void)
{
	int from = slot_any(), fd;
	char *path = scratch(64);
	long ret;

	snprintf(path, 64, "/proc/self/fdinfo/%d", from);
	ABOUT("fd=%ld", from);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = RESULT(read(fd, scratch(2 * KIB), 2 * KIB));
	close(fd);
	return ret;
}

static long call_flock(void)
{
	int fd = slot_any(), operation = ONE_OF(LOCK_SH, LOCK_EX, LOCK_UN) | LOCK_NB;

	ABOUT("fd=%ld operation=%ld", fd, operation);
	return RESULT(flock(fd, operation));
}

static long call_xattr(void)
{
	int fd = percent(70) ? slot_of(percent(50) ? SLOT_HANDLE : SLOT_VIEW) : slot_any();
	void *value = scratch(64);

	ABOUT("fd=%ld", fd);
	switch (below(3)) {
	case 0:
		return RESULT(fsetxattr(fd, percent(50) ? "user.a" : "security.a", value, 8, 0));
	case 1:
		return RESULT(fgetxattr(fd, "user.a", value, 64));
	default:
		return RESULT(flistxattr(fd, value, 64));
	}
}

/* By a handle of the file, as NFS servers have it. */
static long call_file_handle(void)
{
	struct file_handle *handle = scratch(sizeof(*handle) + MAX_HANDLE_SZ);
	int from = percent(70) ? slot_of(percent(50) ? SLOT_HANDLE : SLOT_VIEW) : slot_any(), mount;
	long ret;

	handle->handle_bytes = MAX_HANDLE_SZ;
	ABOUT("fd=%ld", from);
	ret = RESULT(name_to_handle_at(from, "", handle, &mount, AT_EMPTY_PATH));
	if (ret)
		return ret;
	return slot_fill(SLOT_VIEW, RESULT(open_by_handle_at(from, handle, O_RDWR | O_CLOEXEC)),
			 model_of(from));
}

const struct kind descriptor_kinds[] = {
	{ "close", call_close, 24 },
	{ "dup", call_dup, 4 },
	{ "fstat", call_fstat, 3 },
	{ "fchmod", call_fchmod, 2 },
	{ "fchown", call_fchown, 1 },
	{ "F_SETFL", call_setfl, 4 },
	{ "fcntl", call_fcntl, 6 },
	{ "poll", call_poll, 6 },
	{ "epoll_create", call_epoll_create, 1 },
	{ "epoll_ctl", call_epoll_ctl, 5 },
	{ "epoll_wait", call_epoll_wait, 4 },
	{ "eventfd", call_eventfd_open, 2 },
	{ "read of an eventfd", call_eventfd_read, 2 },
	{ "open by /proc/self/fd", call_reopen, 4 },
	{ "fdinfo", call_fdinfo, 4 },
	{ "flock", call_flock, 1 },
	{ "xattr", call_xattr, 1 },
	{ "file handle", call_file_handle, 1 },
	{},
};
