// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of the pool into processes. */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "seal.h"
#include "slice.h"

/*
 * Lock a folio to be mapped.  By a mapping that can be written even who reads makes an
 * entry that can be written, so such a one gets nothing of a sealed buffer; a private one
 * copies what it writes.  Under the folio lock, for it is looked at again there, the seal
 * is settled: see seal.c.  Returns whether that may be.
 */
static bool zcpool_fault_lock(struct zcpool_pool *pool, struct folio *folio,
			      const struct vm_area_struct *vma)
{
	bool writes = (vma->vm_flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE);
	u32 index = zcpool_folio_buffer(folio);

	for (;;) {
		if (writes && zcpool_buffer_sealed(pool, index))
			return false;
		folio_lock(folio);
		if (!writes || likely(!READ_ONCE(pool->buffers[index].seal)))
			return true;
		folio_unlock(folio);
	}
}

static bool zcpool_fault_copies(const struct vm_fault *vmf)
{
	return (vmf->flags & FAULT_FLAG_WRITE) && !(vmf->vma->vm_flags & VM_SHARED);
}

/**
 * zcpool_fault() - vm_operations_struct.fault of every mapping of a pool
 * @vmf: the fault
 *
 * A reference-counted page in an ordinary table entry is what O_DIRECT,
 * MSG_ZEROCOPY, io_uring, RDMA and the rest know how to pin.  There is no
 * ->page_mkwrite, since with one FOLL_LONGTERM pins would be refused, and no
 * VM_MIXEDMAP, with which zapping a huge entry would forget its reference.
 */
vm_fault_t zcpool_fault(struct vm_fault *vmf)
{
	struct zcpool_pool *pool = vmf->vma->vm_file->private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct zcpool_chunk chunk;
	atomic_t *faults;

	/* Unreachable while VM_DONTEXPAND keeps mappings as long as they were. */
	if (WARN_ON_ONCE(offset >= pool->geometry.size))
		return VM_FAULT_SIGBUS;

	chunk = zcpool_pool_chunk(pool, offset, PAGE_SIZE);
	/* Without the lock too, so that who does not own it has nobody wait for it. */
	if (!zcpool_isolated_vma_reaches(vmf->vma, pool, zcpool_folio_buffer(chunk.folio)))
		return VM_FAULT_SIGBUS;
	faults = &pool->buffers[zcpool_folio_buffer(chunk.folio)].faults;
	/* __do_fault() would look for a locked page's mapping, which it has not. */
	if (zcpool_buffer_failed(pool, &chunk))
		return VM_FAULT_HWPOISON;
	/* GET, splice and pins refuse to overflow the count by themselves. */
	if (folio_ref_count(chunk.folio) > INT_MAX / 2)
		return VM_FAULT_SIGBUS;
	/* Locked until the entry is made, and counted: see zcpool_folio_only_mapped(). */
	if (!zcpool_fault_lock(pool, chunk.folio, vmf->vma))
		return VM_FAULT_SIGBUS;
	if (!zcpool_isolated_vma_reaches(vmf->vma, pool, zcpool_folio_buffer(chunk.folio)))
		goto unlock;
	/* It may have failed while the lock was waited for. */
	if (zcpool_buffer_failed(pool, &chunk)) {
		ret = VM_FAULT_HWPOISON;
		goto unlock;
	}
	smp_mb__before_atomic(); /* the lock is seen no later than the number */
	atomic_inc(faults);
	smp_mb__after_atomic(); /* pairs with smp_rmb() in zcpool_folio_only_mapped() */
	vmf->page = folio_page(chunk.folio, chunk.offset >> PAGE_SHIFT);
	/* Who writes to a private mapping gets a page of his own, which has no neighbours. */
	if (unlikely(zcpool_folio_split_failed(chunk.folio, pool->memory.order)) &&
	    !zcpool_fault_copies(vmf)) {
		ret = zcpool_fault_map_page(vmf);
		goto unlock;
	}
	folio_get(chunk.folio);
	return VM_FAULT_LOCKED;

unlock:
	folio_unlock(chunk.folio);
	return ret;
}

/**
 * zcpool_mprotect() - vm_operations_struct.mprotect of every mapping of a pool
 * @vma: mapping
 * @start: first address of those that change
 * @end: the one behind the last
 * @flags: new flags of theirs
 *
 * mprotect() makes entries that are there writable by itself, and no fault would tell.
 *
 * Return: 0, or -EACCES if a sealed buffer's mapping would become writable.
 */
int zcpool_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    unsigned long flags)
{
	const struct zcpool_slice slice = zcpool_vma_slice(vma, start, end);

	if (!zcpool_mprotect_writes(vma, flags))
		return 0;
	return zcpool_slice_sealed(vma->vm_file->private_data, &slice) ? -EACCES : 0;
}

static const struct vm_operations_struct zcpool_vm_ops = {
	.fault = zcpool_fault,
	.mprotect = zcpool_mprotect,
};

/**
 * zcpool_vma_init() - have a mapping show a pool
 * @vma: new mapping of some file, its offset one of the pool's and checked
 * @pool: pool
 * @ops: its operations, of which .fault is zcpool_fault(), .mprotect zcpool_mprotect()
 */
void zcpool_vma_init(struct vm_area_struct *vma, struct zcpool_pool *pool,
		     const struct vm_operations_struct *ops)
{
	/*
	 * DONTEXPAND keeps mremap() from growing it, and mlock, KSM and
	 * khugepaged away.  Core dumps leave payload out.
	 */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = ops;
	/*
	 * The mapping holds the pool, not the file it was made by, which may be
	 * closed, and goes by the pool's own address_space, whose size is the
	 * pool's.
	 */
	vma_set_file(vma, pool->file);
}

/**
 * zcpool_mmap_pool() - have a shared mapping show a pool
 * @pool: pool
 * @vma: new mapping of some file, its offset one of the pool's
 * @ops: as for zcpool_vma_init()
 *
 * Return: 0, or -EINVAL for a private mapping (its copy-on-write would part it from the
 * pool) or one beyond the pool's end.
 */
int zcpool_mmap_pool(struct zcpool_pool *pool, struct vm_area_struct *vma,
		     const struct vm_operations_struct *ops)
{
	unsigned long pages = pool->geometry.size >> PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	zcpool_vma_init(vma, pool, ops);
	return 0;
}

/**
 * zcpool_mmap() - file_operations.mmap of a handle
 * @file: handle
 * @vma: new mapping
 *
 * Return: 0, -ENXIO without a pool, -EACCES if it is to be written and the handle is
 * read-only, or an error of zcpool_mmap_pool().
 */
int zcpool_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_file_pool(file);
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!handle->writes && (vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	if (pool->geometry.isolated)
		error = zcpool_mmap_pool(pool, vma, &zcpool_isolated_vm_ops);
	else
		error = zcpool_mmap_pool(pool, vma, &zcpool_vm_ops);
	if (error)
		return error;
	if (!handle->writes)
		vm_flags_clear(vma, VM_MAYWRITE);
	if (pool->geometry.isolated)
		zcpool_isolated_vma_init(vma, handle);
	return 0;
}

/**
 * zcpool_folio_unmap() - take the page table entries of a folio away, in all processes
 * @pool: pool
 * @folio: folio of it, locked, so that no fault is about to make an entry
 *
 * Not what a private mapping has of its own.
 */
void zcpool_folio_unmap(struct zcpool_pool *pool, struct folio *folio)
{
	/* Entries have references: most often nobody but the pool has one. */
	if (folio_ref_count(folio) > 1)
		unmap_mapping_range(pool->file->f_mapping, (loff_t)folio->index << PAGE_SHIFT,
				    PAGE_SIZE << pool->memory.order, 0);
}
