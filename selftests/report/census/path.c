// SPDX-License-Identifier: GPL-2.0-only
/* What data goes over, as selftests/report/census/guest has set it up. */
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "census.h"

#define NAMESPACES "/run/netns/"

const struct path paths[] = {
	{
		.name = "loopback",
		.what = "loopback, to a process of the same machine",
		.address = "127.0.0.1",
		.interface = "lo",
	},
	{
		.name = "veth",
		.what = "a pair of veth devices, to another network namespace",
		.namespaces = { "left", "right" },
		.address = "10.78.0.2",
		.interface = "left",
	},
	{
		.name = "nic",
		.what = "two e1000e cards on one wire",
		.namespaces = { "near", "far" },
		.address = "10.77.0.2",
		.interface = "near",
		.card = true,
	},
	{ 0 },
};

static int open_namespace(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), NAMESPACES "%s", name);
	return open(file, O_RDONLY | O_CLOEXEC);
}

bool path_exists(const struct path *path)
{
	int fd;

	if (!path->namespaces[SENDER])
		return true;
	fd = open_namespace(path->namespaces[SENDER]);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void path_enter(const struct path *path, enum side side)
{
	int fd;

	if (!path->namespaces[side])
		return;
	fd = MUST(open_namespace(path->namespaces[side]));
	MUST(setns(fd, CLONE_NEWNET));
	close(fd);
}

static int set_feature(const struct path *path, uint32_t command, bool on)
{
	struct ethtool_value value = { .cmd = command, .data = on };
	struct ifreq ifreq = { .ifr_data = (void *)&value };
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), ret;

	strncpy(ifreq.ifr_name, path->interface, IFNAMSIZ - 1);
	ret = ioctl(fd, SIOCETHTOOL, &ifreq);
	close(fd);
	return ret;
}

int path_set_gathering(const struct path *path, bool on)
{
	return set_feature(path, ETHTOOL_SSG, on);
}

/*
 * The kernel makes a card's packets of large ones, by reference.  A driver may copy: that
 * of e1000e puts 4 bytes of a large packet behind its headers, for the sake of old cards.
 */
void path_settle(const struct path *path)
{
	if (!path->namespaces[SENDER])
		return;
	MUST(path_set_gathering(path, true));
	if (path->card)
		MUST(set_feature(path, ETHTOOL_STSO, false));
}
