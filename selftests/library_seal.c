// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's functions for seals, and its magazines: what was put sealed, deferred or
 * not, is not handed out sealed, nor while it is under way.
 */
#include <zcpool.h>

#include "seal.h"

#include "harness.h"

#define BUFFER (16 * KIB)
#define COUNT 4

FIXTURE(library)
{
	struct zcpool *pool;
	int pair[2];
};

FIXTURE_SETUP(library)
{
	struct zcpool_create create = { .buffer_size = BUFFER, .count = COUNT };
	void *map;

	catch_sigbus();
	ASSERT_EQ(0, zcpool_open(0, &self->pool));
	ASSERT_EQ(0, zcpool_create(self->pool, &create));
	ASSERT_EQ(0, zcpool_map(self->pool, PROT_READ | PROT_WRITE, &map));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
}

FIXTURE_TEARDOWN(library)
{
	zcpool_close(self->pool);
	close(self->pair[0]);
	close(self->pair[1]);
}

TEST_F(library, seal_and_unseal)
{
	uint32_t indices[3], done = 7;

	ASSERT_EQ(3, zcpool_get_batch(self->pool, indices, 3, 0));
	ASSERT_EQ(0, zcpool_seal(self->pool, indices, 3, 0, &done));
	ASSERT_EQ(3, done);
	ASSERT_EQ(SIGBUS, store_byte(zcpool_addr(self->pool, indices[1]), 'x'));
	ASSERT_EQ(0, zcpool_unseal(self->pool, indices, 2, &done));
	ASSERT_EQ(2, done);
	ASSERT_EQ(0, store_byte(zcpool_addr(self->pool, indices[1]), 'x'));
	ASSERT_EQ(SIGBUS, store_byte(zcpool_addr(self->pool, indices[2]), 'x'));
	ASSERT_EQ(0, zcpool_unseal(self->pool, indices, 3, NULL));
}

TEST_F(library, errors_tell_how_many_were_done)
{
	uint32_t indices[2] = { 0, COUNT }, done = 7;

	ASSERT_EQ(-EPERM, zcpool_seal(self->pool, indices, 1, 0, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(1, zcpool_get_batch(self->pool, indices, 1, 0));
	ASSERT_EQ(-ERANGE, zcpool_seal(self->pool, indices, 2, 0, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ(-ERANGE, zcpool_unseal(self->pool, indices, 2, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ(-EINVAL, zcpool_seal(self->pool, indices, 1, ~0U, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-EINVAL, zcpool_unseal(self->pool, indices, 0, &done));
	ASSERT_EQ(0, done);
}

TEST_F(library, magazines_hand_out_nothing_sealed)
{
	int round;

	for (round = 0; round < 200; round++) {
		uint32_t index;

		ASSERT_EQ(0, zcpool_get(self->pool, &index, -1));
		ASSERT_EQ(0, store_byte(zcpool_addr(self->pool, index), round));
		ASSERT_EQ(0, zcpool_seal(self->pool, &index, 1,
					 round % 2 ? ZCPOOL_SEAL_F_UNTIL_FREE : 0, NULL));
		ASSERT_EQ(0, zcpool_put(self->pool, index));
	}
}

TEST_F(library, send_seals_and_what_was_put_is_not_reused_under_way)
{
	char came[BUFFER];
	int round;

	for (round = 0; round < 100; round++) {
		struct zcpool_element element;
		struct zcpool_sent sent;
		uint32_t index, others[COUNT];
		int others_got;

		ASSERT_EQ(0, zcpool_get(self->pool, &index, -1));
		memset(zcpool_addr(self->pool, index), round, BUFFER);
		element = zcpool_element_slice(zcpool_offset(self->pool, index), BUFFER);
		ASSERT_EQ(0, zcpool_send(self->pool, self->pair[0], &element, 1, ZCPOOL_SEND_F_SEAL,
					 &sent));
		ASSERT_EQ(BUFFER, sent.bytes);
		ASSERT_EQ(0, zcpool_put(self->pool, index));
		ASSERT_EQ(SIGBUS, store_byte(zcpool_addr(self->pool, index), 'x'));
		zcpool_flush(self->pool);
		others_got = zcpool_get_batch(self->pool, others, COUNT, 0);
		ASSERT_EQ(COUNT - 1, others_got);
		ASSERT_EQ(BUFFER, read_full(self->pair[1], came, BUFFER));
		ASSERT_EQ(round, came[0]);
		ASSERT_EQ(0, zcpool_put_batch(self->pool, others, others_got, NULL));
	}
}

TEST_HARNESS_MAIN
