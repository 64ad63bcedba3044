# SPDX-License-Identifier: GPL-2.0-only
# A program that moves data by the ways here: $(program), of the sources in $(here), built in
# $(O), for which $(libraries) are linked beside libzcpool.
top := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))/../..
ways := $(top)/selftests/ways
library := $(top)/build/lib/libzcpool.a
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Wshadow -Werror \
	-MMD -MP -pthread -I$(top)/uapi -I$(top)/userspace/lib -I$(ways)
objects := $(patsubst $(here)/%.c,$(O)/%.o,$(wildcard $(here)/*.c)) \
	$(patsubst $(ways)/%.c,$(O)/ways/%.o,$(wildcard $(ways)/*.c))

$(O)/$(program): $(objects) $(library)
	@echo "  CC      $(program)"
	@$(CC) $(CFLAGS) -o $@ $^ $(libraries)

$(O)/ways/%.o: $(ways)/%.c | $(O)/ways
	@echo "  CC      $(program)/ways/$(notdir $@)"
	@$(CC) $(CFLAGS) -c -o $@ $<

$(O)/%.o: $(here)/%.c | $(O)
	@echo "  CC      $(program)/$(notdir $@)"
	@$(CC) $(CFLAGS) -c -o $@ $<

$(O) $(O)/ways:
	@mkdir -p $@

-include $(wildcard $(O)/*.d $(O)/ways/*.d)
