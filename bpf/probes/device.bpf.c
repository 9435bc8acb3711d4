/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opens and mknods of device nodes, by number: a name can be made anywhere.
 *
 *   cgroup/dev at the root: sees every device, never a regular file; always allows. Reported are the accelerators, and
 *     block devices below the file systems that hold assets.
 */
#include "bpf/lib/device.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/ring.bpf.h"

#define BPF_DEVCG_DEV_BLOCK 1

static __always_inline _Bool device_wanted(__u32 major)
{
	const struct sensor_config *cfg = config_get();
	int i;

	if (!cfg || !major)
		return 0;
	for (i = 0; i < DEVICE_MAJORS; i++) {
		if (cfg->device_majors[i] == major)
			return 1;
	}
	return 0;
}

/* A block device whose file system holds assets. */
static __always_inline _Bool device_is_raw(__u32 major, __u32 minor)
{
	const struct sensor_config *cfg = config_get();
	struct event_file_key key = {};
	struct object_state *object;

	if (!cfg || !cfg->raw_dev)
		return 0;
	key.dev = cfg->raw_dev;
	key.ino = (__u64)major << 20 | minor;
	object = object_filter_test(key.dev, key.ino) ? bpf_map_lookup_elem(&objects, &key) : NULL;
	return object && (object->flags & OBJECT_F_RAW);
}

SEC("cgroup/dev")
int device_open(struct bpf_cgroup_dev_ctx *ctx)
{
	_Bool is_block = (ctx->access_type & 0xffff) == BPF_DEVCG_DEV_BLOCK;
	struct device_open_event *event;

	if (is_block ? !device_is_raw(ctx->major, ctx->minor) : !device_wanted(ctx->major))
		return 1;
	event = urgent_reserve(EVENT_KIND_DEVICE_OPEN, sizeof(*event));
	if (!event)
		return 1;
	event->major = ctx->major;
	event->minor = ctx->minor;
	event->access = ctx->access_type >> 16;
	event->type = ctx->access_type & 0xffff;
	urgent_submit(event, EVENT_KIND_DEVICE_OPEN);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
