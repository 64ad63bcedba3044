// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network of this process alone, with nothing but a loopback device, that takes segments of
 * TCP as large as the kernel makes them: 512 KiB ("BIG TCP") in place of 64.  Servers with
 * cards of 100 Gbit/s and more are set up like this; the machine's own network stays as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* GSO_MAX_SIZE of the kernel. */
#define SEGMENT_MAX (8 * 65535U)

static int outside = -1;

static int loopback_up(int fd)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	return ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
}

/* 0 or a negative errno. */
static int set_segment_max(uint32_t bytes)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
		struct rtattr attribute;
		uint32_t bytes;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex("lo") },
		/* That of IPv6 alone, which is older than the one of IPv4. */
		.attribute = {
			.rta_len = RTA_LENGTH(sizeof(bytes)),
			.rta_type = IFLA_GSO_MAX_SIZE,
		},
		.bytes = bytes,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		error = -errno;
	else if (answer.header.nlmsg_type == NLMSG_ERROR)
		error = answer.error.error;
	close(fd);
	return error;
}

/* Whether there is a loopback address of IPv6; 0 or a negative errno. */
static int try_address(void)
{
	const struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback,
	};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		error = -errno;
	close(fd);
	return error;
}

static int set_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = loopback_up(fd);
	close(fd);
	if (!error)
		error = set_segment_max(SEGMENT_MAX);
	return error ? error : try_address();
}

/* 0, or a negative errno and nothing has changed. */
int network_enter(void)
{
	int error;

	outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (outside < 0)
		return -errno;
	if (unshare(CLONE_NEWNET)) {
		/* Who may not leave his network may not come back to it, either. */
		error = -errno;
		close(outside);
		return error;
	}
	error = set_up();
	if (error)
		network_leave();
	return error;
}

void network_leave(void)
{
	MUST(setns(outside, CLONE_NEWNET));
	close(outside);
}
