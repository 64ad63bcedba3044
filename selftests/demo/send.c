// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sender: it has a processor of its own, on which all is counted, interrupts
 * and kernel threads included.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"

#define METHODS_MAX 16

struct options {
	const char *disk;
	const char *card;
	const char *interface;
	const char *wanted[METHODS_MAX];
	unsigned int nr_wanted;
	bool heading;
};

static void bind_to_processor(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
}

/*
 * The kernel makes the packets instead, by reference.  A driver may copy: that of
 * e1000e puts 4 bytes of a large packet behind its headers, for the sake of old cards.
 */
static void switch_segmentation_off(const char *interface)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STSO };
	struct ifreq ifreq = { .ifr_data = (void *)&value };
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	strncpy(ifreq.ifr_name, interface, IFNAMSIZ - 1);
	MUST(ioctl(fd, SIOCETHTOOL, &ifreq));
	close(fd);
}

/* Of the file, and of all others: each method reads it from the disk. */
static void drop_page_cache(void)
{
	int fd = MUST(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));

	MUST(write(fd, "3", 1));
	close(fd);
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), try;

	/* The peer may not be listening yet. */
	for (try = 0; connect(fd, (const struct sockaddr *)address, sizeof(*address)); try++) {
		if (errno != ECONNREFUSED || try == 100)
			fail("cannot connect: %s", strerror(errno));
		usleep(50000);
	}
	return fd;
}

static void print_heading(const struct options *options)
{
	if (options->heading)
		printf("%-23s %12s  %6s %6s %8s %8s  %-8s %s\n"
		       "%-23s %12s  %6s %6s %8s %8s  %-8s %s\n",
		       "", "bytes", "MiB by", "DMA:", "for each", "MiB:", "data", "memory may be",
		       "method", "copied", "disk", "card", "calls", "switches", "changed",
		       "reused when");
}

static void print_row(const struct method *method, const struct options *options,
		      const struct counts *counts, uint64_t size)
{
	double mib = (double)size / MIB;
	char card[32] = "-";

	if (options->card)
		snprintf(card, sizeof(card), "%.1f", (double)counts->card / MIB);
	printf("%-23s %12llu  %6.1f %6s %8.1f %8.1f  %-8s %s\n", method->title,
	       (unsigned long long)counts->copied, (double)counts->disk / MIB, card,
	       counts->calls / mib, counts->switches / mib, method->changes ? "yes" : "no",
	       method->reuse);
	fflush(stdout);
}

/* Too little of anything means that what counts it is blind. */
static void check(const struct method *method, const struct options *options,
		  const struct counts *counts, uint64_t size)
{
	if (counts->missed)
		fail("%s: probes missed calls each of %d times, %llu in the end, such as of %s: "
		     "the machine is too busy to count; stop what else runs, or try again",
		     method->title, COUNTER_TRIES, (unsigned long long)counts->missed,
		     counts->missed_by);
	if (method->pool && counts->copied)
		fail("%s copied %llu bytes of payload", method->title,
		     (unsigned long long)counts->copied);
	if (counts->copied < method->copies * size)
		fail("%s is said to have copied %llu bytes: probes are missing", method->title,
		     (unsigned long long)counts->copied);
	if (counts->disk < size)
		fail("%s is said to have read %llu bytes from disk: probes are missing",
		     method->title, (unsigned long long)counts->disk);
	if (options->card && counts->card < size)
		fail("%s is said to have sent %llu bytes by the card: probes are missing",
		     method->title, (unsigned long long)counts->card);
	if (counts->calls < size / PIECE || counts->switches < counts->calls)
		fail("%s is said to have made %llu system calls: tracepoints are missing",
		     method->title, (unsigned long long)counts->calls);
}

static struct counts transfer_once(const struct method *method, const struct options *options,
				   const char *path, const struct sockaddr_in *address)
{
	struct transfer transfer = { .path = path };
	struct greeting greeting = { .changed = method->changes };
	struct pollfd answered = { .events = POLLIN };
	struct answer answer;
	struct stat file;
	uint64_t offset;

	MUST(stat(path, &file));
	transfer.size = file.st_size;
	greeting.size = file.st_size;
	strncpy(greeting.method, method->title, sizeof(greeting.method) - 1);
	drop_page_cache();
	transfer.socket = connect_to(address);
	answered.fd = transfer.socket;
	MUST(send(transfer.socket, &greeting, sizeof(greeting), 0));
	/* What there is of the program is there now: later only data is read. */
	MUST(mlockall(MCL_CURRENT));
	method->open(&transfer);

	counter_start(!options->card);
	for (offset = 0; offset < transfer.size; offset += PIECE)
		method->send(&transfer, offset, PIECE);
	method->close(&transfer);
	/* When the answer comes the card has sent it all.  Reading it would be a copy. */
	MUST(poll(&answered, 1, -1));
	counter_stop();

	MUST(munlockall());
	if (recv(transfer.socket, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		fail("the peer gave no answer");
	close(transfer.socket);
	if (answer.received != transfer.size || answer.wrong)
		fail("%s: of %llu bytes that the peer received %llu are not what was sent",
		     method->title, (unsigned long long)answer.received,
		     (unsigned long long)answer.wrong);
	return count_read(options->disk, options->card);
}

static void run(const struct method *method, const struct options *options, const char *path,
		const struct sockaddr_in *address)
{
	struct counts counts;
	unsigned int tries = 0;
	struct stat file;

	MUST(stat(path, &file));
	do
		counts = transfer_once(method, options, path, address);
	while (counts.missed && ++tries < COUNTER_TRIES);
	print_row(method, options, &counts, file.st_size);
	check(method, options, &counts, file.st_size);
}

static bool is_wanted(const struct options *options, const struct method *method)
{
	unsigned int i;

	for (i = 0; i < options->nr_wanted; i++)
		if (!strcmp(options->wanted[i], method->name))
			return true;
	return !options->nr_wanted;
}

static void parse(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "disk", required_argument, NULL, 'd' },
		{ "card", required_argument, NULL, 'c' },
		{ "interface", required_argument, NULL, 'i' },
		{ "method", required_argument, NULL, 'm' },
		{ "heading", no_argument, NULL, 'h' },
		{},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (letter) {
		case 'd':
			options->disk = optarg;
			break;
		case 'c':
			options->card = optarg;
			break;
		case 'i':
			options->interface = optarg;
			break;
		case 'm':
			if (options->nr_wanted < METHODS_MAX)
				options->wanted[options->nr_wanted++] = optarg;
			break;
		case 'h':
			options->heading = true;
			break;
		default:
			exit(2);
		}
	}
}

int send_command(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const struct method *method;
	struct options options = { .disk = "" };

	parse(&options, argc, argv);
	if (argc - optind != 3 || inet_pton(AF_INET, argv[optind + 1], &address.sin_addr) != 1)
		fail("send wants a file, an address and a port");
	address.sin_port = htons(atoi(argv[optind + 2]));
	bind_to_processor(0);
	if (options.interface)
		switch_segmentation_off(options.interface);
	print_heading(&options);
	for (method = methods; method->name; method++)
		if (is_wanted(&options, method))
			run(method, &options, argv[optind], &address);
	return 0;
}
