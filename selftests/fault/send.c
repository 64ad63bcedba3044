// SPDX-License-Identifier: GPL-2.0-only
/* SEND to sockets of every kind, and what is in the vector. */
#include "../fs.h"
#include "../seal.h"
#include "../send.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 12
#define MOST 32

static struct zcpool_element elements[MOST];
static uint32_t nr_elements, flags;
static const char header[] = "a header", trailer[] = "and a trailer";

/* What the peer is to receive. */
static char expected[COUNT * BUFFER];
static size_t length;

static bool limit_wait(int fd)
{
	const struct timeval soon = { .tv_sec = 5 };

	return !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)) &&
	       !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
}

/* To fds[0], received at fds[1]. */
static bool have_pair(struct world *world, const int pair[2])
{
	return world_keep(world, pair[0]) >= 0 && world_keep(world, pair[1]) >= 0 &&
	       limit_wait(pair[0]) && limit_wait(pair[1]);
}

static bool have_tcp(struct world *world)
{
	int pair[2];

	return !tcp_pair(pair) && have_pair(world, pair);
}

static bool have_unix(struct world *world, int type)
{
	int pair[2];

	return !socketpair(AF_UNIX, type, 0, pair) && have_pair(world, pair);
}

static bool have_udp(struct world *world)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int pair[2] = { socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0) };

	return have_pair(world, pair) && !bind(pair[1], (struct sockaddr *)&address, size) &&
	       !getsockname(pair[1], (struct sockaddr *)&address, &size) &&
	       !connect(pair[0], (struct sockaddr *)&address, size);
}

static void add_bytes(const char *text)
{
	elements[nr_elements++] = bytes(text, strlen(text));
	memcpy(expected + length, text, strlen(text));
	length += strlen(text);
}

static void add_slice(uint64_t offset, uint64_t size)
{
	size_t i;

	elements[nr_elements++] = slice(offset, size);
	for (i = 0; i < size; i++)
		expected[length++] = content_at(offset + i);
}

static void vector_begin(void)
{
	nr_elements = 0;
	length = 0;
	flags = 0;
}

static bool have_pool(struct world *world)
{
	vector_begin();
	return world_full_pool(world, BUFFER, COUNT);
}

/* Few elements need no memory. */
static void fill_few(void)
{
	add_bytes(header);
	add_slice(100, 1000);
	add_bytes(trailer);
}

static void fill_many(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		add_bytes(header);
		add_slice(i * BUFFER + 8, 500);
	}
}

static bool will_send_tcp(struct world *world)
{
	if (!have_pool(world) || !have_tcp(world))
		return false;
	add_slice(0, 3 * BUFFER);
	return true;
}

static bool will_send_tcp_few(struct world *world)
{
	bool good = have_pool(world) && have_tcp(world);

	fill_few();
	return good;
}

static bool will_send_tcp_many(struct world *world)
{
	bool good = have_pool(world) && have_tcp(world);

	fill_many();
	return good;
}

static bool will_send_local(struct world *world)
{
	if (!have_pool(world) || !have_unix(world, SOCK_STREAM))
		return false;
	add_slice(0, 3 * BUFFER);
	return true;
}

static bool will_send_local_many(struct world *world)
{
	bool good = have_pool(world) && have_unix(world, SOCK_STREAM);

	fill_many();
	return good;
}

static bool will_send_packet(struct world *world)
{
	bool good = have_pool(world) && have_unix(world, SOCK_DGRAM);

	fill_many();
	return good;
}

static bool will_send_udp(struct world *world)
{
	if (!have_pool(world) || !have_udp(world))
		return false;
	add_slice(0, BUFFER);
	return true;
}

static bool will_send_udp_few(struct world *world)
{
	bool good = have_pool(world) && have_udp(world);

	fill_few();
	return good;
}

/* A vector whose pieces are no longer a page's. */
static bool will_send_udp_many(struct world *world)
{
	unsigned int i;

	if (!have_pool(world) || !have_udp(world))
		return false;
	for (i = 0; i < MOST; i++)
		add_slice((i * 7 % COUNT) * BUFFER + 16 * i, 500);
	return true;
}

static bool will_seal(struct world *world, uint32_t buffers)
{
	uint32_t indices[COUNT];

	if (!have_pool(world) || !have_tcp(world) ||
	    get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) != COUNT)
		return false;
	add_slice(0, buffers * BUFFER);
	flags = ZCPOOL_SEND_F_SEAL;
	return true;
}

static bool will_send_sealed(struct world *world)
{
	return will_seal(world, 3);
}

/* More than a call has room for: it needs a list. */
static bool will_send_sealed_many(struct world *world)
{
	return will_seal(world, COUNT);
}

static bool will_send_isolated(struct world *world)
{
	uint32_t indices[COUNT];

	vector_begin();
	if (!world_pool(world, BUFFER, COUNT, ZCPOOL_CREATE_F_ISOLATED) || !have_tcp(world) ||
	    get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) != COUNT ||
	    !world_map(world, world->pool, COUNT * BUFFER))
		return false;
	fill(world->map, world->map_size);
	fill_few();
	return true;
}

/* By an open file of the file system that no command has met yet. */
static bool will_send_file(struct world *world)
{
	vector_begin();
	if (!world_mount(world) || !have_tcp(world) ||
	    world_keep(world, new_file(FILE_A, COUNT * BUFFER)) < 0 ||
	    !world_map(world, world->fds[2], COUNT * BUFFER))
		return false;
	fill(world->map, world->map_size);
	world->pool = open(FILE_A, O_RDWR | O_CLOEXEC);
	world->count = COUNT * BUFFER / (64 * KIB) + 1;
	fill_few();
	return true;
}

static int do_send(struct world *world)
{
	return send_vector(world->pool, world->fds[0], elements, nr_elements, flags, NULL);
}

/* As the first command on a file, which may fail before SEND looks at its struct. */
static int do_send_first(struct world *world)
{
	struct zcpool_send send = {
		.elements = (uintptr_t)elements,
		.count = nr_elements,
		.fd = world->fds[0],
		.sent = ~0ULL,
	};
	int ret = call(world->pool, ZCPOOL_IOC_SEND, &send);

	if (ret == -ENOMEM && send.sent && send.sent != ~0ULL)
		return -EPROTO;
	return ret ? ret : (int)send.sent;
}

static int do_sendfile(struct world *world)
{
	off_t offset = elements[0].base;

	return result_or_errno(sendfile(world->fds[0], world->pool, &offset, length));
}

/* From the handle by way of its mapping, which the socket pins; MSG_ZEROCOPY. */
static bool will_send_pinned(struct world *world)
{
	int on = 1;

	return will_send_tcp(world) &&
	       !setsockopt(world->fds[0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
}

static int do_send_pinned(struct world *world)
{
	return result_or_errno(send(world->fds[0], world->map, length, MSG_ZEROCOPY));
}

/* What has come, as much as was sent: after an error it is not known how much that is. */
static ssize_t receive_what_came(const struct world *world, int result, char *to)
{
	size_t done = 0;
	ssize_t ret;

	if (result < 0)
		usleep(5000);
	do {
		ret = recv(world->fds[1], to + done, sizeof(expected) - done,
			   result < 0 ? MSG_DONTWAIT : 0);
		if (ret > 0)
			done += ret;
	} while (ret > 0 && (result < 0 || done < (size_t)result));
	return done;
}

static bool any_sealed(struct world *world)
{
	uint32_t i;

	for (i = 0; i < world->count; i++)
		if (is_sealed(world->pool, i))
			return true;
	return false;
}

/*
 * The peer has what the call says that it has, and that is right.  A call that could not
 * tell has sent all or nothing; one that failed otherwise has sent and sealed nothing.
 */
static bool sent(struct world *world, int result)
{
	static char came[sizeof(expected)];
	ssize_t got = receive_what_came(world, result, came);

	if (memcmp(came, expected, got))
		return false;
	if (result >= 0)
		return got == result;
	if ((flags & ZCPOOL_SEND_F_SEAL) && any_sealed(world) != !!got)
		return false;
	return result == -EFAULT || !got;
}

#define SENDS(what, how, call, must_meet) \
	{ \
		.name = what, .set_up = will_send_##how, .operate = call, .check = sent, \
		.errors = { ENOBUFS, EAGAIN }, .must = must_meet \
	}
#define SEND(what, how) SENDS("send, " what, how, do_send, MUST_SLAB | MUST_COPY)

const struct path send_paths[] = {
	SEND("TCP", tcp),
	SEND("TCP, inline", tcp_few),
	SEND("TCP, many", tcp_many),
	SEND("unix", local),
	SEND("unix, many", local_many),
	SEND("unix packet", packet),
	SEND("UDP", udp),
	SEND("UDP, inline", udp_few),
	SEND("UDP, many", udp_many),
	SEND("sealed", sealed),
	SEND("sealed, many", sealed_many),
	SEND("isolated", isolated),
	SENDS("send, of a file", file, do_send_first, MUST_SLAB | MUST_COPY),
	SENDS("sendfile, TCP", tcp, do_sendfile, MUST_SLAB),
	SENDS("sendfile, unix", local, do_sendfile, MUST_SLAB),
	SENDS("sendfile, UDP", udp, do_sendfile, MUST_SLAB),
	SENDS("send, MSG_ZEROCOPY", pinned, do_send_pinned, MUST_SLAB),
	{},
};
