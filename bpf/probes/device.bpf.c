/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opens and mknods of device nodes, by number: a name can be made anywhere.
 *
 *   cgroup/dev at the root: sees every device, never a regular file; always allows.
 */
#include "bpf/lib/ring.bpf.h"

#define DEVICE_MAJORS 16 /* of struct sensor_config */

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

SEC("cgroup/dev")
int device_open(struct bpf_cgroup_dev_ctx *ctx)
{
	struct device_open_event *event;

	if (!device_wanted(ctx->major))
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
