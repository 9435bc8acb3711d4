/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Records of changes of the host. */
#ifndef TENSORWARDEN_LIB_HOST_BPF_H
#define TENSORWARDEN_LIB_HOST_BPF_H

#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/ring.bpf.h"

static __always_inline struct host_event *host_begin(__u32 op, __u64 value)
{
	const struct sensor_config *cfg = config_get();
	struct host_event *event;

	if (!cfg || !(cfg->flags & CONFIG_F_HOST) || !task_is_actor(bpf_get_current_task_btf()))
		return NULL;
	event = urgent_reserve(EVENT_KIND_HOST, sizeof(*event));
	if (!event)
		return NULL;
	__builtin_memset(&event->target, 0, sizeof(event->target));
	event->op = op;
	event->pad = 0;
	event->value = value;
	event->former = 0;
	event->name[0] = 0;
	return event;
}

static __always_inline int host_end(struct host_event *event)
{
	if (event)
		urgent_submit(event, EVENT_KIND_HOST);
	return 0;
}

#endif
