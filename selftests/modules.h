/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests share that need a module beside the pool's, and leave it behind for nobody. */
#ifndef ZCPOOL_SELFTEST_MODULES_H
#define ZCPOOL_SELFTEST_MODULES_H

#include "util.h"

static inline int run_program(char *const *arguments)
{
	pid_t child = fork();

	if (!child) {
		execvp(arguments[0], arguments);
		_exit(127);
	}
	return wait_status(child);
}

/*
 * Load a module with those that it needs, and its parameters: the arguments of modprobe,
 * up to a NULL.  0 or -1.
 */
#define modprobe(...) run_program((char *const[]){ "/sbin/modprobe", "-q", __VA_ARGS__, NULL })

/* And unload them, which may have to wait for files that are closed by and by. */
static inline int modprobe_remove(const char *name)
{
	char *const arguments[] = { "/sbin/modprobe", "-q", "-r", (char *)name, NULL };
	int64_t end = now_ns() + 60000 * NS_PER_MS;
	int status;

	do {
		status = run_program(arguments);
	} while (status && now_ns() < end && !usleep(10000));
	return status;
}

/* Insert a module of the tests' own, whose file an environment variable names. */
static inline int insert_module(const char *variable)
{
	int fd = open(getenv(variable) ?: "", O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, "", 0);

	if (ret)
		fprintf(stderr, "cannot insert the module of %s: %s\n", variable, strerror(errno));
	close(fd);
	return ret;
}

/* Files that hold it are closed by and by. */
static inline int remove_module(const char *name)
{
	int64_t end = now_ns() + 60000 * NS_PER_MS;
	int ret;

	do {
		ret = syscall(SYS_delete_module, name, O_NONBLOCK);
	} while (ret && now_ns() < end && !usleep(10000));
	if (ret)
		fprintf(stderr, "cannot remove the module %s: %s\n", name, strerror(errno));
	return ret;
}

/*
 * A whole program's modules: load() before its first test, unload() after its last, in
 * the process that starts the tests.  Each prints what is wrong and returns other than 0,
 * which fails the program.
 */
#define WITH_MODULES(load, unload) \
	static pid_t modules_of; \
	static void __attribute__((constructor)) modules_begin(void) \
	{ \
		modules_of = getpid(); \
		if ((load)()) \
			_exit(1); \
	} \
	static void __attribute__((destructor)) modules_end(void) \
	{ \
		if (getpid() == modules_of && (unload)()) \
			_exit(1); \
	}

#endif /* ZCPOOL_SELFTEST_MODULES_H */
