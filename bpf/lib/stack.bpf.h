/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The user stack of the current call, as evidence on the few records that may become an alert. */
#ifndef TENSORWARDEN_LIB_STACK_BPF_H
#define TENSORWARDEN_LIB_STACK_BPF_H

#include "bpf/lib/task.bpf.h"

/* `stack` lies in the ring's record: it is half of a BPF stack. No page is faulted in; what cannot be read ends it. By
 * task and not by context, which a bpf_loop callback does not have. What is not used, the helper zeroes. */
static __always_inline void stack_fill(struct event_stack *stack)
{
	long n =
	    bpf_get_task_stack(bpf_get_current_task_btf(), stack->address, sizeof(stack->address), BPF_F_USER_STACK);

	stack->count = n > 0 ? n / sizeof(stack->address[0]) : 0;
	stack->pad = 0;
}

#endif
