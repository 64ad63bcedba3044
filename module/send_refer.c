// SPDX-License-Identifier: GPL-2.0-only
/* A message whose memory TCP and UDP refer to, and how much of it they did. */
#include <linux/bvec.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/uio.h>

#include "send.h"

/**
 * zcpool_refer_fill() - put references to a message's memory into an skb
 * @skb: skb
 * @from: iterator of a struct zcpool_refer's message
 * @length: most bytes
 *
 * Called for __zerocopy_sg_from_iter() through zcpool_refer_pages().  It does what that
 * function does by itself, but accounts the pieces' own size in place of whole pages,
 * as sendpage() and MSG_SPLICE_PAGES have it.
 *
 * Return: 0, or -EMSGSIZE if there is no room for all of it.
 */
int zcpool_refer_fill(struct sk_buff *skb, struct iov_iter *from, size_t length)
{
	struct zcpool_refer *refer = container_of(from, struct zcpool_refer, msg.msg_iter);
	size_t left = min(iov_iter_count(from), length);
	struct skb_shared_info *info = skb_shinfo(skb);
	const struct bio_vec *piece = from->bvec;
	size_t start = from->iov_offset, referred = 0;
	int nr = info->nr_frags;

	while (referred < left) {
		size_t size = min_t(size_t, piece->bv_len - start, left - referred);
		size_t offset = piece->bv_offset + start;

		if (skb_can_coalesce(skb, nr, piece->bv_page, offset)) {
			skb_frag_size_add(&info->frags[nr - 1], size);
		} else {
			if (nr == MAX_SKB_FRAGS)
				break;
			get_page(piece->bv_page);
			__skb_fill_page_desc_noacc(info, nr++, piece->bv_page, offset, size);
			info->nr_frags = nr;
		}
		referred += size;
		start = 0;
		piece++;
	}
	iov_iter_advance(from, referred);
	refer->referred += referred;

	skb->len += referred;
	skb->data_len += referred;
	skb->truesize += referred;
	return referred < left ? -EMSGSIZE : 0;
}

/**
 * zcpool_refer_init() - prepare a message that goes by reference where it can
 * @refer: the message, and what becomes of it
 * @flags: MSG_* of it
 * @pieces: parts of folios, kept until it is sent
 * @nr: how many
 * @length: bytes in all
 *
 * TCP and UDP ask for pages by msg->sg_from_iter, as they do for io_uring's zero-copy
 * send, where they take references; what they copy they do not ask for.  Any other
 * protocol may do anything with such a message.
 */
void zcpool_refer_init(struct zcpool_refer *refer, int flags, const struct bio_vec *pieces, u32 nr,
		       u64 length)
{
	refer->msg = (struct msghdr){
		.msg_flags = flags | MSG_ZEROCOPY,
		.msg_ubuf = &refer->ubuf,
		.sg_from_iter = zcpool_refer_pages,
	};
	iov_iter_bvec(&refer->msg.msg_iter, ITER_SOURCE, pieces, nr, length);
	/* The program may write to the pages: checksum with care. */
	zcpool_ubuf_init(&refer->ubuf, SKBFL_SHARED_FRAG);
	refer->referred = 0;
}
