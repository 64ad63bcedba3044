// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network cards read the pool's own pages, and a buffer is not free before card and
 * peer are done with it.
 */
#include "cards.h"

#define COUNT 4

FIXTURE(card)
{
	int fd;
	int pair[2];
	char *map;
	struct pool_pages pages;
	struct pieces pieces;
	struct receiver receiver;
};

FIXTURE_VARIANT(card)
{
	enum route route;
	uint64_t buffer;
	/* By the card; else by the kernel. */
	bool segmentation;
};

VARIANT(card, sendfile_small, .route = BY_SENDFILE, .buffer = 8 * KIB);
VARIANT(card, sendfile_medium, .route = BY_SENDFILE, .buffer = 64 * KIB);
VARIANT(card, sendfile_huge, .route = BY_SENDFILE, .buffer = 2 * MIB);
VARIANT(card, splice_medium, .route = BY_SPLICE, .buffer = 64 * KIB);
VARIANT(card, splice_huge, .route = BY_SPLICE, .buffer = 2 * MIB);
VARIANT(card, send_small, .route = BY_SEND, .buffer = 8 * KIB);
VARIANT(card, send_medium, .route = BY_SEND, .buffer = 64 * KIB);
VARIANT(card, send_huge, .route = BY_SEND, .buffer = 2 * MIB);
VARIANT(card, ring_medium, .route = BY_RING, .buffer = 64 * KIB);
VARIANT(card, segmented_sendfile, .route = BY_SENDFILE, .buffer = 64 * KIB, .segmentation = true);
VARIANT(card, segmented_send, .route = BY_SEND, .buffer = 2 * MIB, .segmentation = true);
VARIANT(card, zerocopy_medium, .route = BY_ZEROCOPY, .buffer = 64 * KIB);

FIXTURE_SETUP(card)
{
	ASSERT_NE(NULL, getenv("ZCPOOL_CARD"));
	ASSERT_EQ(0, bind_to(0));
	ASSERT_EQ(0, join_cards(variant->segmentation));
	self->fd = new_pool(variant->buffer, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * variant->buffer);
	ASSERT_NE(MAP_FAILED, self->map);
	fill(self->map, COUNT * variant->buffer, variant->route);
	ASSERT_EQ(0, find_pages(&self->pages, self->map, COUNT * variant->buffer));
	ASSERT_EQ(0, inet_pair(self->pair, SOCK_STREAM, 0));
}

FIXTURE_TEARDOWN(card)
{
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->pages.list);
	free_pieces(&self->pieces);
	close(self->fd);
}

static void expect_sent(struct __test_metadata *_metadata, FIXTURE_DATA(card) * self,
			const FIXTURE_VARIANT(card) * variant, uint64_t offset, size_t length)
{
	uint64_t by_driver = copied_by_driver(length, variant->segmentation);
	struct dma_report report;

	ASSERT_EQ(0, start_receiver(&self->receiver, self->pair[1], length));
	ASSERT_EQ(0, dma_start());
	ASSERT_EQ(0,
		  send_all_by(variant->route, self->fd, self->map, self->pair[0], offset, length));
	/* All is mapped by the time the peer has it. */
	ASSERT_TRUE(end_receiver(&self->receiver, self->map + offset));
	ASSERT_EQ(0, dma_stop());
	expect_recorded(_metadata, &self->pieces, &self->pages);
	report = examine(&self->pieces, getenv("ZCPOOL_CARD"), "to_device", &self->pages, offset,
			 length);
	expect_dma(_metadata, &report, length, by_driver, most_headers(length));
	expect_copied(_metadata, by_driver);
	free_pieces(&self->pieces);
}

TEST_F(card, reads_the_pools_own_pages)
{
	/* A whole buffer; then one byte; then what begins and ends anywhere. */
	expect_sent(_metadata, self, variant, variant->buffer, variant->buffer);
	expect_sent(_metadata, self, variant, 4095, 1);
	expect_sent(_metadata, self, variant, 2 * variant->buffer - 1235, 3000);
	expect_sent(_metadata, self, variant, 1, variant->buffer + 4097);
}

/* Changed in place, by the program, between two transfers. */
TEST_F(card, sends_what_the_program_has_changed)
{
	int i;

	for (i = 0; i < 4; i++) {
		memset(self->map + 100 * i, '0' + i, 200);
		expect_sent(_metadata, self, variant, 0, 8 * KIB);
	}
}

/* Returns when the socket took it, which is before the peer has it. */
static void send_and_put(struct __test_metadata *_metadata, FIXTURE_DATA(card) * self,
			 enum route route)
{
	uint32_t index;

	for (index = 0; index < COUNT; index++)
		ASSERT_EQ(index, get_now(self->fd));
	ASSERT_EQ(8000, send_by(route, self->fd, self->map, self->pair[0], 0, 8000));
	ASSERT_EQ(0, put_one(self->fd, 0));
}

/* MSG_ZEROCOPY tells by itself, and would be waited for. */
#define RETURNS_AT_ONCE(route) ((route) != BY_ZEROCOPY)

TEST_F(card, buffers_are_held_until_the_peer_has_acknowledged)
{
	char back[8000];
	int i;

	if (!RETURNS_AT_ONCE(variant->route))
		return;
	ASSERT_EQ(0, far_listens(false));
	send_and_put(_metadata, self, variant->route);
	/* The card has long sent it: it is TCP that may have to send it again. */
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(-EAGAIN, get_now(self->fd));
		usleep(10000);
	}
	ASSERT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(self->fd, 0).state);
	ASSERT_EQ(0, far_listens(true));
	ASSERT_EQ(sizeof(back), read_full(self->pair[1], back, sizeof(back)));
	ASSERT_EQ(0, memcmp(back, self->map, sizeof(back)));
	ASSERT_EQ(0, get_wait(self->fd));
}

TEST_F_TIMEOUT(card, buffers_come_back_from_a_card_that_goes_down, 60)
{
	const struct linger abort_now = { .l_onoff = 1 };
	int again[2];

	if (!RETURNS_AT_ONCE(variant->route))
		return;
	ASSERT_EQ(0, far_listens(false));
	send_and_put(_metadata, self, variant->route);
	ASSERT_EQ(0, set_up("near", false));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0,
		  setsockopt(self->pair[0], SOL_SOCKET, SO_LINGER, &abort_now, sizeof(abort_now)));
	ASSERT_EQ(0, close(self->pair[0]));
	/* Virtio's driver may leave what was sent to be found when the card is up again. */
	if (!driver_is("virtio_net"))
		ASSERT_EQ(0, get_wait(self->fd));
	ASSERT_EQ(0, set_up("near", true));
	ASSERT_EQ(0, far_listens(true));
	ASSERT_EQ(0, wait_carrier());
	if (driver_is("virtio_net"))
		ASSERT_EQ(0, get_wait(self->fd));
	/* And it works again. */
	ASSERT_EQ(0, inet_pair(again, SOCK_STREAM, 0));
	close(self->pair[1]);
	memcpy(self->pair, again, sizeof(again));
	expect_sent(_metadata, self, variant, 0, variant->buffer);
}

FIXTURE(datagram)
{
	int fd;
	int pair[2];
	char *map;
	struct pool_pages pages;
	struct pieces pieces;
};

FIXTURE_SETUP(datagram)
{
	ASSERT_NE(NULL, getenv("ZCPOOL_CARD"));
	ASSERT_EQ(0, bind_to(0));
	ASSERT_EQ(0, join_cards(false));
	self->fd = new_pool(8 * KIB, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * 8 * KIB);
	ASSERT_NE(MAP_FAILED, self->map);
	fill(self->map, COUNT * 8 * KIB, 7);
	ASSERT_EQ(0, find_pages(&self->pages, self->map, COUNT * 8 * KIB));
	ASSERT_EQ(0, inet_pair(self->pair, SOCK_DGRAM, 0));
}

FIXTURE_TEARDOWN(datagram)
{
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->pages.list);
	free_pieces(&self->pieces);
	close(self->fd);
}

/* One packet of three slices, out of order, one of them across two pages. */
TEST_F(datagram, is_gathered_from_the_pools_own_pages)
{
	const struct zcpool_element elements[] = {
		slice(16 * KIB, 100),
		slice(4096 - 300, 700),
		slice(9000, 33),
	};
	char back[2000], expected[833];
	struct pollfd arrival = { .fd = self->pair[1], .events = POLLIN };
	struct dma_report report;
	uint64_t copied;

	memcpy(expected, self->map + 16 * KIB, 100);
	memcpy(expected + 100, self->map + 4096 - 300, 700);
	memcpy(expected + 800, self->map + 9000, 33);
	/* The neighbour is found first. */
	ASSERT_EQ(1, send(self->pair[0], "", 1, 0));
	ASSERT_EQ(1, recv(self->pair[1], back, sizeof(back), 0));
	ASSERT_EQ(0, dma_start());
	ASSERT_EQ(833, send_vector(self->fd, self->pair[0], elements, 3, 0, &copied));
	ASSERT_EQ(1, poll(&arrival, 1, -1));
	ASSERT_EQ(0, dma_stop());
	ASSERT_EQ(833, recv(self->pair[1], back, sizeof(back), 0));
	EXPECT_EQ(0, copied);
	EXPECT_EQ(0, memcmp(back, expected, 833));
	expect_recorded(_metadata, &self->pieces, &self->pages);
	/* The middle one, of which the others are not a part. */
	report = examine(&self->pieces, getenv("ZCPOOL_CARD"), "to_device", &self->pages,
			 4096 - 300, 700);
	EXPECT_EQ(700, report.mapped);
	EXPECT_EQ(133, report.beyond);
	EXPECT_GE(most_headers(833), report.foreign);
	expect_addresses(_metadata, &report);
	expect_copied(_metadata, 0);
}

TEST_HARNESS_MAIN
