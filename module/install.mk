# SPDX-License-Identifier: GPL-2.0-only
# Installation on a real machine: included by the top Makefile.
