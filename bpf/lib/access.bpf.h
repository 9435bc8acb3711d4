/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A process got bytes of a file: coverage, label, record. Shared by the data path, LSM and system-call probes. */
#ifndef TENSORWARDEN_LIB_ACCESS_BPF_H
#define TENSORWARDEN_LIB_ACCESS_BPF_H

#include "bpf/lib/files.bpf.h"

#define PAGE_SHIFT 12 /* EVENT_PAGE_SIZE */
/* Of a block device that holds assets, so much is read by whoever asks what is on it (blkid, udev, mount). */
#define RAW_FREE_BYTES (1u << 20)
#define COVERED_TRIES 4 /* threads that read one file at once; who loses this often leaves it to the next read */

struct access {
	__u64 offset; /* bytes */
	__u64 length;
	__u64 size;  /* of the file */
	__u64 news;  /* bytes that count: of an asset distinct ones */
	__u32 kind;  /* enum event_access */
	__u32 exact; /* the range is what was read; otherwise whole pages, as the page cache tells them */
};

static __always_inline __u16 chunk_shift_for(__u64 size)
{
	__u64 chunk = (size - 1) / COVERAGE_CHUNKS;

	chunk |= EVENT_PAGE_SIZE - 1;
	chunk |= chunk >> 1;
	chunk |= chunk >> 2;
	chunk |= chunk >> 4;
	chunk |= chunk >> 8;
	chunk |= chunk >> 16;
	chunk |= chunk >> 32;
	return popcount(chunk);
}

/* Bits first..last that lie in word `word` of a bit array. */
static __always_inline __u64 range_mask(__u32 word, __u32 first, __u32 last)
{
	__u64 mask = ~0ull;

	if (last / 64 < word || first / 64 > word)
		return 0;
	if (first / 64 == word)
		mask &= ~0ull << (first % 64);
	if (last / 64 == word)
		mask &= ~0ull >> (63 - last % 64);
	return mask;
}

/* A file that grows outgrows its chunks: what was covered stays as the least, the new chunks start empty. */
static __always_inline void coverage_fit(struct coverage_state *pair, __u64 size)
{
	__u16 shift = chunk_shift_for(size);
	int i;

	if (pair->chunk_shift >= shift)
		return;
	if (pair->chunk_shift) {
		for (i = 0; i < COVERAGE_CHUNKS / 64; i++)
			pair->chunks[i] = 0;
	}
	pair->chunk_shift = shift;
}

static __always_inline __u64 coverage_mark(struct coverage_state *pair, __u64 offset, __u64 length)
{
	__u32 shift = pair->chunk_shift & 63, first = offset >> shift, last = (offset + length - 1) >> shift, i;
	__u64 mask, chunks = 0;

	first = first < COVERAGE_CHUNKS ? first : COVERAGE_CHUNKS - 1;
	last = last < COVERAGE_CHUNKS ? last : COVERAGE_CHUNKS - 1;
	for (i = 0; i < COVERAGE_CHUNKS / 64; i++) {
		mask = range_mask(i, first, last);
		if (mask & ~pair->chunks[i])
			__sync_fetch_and_or(&pair->chunks[i], mask);
		chunks += popcount(pair->chunks[i]);
	}
	return chunks << shift;
}

/* Bytes that an access adds to the pair. The page cache reports a long read batch by batch, each time with the whole
 * rest as its range; and a page again for each small read within it. An exact range is what it says. */
static __always_inline __u64 access_news(struct coverage_state *pair, const struct access *access)
{
	__u64 first = access->offset >> PAGE_SHIFT, last = (access->offset + access->length - 1) >> PAGE_SHIFT;
	_Bool rest = last == pair->last_last && first > pair->last_first;
	_Bool again = first == last && first == pair->last_first && last == pair->last_last && pair->bytes;

	pair->last_first = first;
	pair->last_last = last;
	if (access->kind == EVENT_ACCESS_READ && !access->exact && (rest || again))
		return 0;
	return access->length;
}

/* Of threads that advance `covered` at once each is credited with its own step. */
static __always_inline void coverage_advance(struct coverage_state *pair, __u64 covered, struct access *access)
{
	__u64 old = pair->covered, seen;
	int i;

	for (i = 0; i < COVERED_TRIES && covered > old; i++) {
		seen = __sync_val_compare_and_swap(&pair->covered, old, covered);
		if (seen == old) {
			access->news = covered - old;
			return;
		}
		old = seen;
	}
	access->news = 0;
}

/* Global: see flow_step. */
__weak __noinline int coverage_count(struct coverage_state *pair, struct access *access, _Bool asset)
{
	__u64 news, bytes, distinct;

	if (!pair || !access)
		return 0;
	news = access_news(pair, access);
	coverage_fit(pair, access->size);
	distinct = coverage_mark(pair, access->offset, access->length);
	bytes = __sync_fetch_and_add(&pair->bytes, news);
	coverage_advance(pair, min_u64(min_u64(bytes + news, distinct), access->size), access);
	if (!asset)
		access->news = news;
	return 0;
}

/* 1: first access; then 1 %, 10 %, 50 %, all. */
__weak __noinline __u32 read_rung(__u64 covered, __u64 size)
{
	if (covered >= size)
		return 5;
	if (covered >= size / 2)
		return 4;
	if (covered >= size / 10)
		return 3;
	return covered >= size / 100 ? 2 : 1;
}

static __always_inline void read_emit(struct coverage_state *pair, const struct event_file_key *file, __u64 labels,
				      const struct access *access)
{
	__u32 rung = read_rung(pair->covered, access->size);
	struct file_read_event *event;

	if (rung <= pair->rung)
		return;
	pair->rung = rung;
	event = urgent_reserve(EVENT_KIND_FILE_READ, sizeof(*event));
	if (!event)
		return;
	event->file = *file;
	event->labels = labels;
	event->first_page = access->offset >> PAGE_SHIFT;
	event->last_page = (access->offset + access->length - 1) >> PAGE_SHIFT;
	event->bytes = pair->bytes;
	event->covered_bytes = pair->covered;
	event->access = access->kind;
	event->pad = 0;
	urgent_submit(event, EVENT_KIND_FILE_READ);
}

/* 1: the files of the process are to be marked. */
static __noinline int access_take(struct inode *inode, struct access *access)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_process_key process;
	struct coverage_state *pair;
	struct object_state *object;
	struct event_file_key file;
	__u64 total = 0;
	_Bool moved;

	if (!access || !task_is_actor(task))
		return 0;
	file = inode_key(inode);
	object = bpf_map_lookup_elem(&objects, &file);
	if (!object || !(object->labels || object->flags & OBJECT_F_WATCHED))
		return 0;
	access->size = BPF_CORE_READ(inode, i_size);
	if (access->offset >= access->size || !access->length)
		return 0;
	access->length = min_u64(access->length, access->size - access->offset);
	process = process_key(task);
	pair = coverage_add(&process, &file);
	if (!pair)
		return 0;
	coverage_count(pair, access, object->flags & OBJECT_F_WATCHED);
	if (object->flags & OBJECT_F_RAW) {
		if (pair->bytes < RAW_FREE_BYTES)
			return 0;
		total = pair->bytes;
	}
	moved = label_from_object(&process, &file, object, access->news, total, pair->changed != 0);
	read_emit(pair, &file, object->labels, access);
	return moved;
}

/* An access to an inode whose filter bit is set. */
static __always_inline int access_watched(struct inode *inode, struct access *access)
{
	return access_take(inode, access) ? files_mark_own() : 0;
}

#endif
