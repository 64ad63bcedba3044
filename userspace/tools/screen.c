// SPDX-License-Identifier: GPL-2.0-only
/* A view that is drawn again and again until the user has seen enough. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"
#include "tool.h"

/* Draw from the top left on, in place of what was there; do not wrap long lines. */
#define CLEAR "\033[H\033[J"
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

static bool drawing, keys;
static struct termios saved;
static sigset_t mask;
static int signals = -1;

static void prepare_terminal(void)
{
	struct termios raw;

	if (drawing)
		fputs(WRAP_OFF CLEAR, stdout);
	keys = drawing && !tcgetattr(STDIN_FILENO, &saved);
	if (!keys)
		return;
	raw = saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void restore_terminal(void)
{
	if (drawing)
		fputs(WRAP_ON, stdout);
	fflush(stdout);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* Signals come by descriptor: the terminal is restored before the process ends. */
bool screen_begin(bool text)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP };
	struct sigaction action;
	size_t i;

	sigemptyset(&mask);
	/* What is ignored stays so, for nohup(1). */
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!sigaction(ends[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&mask, ends[i]);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0)
		return false;
	drawing = text && isatty(STDOUT_FILENO);
	prepare_terminal();
	return true;
}

void screen_end(void)
{
	restore_terminal();
	close(signals);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

bool screen_is_terminal(void)
{
	return drawing;
}

void screen_clear(void)
{
	if (drawing)
		fputs(CLEAR, stdout);
}

int screen_lines(void)
{
	struct winsize size;

	if (!drawing || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		return 0;
	return size.ws_row;
}

static void stop(void)
{
	sigset_t set;

	restore_terminal();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	/* Stops here, until the shell lets the process go on. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prepare_terminal();
}

/* Whether a signal ends the view. */
static bool take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGTSTP)
		return true;
	stop();
	return false;
}

/* Whether a key ends the view; so does the end of the terminal. */
static bool take_key(void)
{
	char key;

	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q';
}

bool screen_wait(double until)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = signals, .events = POLLIN },
			{ .fd = keys ? STDIN_FILENO : -1, .events = POLLIN },
		};
		double left = until - now();
		struct timespec timeout = { .tv_sec = (time_t)left };

		if (left <= 0)
			return false;
		timeout.tv_nsec = (long)((left - timeout.tv_sec) * 1e9);
		if (ppoll(fds, 2, &timeout, NULL) <= 0)
			continue;
		if (fds[0].revents && take_signal())
			return true;
		if (fds[1].revents && take_key())
			return true;
	}
}
