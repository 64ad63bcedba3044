// SPDX-License-Identifier: GPL-2.0-only
/* Workers: threads of processes that make their calls, and children that they fork. */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"
#include "fuzz.h"

/* After so many calls of each worker a process ends as it is, and another goes on. */
#define GENERATION 2500
/* No call waits longer than this, ms, or more on a slow machine: a signal interrupts it. */
#define PATIENCE 20
#define PATIENCE_MOST 200
/* How long a child stays for others to look at, ms. */
#define LINGER 1000
/* Workers of one process. */
#define THREADS 2

struct job job;
__thread unsigned int worker_number;
__thread uint64_t call_number;
__thread bool is_child;

/* What a process begins with, lest its first calls find nothing. */
static long (*const first_calls[])(void) = {
	call_open,	  call_open,
	call_open,	  call_open,
	call_create,	  call_create,
	call_create,	  call_create,
	call_get,	  call_get,
	call_get,	  call_mmap_pool,
	call_mmap_pool,	  call_mmap_anonymous,
	call_pipe,	  call_pipe,
	call_socket_pair, call_socket_pair,
	call_socket_pair, call_share,
	call_view,	  call_plain_open,
	call_mount_open,  call_ring_setup,
	call_put,
};

static void ignore(int number)
{
	(void)number;
}

/* Whatever comes interrupts a call, most without its being restarted. */
static void signals_start(void)
{
	struct sigaction action = { .sa_handler = ignore };
	int number;

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	sigaction(SIGURG, &action, NULL);
	for (number = SIGRTMIN; number <= SIGRTMAX; number++)
		sigaction(number, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static long patience_ms = PATIENCE;

/* No longer than some forks take, of which none would ever end otherwise. */
void patience_measure(void)
{
	uint64_t start = time_now();
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	patience_ms = 4 * (time_now() - start) / 1000000;
	if (patience_ms < PATIENCE)
		patience_ms = PATIENCE;
	if (patience_ms > PATIENCE_MOST)
		patience_ms = PATIENCE_MOST;
}

static int patience_start(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGALRM,
	};
	struct itimerspec time = {
		.it_interval.tv_nsec = patience_ms * 1000000,
		.it_value.tv_nsec = patience_ms * 1000000,
	};
	timer_t timer;

	event._sigev_un._tid = syscall(SYS_gettid);
	return timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	       timer_settime(timer, 0, &time, NULL);
}

static void make_call(uint64_t number, unsigned int kind)
{
	uint64_t start = time_now();
	long result;

	scratch_reset();
	lane_before(number, kind);
	result = kind_left_out(kind) ? RESULT_NONE : kind_at(kind)->call();
	lane_after(result);
	atomic_fetch_add_explicit(&shared->tally[kind].time_ns, time_now() - start,
				  memory_order_relaxed);
	count_result(kind, result);
}

static void *worker_run(void *argument)
{
	_Atomic uint64_t *reached;
	uint64_t end, place;

	worker_number = U64(argument);
	reached = &shared->reached[worker_number];
	touch_catch();
	if (address_start(worker_number % THREADS) || patience_start())
		_exit(3);
	lane_begin(worker_number * LANES_EACH);
	call_number = atomic_load(reached);
	end = (call_number / GENERATION + 1) * GENERATION;
	if (end > job.calls)
		end = job.calls;
	for (; call_number < end && !atomic_load(&shared->stop); call_number++) {
		random_start(job.seed, worker_number, call_number);
		place = call_number % GENERATION;
		make_call(call_number, place < ARRAY_SIZE(first_calls) ?
					       kind_number(first_calls[place]) :
					       kind_some());
		atomic_store(reached, call_number + 1);
	}
	children_forget();
	lane_end();
	return NULL;
}

static void process_run(unsigned int first)
{
	unsigned int last = first + THREADS, number;
	pthread_t threads[THREADS];

	if (last > job.workers)
		last = job.workers;
	signals_start();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (job.only >= 0) {
		worker_run(POINTER(job.only));
		_exit(0);
	}
	for (number = first; number < last; number++)
		if (pthread_create(&threads[number - first], NULL, worker_run, POINTER(number)))
			_exit(3);
	for (number = first; number < last; number++)
		pthread_join(threads[number - first], NULL);
	random_start(job.seed, first, atomic_load(&shared->reached[first]));
	/* As it is, or as if it had been killed: the kernel does what is left to do. */
	if (percent(50))
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* Start a process of workers, which go on where they were. */
pid_t worker_start(unsigned int first)
{
	pid_t pid = fork();

	if (!pid)
		process_run(first);
	return pid;
}

/* What a child does that a worker forked: calls of its own, and then it ends somehow. */
void child_run(unsigned int which, uint64_t calls)
{
	uint64_t of = worker_number + (call_number + 1) * WORKERS_MAX, number;

	is_child = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ring_forget();
	lane_begin(worker_number * LANES_EACH + 1 + which);
	if (patience_start())
		_exit(3);
	if (percent(25) && setresuid(NOBODY, NOBODY, NOBODY))
		_exit(3);
	for (number = 0; number < calls && !atomic_load(&shared->stop); number++) {
		random_start(job.seed, of, number);
		make_call(number, kind_some());
	}
	lane_end();
	if (percent(70)) {
		uint64_t end = time_now() + LINGER * 1000000ULL;

		while (time_now() < end && !atomic_load(&shared->stop))
			usleep(20000);
	}
	if (percent(30))
		raise(SIGKILL);
	_exit(0);
}
