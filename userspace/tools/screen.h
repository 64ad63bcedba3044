/* SPDX-License-Identifier: GPL-2.0-only */
/* What top draws on. */
#ifndef ZCPOOLCTL_SCREEN_H
#define ZCPOOLCTL_SCREEN_H

#include <stdbool.h>

/*
 * Between these two, signals and the key q end screen_wait() instead of the
 * process.  text: for people, so that a terminal is cleared ahead of each view.
 */
bool screen_begin(bool text);
void screen_end(void);
/* Whether a view replaces the one before. */
bool screen_is_terminal(void);
void screen_clear(void);
/* Lines that a view may have, 0: any number. */
int screen_lines(void);
/* Sleep until a time of now(); returns true if the user wants to end. */
bool screen_wait(double until);

#endif /* ZCPOOLCTL_SCREEN_H */
