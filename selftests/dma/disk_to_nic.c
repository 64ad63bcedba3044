// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole way: from disk into the pool, changed there by the program, out of a
 * card to the peer's; more data than the pool has memory, so that buffers are used
 * again and again.
 */
#include "cards.h"

#define BUFFER (256 * KIB)
#define COUNT 4
#define SIZE (8 * MIB)
/* The program's change: so many bytes at each so many. */
#define MARK "changed on the way"
#define MARK_DISTANCE (32 * KIB)
/* Many peers, pieces for each, and the bytes of a header of the program's own. */
#define PEERS 6
#define PIECES 16
#define HEADER 16

FIXTURE(way)
{
	int fd;
	int disk;
	int pair[2];
	char *map;
	char *data;
	struct pool_pages pages;
	struct pieces pieces;
	struct receiver receiver;
};

FIXTURE_VARIANT(way)
{
	enum route route;
};

VARIANT(way, sendfile, .route = BY_SENDFILE);
VARIANT(way, splice, .route = BY_SPLICE);
VARIANT(way, send, .route = BY_SEND);
VARIANT(way, zerocopy, .route = BY_ZEROCOPY);

static void change(char *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += MARK_DISTANCE)
		memcpy(data + i, MARK, strlen(MARK));
}

FIXTURE_SETUP(way)
{
	ASSERT_NE(NULL, getenv("ZCPOOL_DISK"));
	ASSERT_NE(NULL, getenv("ZCPOOL_CARD"));
	ASSERT_EQ(0, bind_to(0));
	ASSERT_EQ(0, join_cards(false));
	self->disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(self->disk, 0);
	self->data = aligned_alloc(PAGE, SIZE);
	fill(self->data, SIZE, 5);
	ASSERT_EQ(SIZE, pwrite(self->disk, self->data, SIZE, 0));
	self->fd = new_pool(BUFFER, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * BUFFER);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, find_pages(&self->pages, self->map, COUNT * BUFFER));
	ASSERT_EQ(0, inet_pair(self->pair, SOCK_STREAM, 0));
}

FIXTURE_TEARDOWN(way)
{
	close(self->pair[0]);
	close(self->pair[1]);
	close(self->disk);
	free(self->data);
	free(self->pages.list);
	free_pieces(&self->pieces);
	close(self->fd);
}

TEST_F_TIMEOUT(way, from_disk_to_peer_changed_and_without_a_copy, 60)
{
	struct dma_report in, out;
	uint64_t offset;
	int index;

	change(self->data, SIZE);
	ASSERT_EQ(0, start_receiver(&self->receiver, self->pair[1], SIZE));
	ASSERT_EQ(0, dma_start());
	for (offset = 0; offset < SIZE; offset += BUFFER) {
		index = get_wait(self->fd);
		ASSERT_LE(0, index);
		ASSERT_EQ(BUFFER, pread(self->disk, self->map + index * BUFFER, BUFFER, offset));
		change(self->map + index * BUFFER, BUFFER);
		ASSERT_EQ(0, send_all_by(variant->route, self->fd, self->map, self->pair[0],
					 index * BUFFER, BUFFER));
		ASSERT_EQ(0, put_one(self->fd, index));
	}
	ASSERT_TRUE(end_receiver(&self->receiver, self->data));
	ASSERT_EQ(0, dma_stop());
	expect_recorded(_metadata, &self->pieces, &self->pages);
	in = examine(&self->pieces, getenv("ZCPOOL_DISK"), "from_device", &self->pages, 0,
		     COUNT * BUFFER);
	out = examine(&self->pieces, getenv("ZCPOOL_CARD"), "to_device", &self->pages, 0,
		      COUNT * BUFFER);
	/* All that the disk wrote the card read, and nothing else but headers. */
	EXPECT_LE(BUFFER, in.mapped);
	EXPECT_EQ(in.mapped, out.mapped);
	EXPECT_EQ(0, in.foreign);
	EXPECT_GE(most_headers(SIZE), out.foreign);
	EXPECT_LE((int64_t)SIZE, counted("from_device"));
	EXPECT_LE((int64_t)SIZE, counted("to_device"));
	expect_copied(_metadata, 0);
	expect_addresses(_metadata, &in);
	expect_addresses(_metadata, &out);
}

FIXTURE(peers)
{
	struct receiver receivers[PEERS];
	int pairs[PEERS][2];
	char *expected[PEERS];
	size_t lengths[PEERS];
	int fd;
	int disk;
	char *map;
	char *data;
};

FIXTURE_SETUP(peers)
{
	int peer;

	ASSERT_EQ(0, join_cards(true));
	self->disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	self->data = aligned_alloc(PAGE, SIZE);
	fill(self->data, SIZE, 6);
	ASSERT_EQ(SIZE, pwrite(self->disk, self->data, SIZE, 0));
	self->fd = new_pool(BUFFER, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * BUFFER);
	ASSERT_NE(MAP_FAILED, self->map);
	for (peer = 0; peer < PEERS; peer++) {
		ASSERT_EQ(0, inet_pair(self->pairs[peer], SOCK_STREAM, 0));
		self->expected[peer] = malloc(PIECES * (BUFFER + HEADER));
	}
}

FIXTURE_TEARDOWN(peers)
{
	int peer;

	for (peer = 0; peer < PEERS; peer++) {
		close(self->pairs[peer][0]);
		close(self->pairs[peer][1]);
		free(self->expected[peer]);
	}
	close(self->fd);
	close(self->disk);
	free(self->data);
}

/* What is sent as number i: a header, and part of what the disk has at a place. */
struct message {
	char header[HEADER];
	uint64_t place;
	size_t from;
	size_t length;
};

static struct message message(int i)
{
	unsigned int seed = i;
	struct message message = { .place = i % (SIZE / BUFFER) * BUFFER };

	snprintf(message.header, HEADER, "%*d", HEADER - 1, i);
	message.from = rand_r(&seed) % BUFFER;
	message.length = 1 + rand_r(&seed) % (BUFFER - message.from);
	return message;
}

/* Each with a header of the program's own, in one call. */
TEST_F_TIMEOUT(peers, get_pieces_of_any_size, 60)
{
	int peer, i, index;

	/* Known ahead, so that all receive while it is sent. */
	for (i = 0; i < PEERS * PIECES; i++) {
		struct message m = message(i);
		char *end = self->expected[i % PEERS] + self->lengths[i % PEERS];

		memcpy(end, m.header, HEADER);
		memcpy(end + HEADER, self->data + m.place + m.from, m.length);
		self->lengths[i % PEERS] += HEADER + m.length;
	}
	for (peer = 0; peer < PEERS; peer++)
		ASSERT_EQ(0, start_receiver(&self->receivers[peer], self->pairs[peer][1],
					    self->lengths[peer]));
	for (i = 0; i < PEERS * PIECES; i++) {
		struct message m = message(i);
		struct zcpool_element elements[2];

		index = get_wait(self->fd);
		ASSERT_LE(0, index);
		ASSERT_EQ(BUFFER, pread(self->disk, self->map + index * BUFFER, BUFFER, m.place));
		elements[0] = bytes(m.header, HEADER);
		elements[1] = slice(index * BUFFER + m.from, m.length);
		ASSERT_EQ(HEADER + m.length,
			  send_vector(self->fd, self->pairs[i % PEERS][0], elements, 2, 0, NULL));
		ASSERT_EQ(0, put_one(self->fd, index));
	}
	for (peer = 0; peer < PEERS; peer++)
		EXPECT_TRUE(end_receiver(&self->receivers[peer], self->expected[peer]));
}

TEST_HARNESS_MAIN
