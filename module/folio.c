// SPDX-License-Identifier: GPL-2.0-only
/* Folios whose memory failed. */
#include <linux/pagemap.h>

#include "slice.h"

/**
 * zcpool_folio_split_failed() - have a folio with failed memory mapped page by page
 * @folio: folio about to be mapped
 * @order: its order
 *
 * A huge entry would map the failed page with the others, and nobody would be told.
 * So would a kernel that makes all entries of a folio at once.
 *
 * Return: whether some of it failed and the kernel would map it with the rest.
 */
bool zcpool_folio_split_failed(struct folio *folio, unsigned int order)
{
#ifdef CONFIG_MEMORY_FAILURE
	const struct zcpool_chunk all = {
		.folio = folio,
		.length = PAGE_SIZE << order,
	};

	if (order != ZCPOOL_HUGE_ORDER && (!order || !ZCPOOL_KERNEL_MAPS_FOLIOS))
		return false;
	if (likely(!zcpool_chunk_failed(&all)))
		return false;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	if (order == ZCPOOL_HUGE_ORDER)
		folio_set_has_hwpoisoned(folio);
#endif
	return ZCPOOL_KERNEL_MAPS_FOLIOS;
#else
	return false;
#endif
}

/**
 * zcpool_chunk_failed() - whether memory has an uncorrected hardware error
 * @chunk: part of a pool
 */
bool zcpool_chunk_failed(const struct zcpool_chunk *chunk)
{
#ifdef CONFIG_MEMORY_FAILURE
	const struct page *page = folio_page(chunk->folio, chunk->offset >> PAGE_SHIFT);
	const struct page *end =
		folio_page(chunk->folio, (chunk->offset + chunk->length - 1) >> PAGE_SHIFT) + 1;
	unsigned long flags = 0;

	/* All together, for there may be 512, and hardly ever is there one. */
	for (; page + 8 <= end; page += 8) {
		flags |= zcpool_page_flags(&page[0]) | zcpool_page_flags(&page[1]) |
			 zcpool_page_flags(&page[2]) | zcpool_page_flags(&page[3]) |
			 zcpool_page_flags(&page[4]) | zcpool_page_flags(&page[5]) |
			 zcpool_page_flags(&page[6]) | zcpool_page_flags(&page[7]);
	}
	for (; page < end; page++)
		flags |= zcpool_page_flags(page);
	return flags & BIT(PG_hwpoison);
#else
	return false;
#endif
}
