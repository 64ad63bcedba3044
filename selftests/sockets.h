/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connected pairs of sockets of many kinds, and a network of two namespaces for
 * them.  pair[0] sends, pair[1] receives.  All return 0 or a negative errno.
 */
#ifndef ZCPOOL_SELFTEST_SOCKETS_H
#define ZCPOOL_SELFTEST_SOCKETS_H

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/veth.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <sched.h>

#include "util.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

#define NEAR_ADDRESS 0x0a4d0001U /* 10.77.0.1 */
#define FAR_ADDRESS 0x0a4d0002U
#define OTHER_ADDRESS 0x0a4d0003U

/* The namespaces: the test lives in the near one, the receiver in the far one. */
static int near_namespace = -1, far_namespace = -1;
/* Those of all tests of a program, see WITH_NETWORK. */
static int shared_near = -1, shared_far = -1;

/* Before MSG_SPLICE_PAGES, of Linux 6.5, splices went by a socket's sendpage(). */
static inline bool kernel_has_sendpage(void)
{
	return kernel_before(6, 5);
}

/* What is built in is not always in /sys/module, and modprobe takes its time to tell. */
static inline bool is_built_in(const char *name)
{
	char path[512], line[256], end[64];
	struct utsname system;
	bool found = false;
	FILE *file;

	uname(&system);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", system.release);
	snprintf(end, sizeof(end), "/%s.ko\n", name);
	file = fopen(path, "r");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, end);
	if (file)
		fclose(file);
	return found;
}

static inline int load_module(const char *name)
{
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (!access(path, F_OK) || is_built_in(name))
		return 0;
	pid = fork();
	if (!pid) {
		execlp("modprobe", "modprobe", "-q", name, NULL);
		_exit(127);
	}
	return wait_status(pid) ? -ENOENT : 0;
}

static inline int enter(int namespace)
{
	return namespace >= 0 && setns(namespace, CLONE_NEWNET) ? -errno : 0;
}

/* An interface of the namespace that the caller is in. */
static inline int set_interface(const char *name, unsigned long request, struct ifreq *ifreq)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	strcpy(ifreq->ifr_name, name);
	ret = ioctl(fd, request, ifreq) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int set_address(const char *name, unsigned long request, uint32_t address)
{
	struct ifreq ifreq = { 0 };
	struct sockaddr_in *in = (void *)&ifreq.ifr_addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(address);
	return set_interface(name, request, &ifreq);
}

static inline int set_up(const char *name, bool up)
{
	struct ifreq ifreq = { .ifr_flags = up ? IFF_UP : 0 };

	return set_interface(name, SIOCSIFFLAGS, &ifreq);
}

static inline int set_scatter_gather(const char *name, bool on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SSG, .data = on };
	struct ifreq ifreq = { .ifr_data = (void *)&value };

	return set_interface(name, SIOCETHTOOL, &ifreq);
}

/*
 * A far end without its address takes no packets, and nobody is told: no carrier is
 * lost, no neighbour to be found again.
 */
static inline int far_listens(bool listens)
{
	return enter(far_namespace)							      ?:
		       set_address("far", SIOCSIFADDR, listens ? FAR_ADDRESS : OTHER_ADDRESS) ?:
		       enter(near_namespace);
}

struct link_message {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[256];
};

/* Returns where the attribute begins, for its length to be set when more is known. */
static inline struct rtattr *add_attribute(struct link_message *message, int type, const void *data,
					   size_t length)
{
	struct rtattr *attribute = (void *)((char *)message + message->header.nlmsg_len);

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), data, length);
	message->header.nlmsg_len += RTA_SPACE(length);
	return attribute;
}

static inline void end_attribute(struct link_message *message, struct rtattr *attribute)
{
	attribute->rta_len = (char *)message + message->header.nlmsg_len - (char *)attribute;
}

/* The far end in the caller's namespace, the near one in its own. */
static inline int add_veth(void)
{
	struct link_message message = {
		.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		.header.nlmsg_type = RTM_NEWLINK,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
	};
	const struct ifinfomsg peer_info = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret;
	struct rtattr *info, *data, *peer;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { .error.error = -EIO };

	add_attribute(&message, IFLA_IFNAME, "far", 4);
	info = add_attribute(&message, IFLA_LINKINFO, NULL, 0);
	add_attribute(&message, IFLA_INFO_KIND, "veth", 5);
	data = add_attribute(&message, IFLA_INFO_DATA, NULL, 0);
	peer = add_attribute(&message, VETH_INFO_PEER, &peer_info, sizeof(peer_info));
	add_attribute(&message, IFLA_IFNAME, "near", 5);
	add_attribute(&message, IFLA_NET_NS_FD, &near_namespace, sizeof(int));
	end_attribute(&message, peer);
	end_attribute(&message, data);
	end_attribute(&message, info);
	ret = send(fd, &message, message.header.nlmsg_len, 0) < 0 ? -errno : 0;
	if (!ret)
		ret = recv(fd, &answer, sizeof(answer), 0) < 0 ? -errno : answer.error.error;
	close(fd);
	return ret;
}

/* Moves the caller to the near namespace. */
static inline int make_network(void)
{
	if (shared_near >= 0) {
		near_namespace = shared_near;
		far_namespace = shared_far;
		/* As it was at first, whatever another test did. */
		return enter(near_namespace)			?:
			       set_scatter_gather("near", true) ?:
								  far_listens(true);
	}
	if (unshare(CLONE_NEWNET))
		return -errno;
	near_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (set_up("lo", true) || unshare(CLONE_NEWNET))
		return -errno;
	far_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return load_module("veth")				      ?:
		       add_veth()				      ?:
		       set_address("far", SIOCSIFADDR, FAR_ADDRESS)   ?:
		       set_up("far", true)			      ?:
		       enter(near_namespace)			      ?:
		       set_address("near", SIOCSIFADDR, NEAR_ADDRESS) ?:
									set_up("near", true);
}

static inline int share_network(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), ret = make_network();

	if (enter(home))
		ret = -errno;
	close(home);
	if (ret) {
		fprintf(stderr, "cannot make a network: %s\n", strerror(-ret));
		return ret;
	}
	shared_near = near_namespace;
	shared_far = far_namespace;
	near_namespace = -1;
	far_namespace = -1;
	return 0;
}

/*
 * A program whose tests share a network: it is made before the first of them, in the process
 * that starts them, for to make one, and to have it gone, takes its time.
 */
#define WITH_NETWORK \
	static void __attribute__((constructor)) network_begin(void) \
	{ \
		if (share_network()) \
			_exit(1); \
	}

/* Connect two sockets of one kind, through a listener if they are streams. */
static inline int connect_pair(int pair[2], int domain, int type, int protocol,
			       struct sockaddr *address, socklen_t length)
{
	int receiver, ret;

	ret = enter(far_namespace);
	if (ret)
		return ret;
	receiver = socket(domain, type, protocol);
	if (receiver < 0 || bind(receiver, address, length) ||
	    getsockname(receiver, address, &length) || (type != SOCK_DGRAM && listen(receiver, 1)))
		return -errno;
	ret = enter(near_namespace);
	if (ret)
		return ret;
	pair[0] = socket(domain, type, protocol);
	if (pair[0] < 0 || connect(pair[0], address, length))
		return -errno;
	pair[1] = receiver;
	if (type == SOCK_DGRAM)
		return 0;
	pair[1] = accept(receiver, NULL, NULL);
	close(receiver);
	return pair[1] < 0 ? -errno : 0;
}

/* Over loopback, or once there is a network, over it. */
static inline int inet_pair(int pair[2], int type, int protocol)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(far_namespace < 0 ? INADDR_LOOPBACK : FAR_ADDRESS),
	};

	return connect_pair(pair, AF_INET, type, protocol, (void *)&address, sizeof(address));
}

static inline int tcp_loopback(int pair[2])
{
	return inet_pair(pair, SOCK_STREAM, 0);
}

static inline int tcp_veth(int pair[2])
{
	return make_network() ?: inet_pair(pair, SOCK_STREAM, 0);
}

static inline int udp_loopback(int pair[2])
{
	return inet_pair(pair, SOCK_DGRAM, 0);
}

static inline int udp_veth(int pair[2])
{
	return make_network() ?: inet_pair(pair, SOCK_DGRAM, 0);
}

static inline int mptcp_loopback(int pair[2])
{
	return inet_pair(pair, SOCK_STREAM, IPPROTO_MPTCP);
}

static inline int unix_stream(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ? -errno : 0;
}

static inline int unix_datagram(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ? -errno : 0;
}

static inline int unix_seqpacket(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) ? -errno : 0;
}

static inline int vsock_pair(int pair[2], int type)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_port = VMADDR_PORT_ANY,
		.svm_cid = VMADDR_CID_LOCAL,
	};

	return load_module("vsock_loopback") ?:
		       connect_pair(pair, AF_VSOCK, type, 0, (void *)&address, sizeof(address));
}

static inline int vsock_stream(int pair[2])
{
	return vsock_pair(pair, SOCK_STREAM);
}

static inline int vsock_seqpacket(int pair[2])
{
	return vsock_pair(pair, SOCK_SEQPACKET);
}

/* TLS in the kernel, of records that the sender encrypts and the receiver decrypts. */
static inline int ktls(int pair[2])
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
		.key = "a key of 16 byte",
		.salt = "salt",
	};
	int ret = load_module("tls") ?: inet_pair(pair, SOCK_STREAM, 0), i;

	for (i = 0; i < 2 && !ret; i++)
		if (setsockopt(pair[i], IPPROTO_TCP, TCP_ULP, "tls", 3) ||
		    setsockopt(pair[i], SOL_TLS, i ? TLS_RX : TLS_TX, &info, sizeof(info)))
			ret = -errno;
	return ret;
}

static inline int bpf(int command, union bpf_attr *attributes)
{
	int ret = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return ret < 0 ? -errno : ret;
}

static inline int put_into_map(int map, uint32_t key, int socket)
{
	union bpf_attr attributes = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&socket,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

#define INSTRUCTION(c, dst, src, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (dst), .src_reg = (src), .imm = (i) })

/* A program through which all goes that is sent to sockets of the map. */
static inline int attach_to_map(int map, const struct bpf_insn *program, uint32_t count)
{
	static const char license[] = "GPL";
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SK_MSG,
		.insns = (uintptr_t)program,
		.insn_cnt = count,
		.license = (uintptr_t)license,
	};
	union bpf_attr attach = { .target_fd = map, .attach_type = BPF_SK_MSG_VERDICT };
	int fd = bpf(BPF_PROG_LOAD, &load), ret;

	if (fd < 0)
		return fd;
	attach.attach_bpf_fd = fd;
	ret = bpf(BPF_PROG_ATTACH, &attach);
	close(fd);
	return ret;
}

static inline int new_sockmap(void)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_SOCKMAP,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 2,
	};

	return bpf(BPF_MAP_CREATE, &attributes);
}

/* The sender is in a sockmap whose program lets all pass. */
static inline int sockmap_pass(int pair[2])
{
	const struct bpf_insn program[] = {
		INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, SK_PASS),
		INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0),
	};
	int map = new_sockmap();

	return map < 0			       ? map :
	       inet_pair(pair, SOCK_STREAM, 0) ?:
	       attach_to_map(map, program, 2)  ?:
						 put_into_map(map, 0, pair[0]);
}

/*
 * What is sent to the sender goes straight to the receive queue of another socket,
 * the receiver, not of the one that it is connected to.
 */
static inline int sockmap_redirect(int pair[2])
{
	int map = new_sockmap(), first[2], second[2], ret;
	const struct bpf_insn program[] = {
		INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, map),
		INSTRUCTION(0, 0, 0, 0),
		INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 1),
		INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, BPF_F_INGRESS),
		INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, BPF_FUNC_msg_redirect_map),
		INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0),
	};

	if (map < 0)
		return map;
	ret = inet_pair(first, SOCK_STREAM, 0)		?:
		      inet_pair(second, SOCK_STREAM, 0) ?:
		      attach_to_map(map, program, 6)	?:
		      put_into_map(map, 0, first[0])	?:
							  put_into_map(map, 1, second[1]);
	pair[0] = first[0];
	pair[1] = second[1];
	return ret;
}

#endif /* ZCPOOL_SELFTEST_SOCKETS_H */
