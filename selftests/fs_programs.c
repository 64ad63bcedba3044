// SPDX-License-Identifier: GPL-2.0-only
/* Programs that know nothing of zcpool, on its files. */
#include "fs.h"

#include "harness.h"

FIXTURE(fs)
{
	mode_t mask;
};

FIXTURE_SETUP(fs)
{
	self->mask = umask(022);
	ASSERT_EQ(0, mount_fs());
	ASSERT_EQ(0, chdir(MOUNT));
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

FIXTURE_TEARDOWN(fs)
{
	EXPECT_EQ(0, system("rm -rf " MOUNT "/* /tmp/fs-content /tmp/fs-copy"));
	EXPECT_EQ(0, chdir("/"));
	EXPECT_EQ(0, unmount_fs());
	umask(self->mask);
}

/* A script, in the root of the file system, each command of which has to succeed. */
static int shell(const char *script)
{
	char *command;
	int status;

	if (asprintf(&command, "set -eu; %s", script) < 0)
		return -1;
	status = system(command);
	free(command);
	return status;
}

#define CONTENT "head -c 300001 /dev/urandom >/tmp/fs-content; "

TEST_F(fs, truncate_dd_cmp)
{
	ASSERT_EQ(0, shell(CONTENT "truncate -s 300001 a;"
				   "dd if=/tmp/fs-content of=a bs=4k conv=notrunc status=none;"
				   "cmp a /tmp/fs-content"));
}

TEST_F(fs, cat_cp_sha256sum)
{
	ASSERT_EQ(0, shell(CONTENT "truncate -s 300001 a; cat /tmp/fs-content 1<>a;"
				   "cat a | cmp - /tmp/fs-content;"
				   "cp a /tmp/fs-copy; cmp /tmp/fs-copy /tmp/fs-content;"
				   "test $(sha256sum <a | cut -c-64) = "
				   "$(sha256sum </tmp/fs-content | cut -c-64)"));
}

/* cp opens its target with O_TRUNC, and a new one it does not size. */
TEST_F(fs, what_appends_or_truncates_is_told)
{
	ASSERT_EQ(0, shell(CONTENT "truncate -s 300001 a; cat /tmp/fs-content 1<>a;"
				   "! sh -c 'echo x >a' 2>/dev/null;"
				   "! sh -c 'echo x >>a' 2>/dev/null;"
				   "! cp /tmp/fs-content a 2>/dev/null;"
				   "! cp /tmp/fs-content b 2>/dev/null;"
				   "cmp a /tmp/fs-content; truncate -s 300001 a;"
				   "! truncate -s 5 a 2>/dev/null; cmp a /tmp/fs-content"));
}

TEST_F(fs, ls_stat_chmod_rm)
{
	ASSERT_EQ(0, shell("truncate -s 5000 a; chmod 640 a; chown 1:2 a;"
			   "test \"$(stat -c '%F %a %u %g %s %h' a)\" = "
			   "'regular file 640 1 2 5000 1';"
			   "ls -ln a | grep -q '^-rw-r-----. 1 1 2 5000 ' ||"
			   "ls -ln a | grep -q '^-rw-r----- 1 1 2 5000 ';"
			   "mkdir d; mv a d/b; test -z \"$(find . -name a)\";"
			   "find . -size 5000c | grep -qx ./d/b; rm -r d; test -z \"$(ls -A)\""));
}

TEST_F(fs, tail_grep_tar)
{
	ASSERT_EQ(0, shell("truncate -s 100000 a; printf needle | dd of=a bs=1 seek=99994 "
			   "conv=notrunc status=none; test \"$(tail -c 6 a)\" = needle;"
			   "grep -qa needle a; tar cf - a | tar xOf - | cmp - a"));
}

TEST_F(fs, python)
{
	ASSERT_EQ(0,
		  shell("cat >/tmp/fs-copy <<'END'\n"
			"import mmap, os, socket\n"
			"size = 3 * 65536 + 7\n"
			"with open('a', 'xb+') as file:\n"
			"    file.truncate(size)\n"
			"    with mmap.mmap(file.fileno(), size) as memory:\n"
			"        memory[:] = bytes(i * 7 & 255 for i in range(size))\n"
			"        memory.flush()\n"
			"content = open('a', 'rb').read()\n"
			"assert content == bytes(i * 7 & 255 for i in range(size))\n"
			"with open('a', 'rb') as file:\n"
			"    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:\n"
			"        assert memory[:] == content\n"
			"    ours, theirs = socket.socketpair()\n"
			"    if not os.fork():\n"
			"        ours.sendfile(file)\n"
			"        os._exit(0)\n"
			"    ours.close()\n"
			"    got = b''.join(iter(lambda: theirs.recv(1 << 20), b''))\n"
			"    assert got == content and not os.wait()[1]\n"
			"try:\n"
			"    os.truncate('a', 1)\n"
			"except PermissionError:\n"
			"    os.unlink('a')\n"
			"END\n"
			"python3 /tmp/fs-copy; test ! -e a"));
}

TEST_HARNESS_MAIN
