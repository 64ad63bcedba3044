/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What holds for the struct of every command.  Behind the fixture "command" of a file: .fd and
 * .arg, with which the command variant->nr succeeds, its struct being of variant->size bytes.  Both
 * drivers have commands of the same type.
 */
static int call(int fd, unsigned int nr, size_t size, void *arg)
{
	return ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, ZCPOOL_IOC_TYPE, nr, size), arg) ? -errno : 0;
}

TEST_F(command, exact)
{
	ASSERT_EQ(0, call(self->fd, variant->nr, variant->size, self->arg));
}

TEST_F(command, shorter_than_first_version_is_EINVAL)
{
	ASSERT_EQ(-EINVAL, call(self->fd, variant->nr, variant->size - 8, self->arg));
	ASSERT_EQ(-EINVAL, call(self->fd, variant->nr, 0, self->arg));
}

TEST_F(command, longer_with_zero_tail)
{
	ASSERT_EQ(0, call(self->fd, variant->nr, variant->size + 64, self->arg));
}

TEST_F(command, longer_with_garbage_tail_is_E2BIG)
{
	((char *)self->arg)[variant->size + 63] = 1;
	ASSERT_EQ(-E2BIG, call(self->fd, variant->nr, variant->size + 64, self->arg));
	/* It did nothing: now it succeeds. */
	((char *)self->arg)[variant->size + 63] = 0;
	ASSERT_EQ(0, call(self->fd, variant->nr, variant->size + 64, self->arg));
}

TEST_F(command, bad_pointer_is_EFAULT)
{
	ASSERT_EQ(-EFAULT, call(self->fd, variant->nr, variant->size, NULL));
	ASSERT_EQ(-EFAULT, call(self->fd, variant->nr, variant->size, (void *)-4096L));
}
