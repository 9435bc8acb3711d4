// The probes' skeleton. bpftool writes C, whose `_Bool` clang does not know in C++.
#pragma once

#ifdef __clang__
#define _Bool bool
#endif
#include "bpf/sensor.skel.h"
#ifdef __clang__
#undef _Bool
#endif
