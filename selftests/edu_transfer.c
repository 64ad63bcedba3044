// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the edu device moves: the bytes that were asked for, in both directions, at any
 * alignment and of any length, and no other bytes.
 */
#include "edu_bus.h"

#include "harness.h"

#define SIZE (64 * KIB)
#define GUARD 0xee

FIXTURE(edu)
{
	struct edu edu;
	unsigned char *map;
};

FIXTURE_SETUP(edu)
{
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	self->map = self->edu.map;
	memset(self->map, GUARD, SIZE);
}

FIXTURE_TEARDOWN(edu)
{
	edu_end(&self->edu);
}

TEST_F(edu, there_and_back)
{
	const uint32_t length = self->edu.device_size;

	edu_fill(self->map, length, 1);
	ASSERT_EQ(0, edu_move(&self->edu, 0, length, 0, 0));
	ASSERT_EQ(0, edu_move(&self->edu, 16 * KIB, length, 0, FROM_DEVICE));
	EXPECT_EQ(length, edu_same(self->map, length, 1));
	EXPECT_EQ(length, edu_same(self->map + 16 * KIB, length, 1));
	EXPECT_EQ(16 * KIB - length, edu_all(self->map + length, 16 * KIB - length, GUARD));
	EXPECT_EQ(SIZE - 16 * KIB - length,
		  edu_all(self->map + 16 * KIB + length, SIZE - 16 * KIB - length, GUARD));
}

/*
 * Every alignment in memory with every alignment in the device, to a byte, each pair
 * another length.  Cell c of 60 bytes has, at pair c = 8 * a + b, its data at a in
 * memory and at b in the device.
 */
#define CELL 60U
#define CELLS 64U

static void cell(uint32_t c, uint32_t *in_memory, uint32_t *in_device, uint32_t *length)
{
	*in_memory = c * CELL + c / 8;
	*in_device = c * CELL + c % 8;
	*length = 1 + c % 50;
}

TEST_F_TIMEOUT(edu, every_alignment, EDU_SECONDS(2 * CELLS))
{
	struct zcpool_edu_completion completion;
	uint32_t c, in_memory, in_device, length;
	unsigned char *back = self->map + 32 * KIB;

	edu_fill(self->map, 32 * KIB, 2);
	for (c = 0; c < CELLS; c++) {
		cell(c, &in_memory, &in_device, &length);
		ASSERT_EQ(0, edu_submit(&self->edu, c, in_memory, length, in_device, 0));
	}
	for (c = 0; c < CELLS; c++) {
		completion = edu_wait(&self->edu);
		ASSERT_EQ(c, completion.cookie);
		ASSERT_EQ(0, completion.result);
	}
	/* Back with the alignment in memory that belongs to another cell. */
	for (c = 0; c < CELLS; c++) {
		cell(c, &in_memory, &in_device, &length);
		in_memory = c * CELL + (c + 3) % 8;
		ASSERT_EQ(0, edu_submit(&self->edu, c, 32 * KIB + in_memory, length, in_device,
					FROM_DEVICE));
	}
	for (c = 0; c < CELLS; c++)
		ASSERT_EQ(0, edu_wait(&self->edu).result);
	for (c = 0; c < CELLS; c++) {
		const uint32_t begin = (c + 3) % 8;

		cell(c, &in_memory, &in_device, &length);
		EXPECT_EQ(0, memcmp(self->map + in_memory, back + c * CELL + begin, length));
		EXPECT_EQ(begin, edu_all(back + c * CELL, begin, GUARD));
		EXPECT_EQ(CELL - begin - length,
			  edu_all(back + c * CELL + begin + length, CELL - begin - length, GUARD));
	}
	EXPECT_EQ(32 * KIB, edu_same(self->map, 32 * KIB, 2));
}

/* Behind its last byte the device's memory goes on at its first. */
TEST_F(edu, longer_than_the_device)
{
	const uint32_t size = self->edu.device_size;
	unsigned char *back = self->map + 32 * KIB;
	uint32_t i, same;

	edu_fill(self->map, 10000, 3);
	ASSERT_EQ(0, edu_move(&self->edu, 0, 10000, 100, 0));
	/* Of each byte in the device, the last that went there. */
	ASSERT_EQ(0, edu_move(&self->edu, 32 * KIB, size, 0, FROM_DEVICE));
	for (i = same = 0; i < size; i++) {
		uint32_t last = (i + size - 100) % size;

		while (last + size < 10000)
			last += size;
		same += back[i] == edu_pattern(3, last);
	}
	EXPECT_EQ(size, same);

	ASSERT_EQ(0, edu_move(&self->edu, 48 * KIB + 5, 10000, 4000, FROM_DEVICE));
	for (i = same = 0; i < 10000; i++)
		same += self->map[48 * KIB + 5 + i] == back[(4000 + i) % size];
	EXPECT_EQ(10000, same);
	EXPECT_EQ(GUARD, self->map[48 * KIB + 4]);
	EXPECT_EQ(GUARD, self->map[48 * KIB + 5 + 10000]);
}

TEST_F(edu, up_to_the_last_byte)
{
	const uint32_t last = self->edu.device_size - 1;

	self->map[SIZE - 1] = 0x5a;
	ASSERT_EQ(0, edu_move(&self->edu, SIZE - 1, 1, last, 0));
	ASSERT_EQ(0, edu_move(&self->edu, 0, 1, last, FROM_DEVICE));
	EXPECT_EQ(0x5a, self->map[0]);
	EXPECT_EQ(SIZE - 2, edu_all(self->map + 1, SIZE - 2, GUARD));
}

/* A request over buffers that lie here and there. */
TEST_F(edu, memory_in_pieces)
{
	const uint32_t stride = 8 * KIB, count = 8;
	int holes[32], gaps = 0;
	struct edu edu;
	uint32_t i;

	/* Pools of one buffer each, every other of which makes room for a buffer. */
	for (i = 0; i < 32; i++)
		holes[i] = reachable_pool(stride, 1);
	for (i = 0; i < 32; i += 2)
		close(holes[i]);
	ASSERT_TRUE(edu_begin(&edu, stride, count));
	memset(edu.map, GUARD, edu.size);
	for (i = 1; i < count; i++)
		gaps += page_address(edu.map + i * stride) !=
			page_address(edu.map + (i - 1) * stride) + stride;
	ASSERT_GT(gaps, 0);

	/* Around the end of each buffer, beginning and ending anywhere. */
	for (i = 1; i < count; i++) {
		edu_fill(edu.map + i * stride - 100, 300, i);
		ASSERT_EQ(0, edu_move(&edu, i * stride - 100, 300, 7, 0));
		memset(edu.map + i * stride - 100, GUARD, 300);
		ASSERT_EQ(0, edu_move(&edu, i * stride - 99, 299, 8, FROM_DEVICE));
		EXPECT_EQ(GUARD, edu.map[i * stride - 100]);
		edu.map[i * stride - 100] = edu_pattern(i, 0);
		EXPECT_EQ(300, edu_same(edu.map + i * stride - 100, 300, i));
		EXPECT_EQ(GUARD, edu.map[i * stride + 200]);
	}
	edu_end(&edu);
	for (i = 1; i < 32; i += 2)
		close(holes[i]);
}

/* The program's writes before SUBMIT, and those after COMPLETE. */
TEST_F(edu, same_memory_again_and_again)
{
	int i;

	for (i = 0; i < 5; i++) {
		edu_fill(self->map, 512, 10 + i);
		ASSERT_EQ(0, edu_move(&self->edu, 0, 512, 0, 0));
		memset(self->map, 0, 512);
		ASSERT_EQ(0, edu_move(&self->edu, 0, 512, 0, FROM_DEVICE));
		ASSERT_EQ(512, edu_same(self->map, 512, 10 + i));
	}
}

TEST_F(edu, read_only_memory_is_not_written)
{
	int dmabuf = export(self->edu.pool, 0, 8 * KIB, ZCPOOL_EXPORT_F_READ_ONLY);
	struct edu read_only = self->edu;

	read_only.memory = zcpool_edu_import(self->edu.fd, dmabuf);
	ASSERT_GE(read_only.memory, 0);
	edu_fill(self->map, 100, 4);
	ASSERT_EQ(0, edu_move(&read_only, 0, 100, 0, 0));
	ASSERT_EQ(-EACCES, edu_submit(&read_only, 1, 200, 100, 0, FROM_DEVICE));
	ASSERT_EQ(0, edu_move(&self->edu, 300, 100, 0, FROM_DEVICE));
	EXPECT_EQ(100, edu_same(self->map + 300, 100, 4));
	EXPECT_EQ(200, edu_all(self->map + 100, 200, GUARD));
	close(dmabuf);
}

/* A slice is imported, and no byte around it is in reach. */
TEST_F(edu, slice)
{
	int dmabuf = export(self->edu.pool, 8 * KIB, 4 * KIB, 0);
	struct edu slice = self->edu;

	slice.memory = zcpool_edu_import(self->edu.fd, dmabuf);
	ASSERT_GE(slice.memory, 0);
	edu_fill(self->map, 4000, 5);
	ASSERT_EQ(0, edu_move(&self->edu, 0, 4000, 0, 0));
	ASSERT_EQ(0, edu_move(&slice, 96, 4000, 0, FROM_DEVICE));
	EXPECT_EQ(4000, edu_same(self->map + 8 * KIB + 96, 4000, 5));
	EXPECT_EQ(96, edu_all(self->map + 8 * KIB, 96, GUARD));
	EXPECT_EQ(GUARD, self->map[12 * KIB]);
	ASSERT_EQ(-ERANGE, edu_submit(&slice, 1, 97, 4000, 0, FROM_DEVICE));
	close(dmabuf);
}

/* What one buffer got is sent from it, and it is free when the peer has it. */
TEST_F(edu, from_the_device_into_a_socket)
{
	struct edu edu;
	struct zcpool_send send_arg = { .count = 1, .flags = ZCPOOL_SEND_F_NOSIGNAL };
	struct zcpool_element element = { .length = 2000 };
	unsigned char received[2000];
	int pair[2];

	edu_end(&self->edu);
	ASSERT_TRUE(edu_begin(&edu, 8 * KIB, 1));
	close(edu.dmabuf);
	edu.dmabuf = export(edu.pool, 0, 8 * KIB, ZCPOOL_EXPORT_F_UNHELD);
	ASSERT_EQ(0, zcpool_edu_release(edu.fd, edu.memory));
	edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
	ASSERT_EQ(0, get_now(edu.pool));
	edu_fill(edu.map + 4 * KIB, 2000, 6);
	ASSERT_EQ(0, edu_move(&edu, 4 * KIB, 2000, 0, 0));
	ASSERT_EQ(0, edu_move(&edu, 0, 2000, 0, FROM_DEVICE));
	edu.map[0] ^= 1;
	ASSERT_EQ(0, tcp_pair(pair));
	send_arg.elements = (uintptr_t)&element;
	send_arg.fd = pair[0];
	ASSERT_EQ(0, ioctl(edu.pool, ZCPOOL_IOC_SEND, &send_arg));
	ASSERT_EQ(2000, send_arg.sent);
	ASSERT_EQ(0, put_one(edu.pool, 0));
	ASSERT_EQ(-EAGAIN, get_now(edu.pool));
	ASSERT_EQ(2000, read_full(pair[1], received, 2000));
	received[0] ^= 1;
	EXPECT_EQ(2000, edu_same(received, 2000, 6));
	ASSERT_EQ(0, get_wait(edu.pool));
	self->edu = edu;
}

TEST_HARNESS_MAIN
