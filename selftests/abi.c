// SPDX-License-Identifier: GPL-2.0-only
/* Numbers, sizes and offsets of the interface never change, for 64- and 32-bit. */
#include <stddef.h>

#include "util.h"

#include "harness.h"

TEST(command_numbers)
{
	ASSERT_EQ(0xC090BC00U, ZCPOOL_IOC_QUERY);
	ASSERT_EQ(0xC028BC01U, ZCPOOL_IOC_CREATE);
	ASSERT_EQ(0xC028BC02U, ZCPOOL_IOC_GET);
	ASSERT_EQ(0xC010BC03U, ZCPOOL_IOC_PUT);
	ASSERT_EQ(0xC008BC04U, ZCPOOL_IOC_EVENTFD);
	ASSERT_EQ(0xC018BC05U, ZCPOOL_IOC_HOLDERS);
	ASSERT_EQ(0xC028BC06U, ZCPOOL_IOC_SEND);
	ASSERT_EQ(0xC018BC07U, ZCPOOL_IOC_EXPORT);
	ASSERT_EQ(0xC008BC08U, ZCPOOL_IOC_SHARE);
	ASSERT_EQ(0xC010BC09U, ZCPOOL_IOC_ATTACH);
	ASSERT_EQ(0xC018BC0AU, ZCPOOL_IOC_TRANSFER);
	ASSERT_EQ(0xC018BC0BU, ZCPOOL_IOC_RECEIVE);
	ASSERT_EQ(0xC020BC0CU, ZCPOOL_IOC_VIEW);
	ASSERT_EQ(0xC010BC0DU, ZCPOOL_IOC_SEAL);
	ASSERT_EQ(0xC010BC0EU, ZCPOOL_IOC_UNSEAL);
}

TEST(first_version_sizes)
{
	ASSERT_EQ(136, ZCPOOL_QUERY_SIZE_VER0);
	ASSERT_EQ(40, ZCPOOL_CREATE_SIZE_VER0);
	ASSERT_EQ(40, ZCPOOL_GET_SIZE_VER0);
	ASSERT_EQ(16, ZCPOOL_PUT_SIZE_VER0);
	ASSERT_EQ(8, ZCPOOL_EVENTFD_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_HOLDERS_SIZE_VER0);
	ASSERT_EQ(32, ZCPOOL_HOLDER_SIZE_VER0);
	ASSERT_EQ(40, ZCPOOL_SEND_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_EXPORT_SIZE_VER0);
	ASSERT_EQ(8, ZCPOOL_SHARE_SIZE_VER0);
	ASSERT_EQ(16, ZCPOOL_ATTACH_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_TRANSFER_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_RECEIVE_SIZE_VER0);
	ASSERT_EQ(32, ZCPOOL_VIEW_SIZE_VER0);
	ASSERT_EQ(16, ZCPOOL_SEAL_SIZE_VER0);
	ASSERT_EQ(16, ZCPOOL_UNSEAL_SIZE_VER0);
}

TEST(struct_sizes)
{
	ASSERT_EQ(144, sizeof(struct zcpool_query));
	ASSERT_EQ(40, sizeof(struct zcpool_create));
	ASSERT_EQ(40, sizeof(struct zcpool_get));
	ASSERT_EQ(16, sizeof(struct zcpool_put));
	ASSERT_EQ(8, sizeof(struct zcpool_eventfd));
	ASSERT_EQ(24, sizeof(struct zcpool_holders));
	ASSERT_EQ(48, sizeof(struct zcpool_holder));
	ASSERT_EQ(40, sizeof(struct zcpool_send));
	ASSERT_EQ(24, sizeof(struct zcpool_element));
	ASSERT_EQ(24, sizeof(struct zcpool_export));
	ASSERT_EQ(8, sizeof(struct zcpool_share));
	ASSERT_EQ(16, sizeof(struct zcpool_attach));
	ASSERT_EQ(16, sizeof(struct zcpool_item));
	ASSERT_EQ(24, sizeof(struct zcpool_transfer));
	ASSERT_EQ(24, sizeof(struct zcpool_receive));
	ASSERT_EQ(32, sizeof(struct zcpool_view));
	ASSERT_EQ(16, sizeof(struct zcpool_seal));
	ASSERT_EQ(16, sizeof(struct zcpool_unseal));
}

TEST(field_offsets)
{
	ASSERT_EQ(8, offsetof(struct zcpool_query, features));
	ASSERT_EQ(56, offsetof(struct zcpool_query, total_bytes));
	ASSERT_EQ(72, offsetof(struct zcpool_query, pool_id));
	ASSERT_EQ(104, offsetof(struct zcpool_query, size));
	ASSERT_EQ(112, offsetof(struct zcpool_query, count));
	ASSERT_EQ(132, offsetof(struct zcpool_query, handle));
	ASSERT_EQ(8, offsetof(struct zcpool_create, count));
	ASSERT_EQ(24, offsetof(struct zcpool_create, stride));
	ASSERT_EQ(8, offsetof(struct zcpool_get, timeout_ns));
	ASSERT_EQ(16, offsetof(struct zcpool_get, count));
	ASSERT_EQ(24, offsetof(struct zcpool_get, put_indices));
	ASSERT_EQ(32, offsetof(struct zcpool_get, put_count));
	ASSERT_EQ(8, offsetof(struct zcpool_put, count));
	ASSERT_EQ(20, offsetof(struct zcpool_holders, entry_size));
	ASSERT_EQ(24, offsetof(struct zcpool_holder, age_ns));
	ASSERT_EQ(32, offsetof(struct zcpool_holder, exports));
	ASSERT_EQ(40, offsetof(struct zcpool_holder, flags));
	ASSERT_EQ(20, offsetof(struct zcpool_export, fd));
	ASSERT_EQ(4, offsetof(struct zcpool_share, fd));
	ASSERT_EQ(12, offsetof(struct zcpool_attach, handle));
	ASSERT_EQ(8, offsetof(struct zcpool_item, tag));
	ASSERT_EQ(12, offsetof(struct zcpool_transfer, to));
	ASSERT_EQ(16, offsetof(struct zcpool_receive, count));
	ASSERT_EQ(24, offsetof(struct zcpool_view, fd));
	ASSERT_EQ(8, offsetof(struct zcpool_seal, count));
	ASSERT_EQ(8, offsetof(struct zcpool_unseal, count));
}

TEST_HARNESS_MAIN
