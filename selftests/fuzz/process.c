// SPDX-License-Identifier: GPL-2.0-only
/* Other processes: children, what is passed to them, signals and debuggers. */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "calls.h"
#include "fuzz.h"

#define CHILDREN (LANES_EACH - 1)

static __thread pid_t children[CHILDREN];

static void child_gone(unsigned int which)
{
	children[which] = 0;
	atomic_store(&shared->lanes[worker_number * LANES_EACH + 1 + which].thread, 0);
}

static void child_end(unsigned int which)
{
	pid_t pid = children[which];

	if (!pid)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	child_gone(which);
}

void children_forget(void)
{
	unsigned int which;

	for (which = 0; which < CHILDREN; which++)
		child_end(which);
}

/* A child of the worker's own that may still live. */
static pid_t some_child(unsigned int *which)
{
	*which = below(CHILDREN);
	if (!children[*which])
		*which = below(CHILDREN);
	return children[*which];
}

static long call_fork(void)
{
	unsigned int which = below(CHILDREN);
	uint64_t calls = 1 + below(percent(70) ? 20 : 80);
	pid_t pid;

	if (is_child)
		return RESULT_NONE;
	child_end(which);
	ABOUT("calls=%ld", calls);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		memset(children, 0, sizeof(children));
		child_run(which, calls);
	}
	children[which] = pid;
	return 0;
}

static long call_kill(void)
{
	unsigned int which;
	pid_t pid = some_child(&which);

	if (!pid)
		return RESULT_NONE;
	ABOUT("pid=%ld", pid);
	child_end(which);
	return 0;
}

static long call_wait(void)
{
	unsigned int which;
	pid_t pid = some_child(&which);
	long ret;

	if (!pid)
		return RESULT_NONE;
	ABOUT("pid=%ld", pid);
	ret = RESULT(waitpid(pid, NULL, WNOHANG | __WALL));
	if (ret == pid)
		child_gone(which);
	return ret;
}

/* To any thread of any worker: its call is interrupted. */
static long call_signal(void)
{
	struct lane *to = &shared->lanes[below(job.workers * LANES_EACH)];
	pid_t process = atomic_load(&to->process), thread = atomic_load(&to->thread);
	int number = percent(50) ? SIGUSR1 : SIGRTMIN + (int)below(4);

	if (!thread)
		return RESULT_NONE;
	ABOUT("thread=%ld signal=%ld", thread, number);
	return RESULT(syscall(SYS_tgkill, process, thread, number));
}

struct passed {
	unsigned int count;
	enum slot_kind kinds[4];
	struct model models[4];
};

static long call_pass(void)
{
	int to = percent(80) ? SLOT_EXCHANGE : slot_of(SLOT_SOCKET);
	struct passed *passed = scratch(sizeof(*passed));
	struct iovec vector = { passed, sizeof(*passed) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *control;
	unsigned int i;
	int fds[4];

	passed->count = 1 + below(4);
	for (i = 0; i < passed->count; i++) {
		fds[i] = slot_of(ONE_OF(SLOT_HANDLE, SLOT_SHARE, SLOT_SHARE, SLOT_VIEW, SLOT_EXPORT,
					SLOT_PIPE, SLOT_SOCKET, SLOT_RING, SLOT_DIRECTORY));
		passed->kinds[i] = slot_kind_of(fds[i]) % SLOT_KINDS;
		passed->models[i] = *model_of(fds[i]);
	}
	message.msg_controllen = CMSG_SPACE(passed->count * sizeof(int));
	message.msg_control = scratch(message.msg_controllen);
	control = CMSG_FIRSTHDR(&message);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(passed->count * sizeof(int));
	memcpy(CMSG_DATA(control), fds, passed->count * sizeof(int));
	ABOUT("to=%ld count=%ld: %ld ...", to, passed->count, fds[0]);
	return RESULT(sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static long call_take(void)
{
	int from = percent(85) ? SLOT_EXCHANGE + 1 : slot_of(SLOT_SOCKET), fds[4];
	struct passed *passed = scratch(sizeof(*passed));
	struct iovec vector = { passed, sizeof(*passed) };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = scratch(256),
		.msg_controllen = 256,
	};
	struct cmsghdr *control;
	unsigned int i, count;
	ssize_t got;

	ABOUT("from=%ld", from);
	got = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	control = CMSG_FIRSTHDR(&message);
	if (!control || control->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(control), (count > 4 ? 4 : count) * sizeof(int));
	for (i = 0; i < count; i++) {
		if (i < 4 && got == sizeof(*passed))
			slot_fill(passed->kinds[i] % SLOT_KINDS, fds[i], &passed->models[i]);
		else
			close(((int *)CMSG_DATA(control))[i]);
	}
	return 0;
}

/* Stop a child wherever it is, and look into the mappings that it has. */
static long call_ptrace(void)
{
	unsigned int which, try;
	pid_t pid = some_child(&which);
	long ret, status = 0;

	if (!pid)
		return RESULT_NONE;
	ABOUT("pid=%ld", pid);
	ret = RESULT(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
	if (ret)
		return ret;
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	for (try = 0; try < 3; try++) {
		ret = RESULT(waitpid(pid, (int *)&status, __WALL));
		if (ret != -EINTR)
			break;
	}
	if (ret != pid || !WIFSTOPPED(status)) {
		if (ret == pid)
			child_gone(which);
		else
			child_end(which);
		return -ESRCH;
	}
	for (try = 0; try < 4; try++) {
		void *at = POINTER(mapping_some());

		if (percent(50)) {
			errno = 0;
			ptrace(PTRACE_PEEKDATA, pid, at, 0);
			ret = -errno;
		} else {
			ret = RESULT(ptrace(PTRACE_POKEDATA, pid, at, random_word()));
		}
	}
	if (percent(20))
		child_end(which);
	else
		ptrace(PTRACE_DETACH, pid, 0, 0);
	return ret;
}

/* A descriptor of a child's, by force. */
static long call_pidfd_getfd(void)
{
	unsigned int which;
	pid_t pid = some_child(&which);
	int pidfd, fd = slot_any(), got;

	if (!pid)
		return RESULT_NONE;
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	ABOUT("pid=%ld fd=%ld", pid, fd);
	got = RESULT(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	close(pidfd);
	return slot_fill(slot_kind_of(fd) % SLOT_KINDS, got, model_of(fd));
}

/* Memory of a child's. */
static long call_vm_read_child(void)
{
	unsigned int which;
	pid_t pid = some_child(&which);
	struct iovec *here = some_vector(1), *there = some_vector(1);

	if (!pid)
		return RESULT_NONE;
	there->iov_base = POINTER(mapping_some());
	ABOUT("pid=%ld %#lx there=%#lx", pid, U64(here), U64(there));
	if (percent(50))
		return RESULT(process_vm_writev(pid, here, 1, there, 1, 0));
	return RESULT(process_vm_readv(pid, here, 1, there, 1, 0));
}

const struct kind process_kinds[] = {
	{ "fork", call_fork, 3 },
	{ "kill", call_kill, 1 },
	{ "wait", call_wait, 2 },
	{ "tgkill", call_signal, 6 },
	{ "SCM_RIGHTS sent", call_pass, 6 },
	{ "SCM_RIGHTS received", call_take, 8 },
	{ "ptrace", call_ptrace, 2 },
	{ "pidfd_getfd", call_pidfd_getfd, 2 },
	{ "process_vm_readv of a child", call_vm_read_child, 2 },
	{},
};
