#include "agent/event/gpu_names.h"

#include <algorithm>
#include <span>

#include "bpf/abi/event.h"

namespace tensorwarden::gpu {
namespace {

// Escapes, by the lowest byte of the request. Status of RM_ALLOC and the size of wrapped ones: see gpu_call.cc.
constexpr CallName kNvidia[] = {
    {0x27, "rm_alloc_memory", "memory", 0, kNone, 32, 40},
    {0x28, "rm_alloc_object", "", 0, kNone, kNone, 16},
    {0x29, "rm_free", "", 0, kNone, kNone, 12},
    {0x2a, "rm_control", "", 0, kNone, kNone, 28},
    {0x2b, "rm_alloc", "", 0},
    {0x32, "rm_config_get", "", 0},
    {0x33, "rm_config_set", "settings", 0},
    {0x34, "rm_dup_object", "duplicate", 0, 12, kNone, 24},
    {0x35, "rm_share", "share", 0, kNone, kNone, 20},
    {0x37, "rm_config_get_ex", "", 0},
    {0x38, "rm_config_set_ex", "settings", 0},
    {0x39, "rm_i2c_access", "registers", 0, kNone, kNone, 24},
    {0x41, "rm_idle_channels", "", 0, kNone, kNone, 48},
    {0x4a, "rm_vid_heap_control", "memory", 0, kNone, 88, 20},
    {0x4d, "rm_access_registry", "settings", 0, kNone, kNone, 64},
    {0x4e, "rm_map_memory", "map", 0, kNone, 24, 40},
    {0x4f, "rm_unmap_memory", "", 0, kNone, kNone, 24},
    {0x52, "rm_get_event_data", "", kNone, kNone, kNone, 12},
    {0x54, "rm_alloc_context_dma2", "", kNone, kNone, kNone, 48},
    {0x56, "rm_add_vblank_callback"},
    {0x57, "rm_map_memory_dma", "", 0},
    {0x58, "rm_unmap_memory_dma", "", 0},
    {0x59, "rm_bind_context_dma", "", 0, kNone, kNone, 12},
    {0x5c, "rm_export_object_to_fd", "export", 0},
    {0x5d, "rm_import_object_from_fd", "import", 0},
    {0x5e, "rm_update_device_mapping_info", "", 0, kNone, kNone, 32},
    {0x5f, "rm_lockless_diagnostic", "diagnose"},
    {200, "card_info"},
    {201, "register_fd"},
    {206, "alloc_os_event", "", 0, kNone, kNone, 12},
    {207, "free_os_event", "", 0, kNone, kNone, 12},
    {209, "status_code"},
    {210, "check_version_str"},
    {211, "xfer_cmd"},
    {212, "attach_gpus_to_fd"},
    {213, "query_device_intr"},
    {214, "sys_params"},
    {215, "numa_info"},
    {216, "set_numa_status", "settings"},
    {217, "export_to_dmabuf_fd", "export", 4, kNone, 24},
    {218, "wait_open_complete"},
};

constexpr CallName kUvm[] = {
    {0x30000001, "initialize", "", kNone, kNone, kNone, 8},
    {0x30000002, "deinitialize"},
    {10, "add_session", "trace", kNone, kNone, kNone, kNone, 0},
    {23, "create_range_group"},
    {24, "destroy_range_group"},
    {25, "register_gpu_vaspace", "", 20},
    {26, "unregister_gpu_vaspace"},
    {27, "register_channel", "", 20},
    {28, "unregister_channel"},
    {29, "enable_peer_access", "", kNone, kNone, kNone, 32},
    {30, "disable_peer_access", "", kNone, kNone, kNone, 32},
    {31, "set_range_group"},
    {33, "map_external_allocation", "", kNone, kNone, 8},
    {34, "free"},
    {36, "debug_access_memory", "read_process"},
    {37, "register_gpu", "", 28, kNone, kNone, 36},
    {38, "unregister_gpu"},
    {39, "pageable_mem_access"},
    {40, "prevent_migration_range_groups"},
    {41, "allow_migration_range_groups"},
    {42, "set_preferred_location"},
    {43, "unset_preferred_location"},
    {44, "enable_read_duplication"},
    {45, "disable_read_duplication"},
    {46, "set_accessed_by"},
    {47, "unset_accessed_by"},
    {51, "migrate", "", kNone, kNone, 8, 72},
    {53, "migrate_range_group"},
    {56, "tools_init_event_tracker", "trace"},
    {57, "tools_set_notification_threshold", "trace"},
    {58, "tools_event_queue_enable_events", "trace"},
    {59, "tools_event_queue_disable_events"},
    {60, "tools_enable_counters", "trace"},
    {61, "tools_disable_counters"},
    {62, "tools_read_process_memory", "read_process", kNone, kNone, 8, 32},
    {63, "tools_write_process_memory", "write_process", kNone, kNone, 8, 32},
    {64, "tools_get_processor_uuid_table"},
    {65, "map_dynamic_parallelism_region"},
    {66, "unmap_external"},
    {67, "tools_flush_events"},
    {68, "alloc_semaphore_pool"},
    {69, "clean_up_zombie_resources"},
    {70, "pageable_mem_access_on_gpu"},
    {71, "populate_pageable"},
    {72, "validate_va_range"},
    {73, "create_external_range", "", kNone, kNone, 8, 16},
    {74, "map_external_sparse"},
    {75, "mm_initialize", "", kNone, kNone, kNone, 4},
    {76, "tools_init_event_tracker_v2", "trace"},
    {77, "tools_get_processor_uuid_table_v2"},
    {78, "alloc_device_p2p", "rdma", 44, kNone, 8, 52},
    {79, "clear_all_access_counters"},
    {80, "discard"},
    {2047, "is_8_supported"},
};

constexpr CallName kStorage[] = {
    {1, "remove"},
    {2, "read", "", kNone, kNone, 16},
    {3, "map", "map", kNone, kNone, 0},
    {4, "write", "store", kNone, kNone, 16},
    {5, "set_rdma_reg_info", "rdma"},
    {6, "get_rdma_reg_info"},
    {7, "clear_rdma_reg_info"},
    {8, "batch_io", "store"},
};

constexpr CallName kGdrCopy[] = {
    {0x01, "pin_buffer", "map", kNone, kNone, 8},
    {0x02, "unpin_buffer"},
    {0x03, "get_cb_flag"},
    {0x04, "get_info"},
    {0x05, "get_info_v2"},
    {0x06, "get_attr"},
    {0x07, "pin_buffer_v2", "map", kNone, kNone, 8},
    {0x08, "req_mapping_type"},
    {0xff, "get_version"},
};

constexpr CallName kKfd[] = {
    {0x01, "get_version"},
    {0x02, "create_queue", "context"},
    {0x03, "destroy_queue"},
    {0x04, "set_memory_policy"},
    {0x05, "get_clock_counters"},
    {0x06, "get_process_apertures"},
    {0x07, "update_queue"},
    {0x08, "create_event"},
    {0x09, "destroy_event"},
    {0x0a, "set_event"},
    {0x0b, "reset_event"},
    {0x0c, "wait_events"},
    {0x0d, "dbg_register", "debug"},
    {0x0e, "dbg_unregister"},
    {0x0f, "dbg_address_watch", "debug"},
    {0x10, "dbg_wave_control", "debug"},
    {0x11, "set_scratch_backing_va"},
    {0x12, "get_tile_config"},
    {0x13, "set_trap_handler"},
    {0x14, "get_process_apertures_new"},
    {0x15, "acquire_vm"},
    {0x16, "alloc_memory_of_gpu", "memory", kNone, kNone, 8},
    {0x17, "free_memory_of_gpu"},
    {0x18, "map_memory_to_gpu"},
    {0x19, "unmap_memory_from_gpu"},
    {0x1a, "set_cu_mask"},
    {0x1b, "get_queue_wave_state", "debug"},
    {0x1c, "get_dmabuf_info"},
    {0x1d, "import_dmabuf", "import"},
    {0x1e, "alloc_queue_gws"},
    {0x1f, "smi_events", "trace"},
    {0x20, "svm"},
    {0x21, "set_xnack_mode"},
    {0x22, "criu_op", "checkpoint", kNone, kNone, kNone, kNone, 44},
    {0x23, "available_memory"},
    {0x24, "export_dmabuf", "export"},
    {0x25, "runtime_enable"},
    {0x26, "dbg_trap", "debug", kNone, kNone, kNone, kNone, 0},
    {0x80, "ipc_import_handle", "import"},
    {0x81, "ipc_export_handle", "export"},
    {0x83, "cross_memory_copy", "read_process", kNone, kNone, kNone, kNone, 0},
    {0x84, "rlc_spm", "profile"},
    {0x85, "pc_sample", "profile"},
};

constexpr CallName kDrm[] = {
    {0x0a, "gem_flink", "export"},
    {0x0b, "gem_open", "import"},
    {0x2d, "prime_handle_to_fd", "export"},
    {0x2e, "prime_fd_to_handle", "import"},
};

constexpr CallName kHabana[] = {
    {0x01, "info"}, {0x02, "cb"}, {0x03, "cs"}, {0x04, "wait_cs"}, {0x05, "memory"}, {0x06, "debug", "profile"},
};

constexpr SubjectName kClasses[] = {
    {0x0000, "nv01_root", "client"},
    {0x0001, "nv01_root_non_priv", "client"},
    {0x0005, "nv01_event"},
    {0x003e, "nv01_memory_system", "memory", kNone, 64},
    {0x003f, "nv01_memory_local_privileged", "memory", kNone, 64},
    {0x0040, "nv01_memory_local_user", "memory", kNone, 64},
    {0x0041, "nv01_root_client", "client"},
    {0x0070, "nv01_memory_virtual"},
    {0x0071, "nv01_memory_system_os_descriptor", "pin"},
    {0x0073, "nv04_display_common"},
    {0x0079, "nv01_event_os_event"},
    {0x0080, "nv01_device_0"},
    {0x0081, "nv01_memory_list_system"},
    {0x0082, "nv01_memory_list_fbmem"},
    {0x0083, "nv01_memory_list_object"},
    {0x00b1, "nv01_memory_hw_resources"},
    {0x00c2, "nv01_memory_local_physical", "memory", kNone, 64},
    {0x00de, "rm_user_shared_data"},
    {0x00e0, "nv_memory_export", "export"},
    {0x00f1, "nv_imex_session"},
    {0x00f8, "nv_memory_fabric", "export"},
    {0x00fb, "nv_memory_fabric_imported_ref", "import"},
    {0x00fd, "nv_memory_multicast_fabric"},
    {0x00fe, "nv_memory_mapper"},
    {0x2080, "nv20_subdevice_0"},
    {0x2081, "nv2081_binapi"},
    {0x208f, "nv20_subdevice_diag", "diagnose"},
    {0x503b, "nv50_p2p"},
    {0x503c, "nv50_third_party_p2p"},
    {0x50a0, "nv50_memory_virtual"},
    {0x83de, "gt200_debugger", "debug", 4},
    {0x900e, "mps_compute"},
    {0x9067, "fermi_context_share_a"},
    {0x90cc, "gf100_profiler", "profile"},
    {0x90cd, "nv_event_buffer"},
    {0x90ce, "nv01_memory_deviceless"},
    {0x90e6, "gf100_subdevice_master"},
    {0x90f1, "fermi_vaspace_a"},
    {0xa06c, "kepler_channel_group_a"},
    {0xb0cc, "maxwell_profiler", "profile", 0},
    {0xb1cc, "maxwell_profiler_context", "profile"},
    {0xb2cc, "maxwell_profiler_device", "profile", 0},
    {0xc574, "uvm_channel_retainer"},
    {0xc637, "ampere_smc_partition_ref"},
    {0xc638, "ampere_smc_exec_partition_ref"},
    {0xc639, "ampere_smc_config_session", "partition"},
    {0xc640, "ampere_smc_monitor_session"},
    {0xcb33, "nv_confidential_compute"},
    {0xcba2, "hopper_sec2_work_launch_a"},
    {0xcbca, "nv_counter_collection_unit", "profile"},
};

constexpr SubjectName kControls[] = {
    {0x00000278, "system_gpu_modify_drain_state", "reset"},
    {0x00000281, "system_disable_nvlink_init", "settings"},
    {0x00000602, "nvd_get_dump", "diagnose"},
    {0x00000b01, "gpuacct_set_accounting_state", "accounting"},
    {0x00000b05, "gpuacct_clear_accounting_data", "accounting"},
    {0x00000d04, "client_set_inherited_share_policy"},
    {0x00000d06, "client_share_object", "share"},
    {0x00000d08, "client_subscribe_to_imex_channel"},
    {0x00003d05, "os_unix_export_object_to_fd", "export"},
    {0x00003d06, "os_unix_import_object_from_fd", "import"},
    {0x00003d08, "os_unix_get_export_object_info"},
    {0x00003d0a, "os_unix_create_export_object_fd"},
    {0x00003d0b, "os_unix_export_objects_to_fd", "export"},
    {0x00003d0c, "os_unix_import_objects_from_fd", "import"},
    {0x00801711, "fifo_stop_runlist", "stop"},
    {0x00801712, "fifo_start_runlist"},
    {0x00801714, "fifo_idle_channels", "stop"},
    {0x00e00101, "export_mem", "export"},
    {0x00e00102, "import_mem", "import"},
    {0x00f80103, "fabric_attach_mem", "export"},
    {0x00fd0102, "multicast_fabric_attach_mem", "export"},
    {0x00fd0104, "multicast_fabric_attach_gpu"},
    {0x20800122, "gpu_exec_reg_ops", "registers"},
    {0x2080018d, "gpu_get_pids", "list_processes"},
    {0x2080018e, "gpu_get_pid_info", "list_processes"},
    {0x2080019d, "gpu_exec_reg_ops_noptrs", "registers"},
    {0x20800130, "gpu_set_compute_mode_rules", "settings"},
    {0x20800134, "gpu_set_ecc_configuration", "settings"},
    {0x20800136, "gpu_reset_ecc_error_status", "accounting"},
    {0x20800143, "gpu_set_gpu_debug_mode", "settings"},
    {0x20800174, "gpu_set_partitions", "partition"},
    {0x20800176, "gpu_configure_partition", "partition"},
    {0x20800183, "gpu_set_partitioning_mode", "partition"},
    {0x208001a9, "gpu_mark_device_for_reset", "reset"},
    {0x208001aa, "gpu_unmark_device_for_reset", "reset"},
    {0x208001ac, "gpu_mark_device_for_drain_and_reset", "reset"},
    {0x208001ec, "gpu_force_gsp_unload", "reset"},
    {0x20801207, "gr_ctxsw_pm_mode", "profile"},
    {0x20801209, "gr_ctxsw_pm_bind", "profile"},
    {0x20801804, "bus_set_pcie_link_width", "settings"},
    {0x20801805, "bus_set_pcie_speed", "settings"},
    {0x20802096, "perf_get_gpumon_perfmon_util_samples_v2"},
    {0x2080220a, "rc_disable_watchdog", "settings"},
    {0x20802204, "rc_read_virtual_mem", "read_memory"},
    {0x20803a01, "dmabuf_export_objects_to_fd", "export", kNone, 16},
    {0x503c0104, "third_party_p2p_register_vidmem", "rdma", kNone, 16},
    {0x83de0301, "debug_set_mode_enable", "debug"},
    {0x83de0302, "debug_set_mode_disable"},
    {0x83de0315, "debug_read_memory", "read_memory", kNone, kNone, 4},
    {0x83de0316, "debug_write_memory", "write_memory", kNone, kNone, 4},
    {0x83de0317, "debug_suspend_context", "stop"},
    {0x83de0318, "debug_resume_context"},
    {0x83de031a, "debug_read_all_sm_surface", "read_memory"},
    {0x83de031b, "debug_write_all_sm_surface", "write_memory"},
    {0x83de031c, "debug_get_mappings", "debug"},
    {0x83de031d, "debug_exec_reg_ops", "registers"},
    {0x83de0326, "debug_read_batch_memory", "read_memory", kNone, kNone, 8},
    {0x83de0327, "debug_write_batch_memory", "write_memory", kNone, kNone, 8},
    {0x906f0102, "reset_channel", "stop"},
    {0x90cc0101, "hwpm_reserve", "profile"},
    {0x90cc0301, "power_request_features", "profile"},
    {0xa06c0110, "make_realtime", "settings"},
    {0xa06f0112, "stop_channel", "stop"},
    {0xcb330105, "system_set_gpus_state", "confidential"},
    {0xcb330107, "gpu_set_vidmem_size", "confidential"},
};

// Classes and commands that go by a pattern: generations of one thing, and all of a class.
struct Pattern {
  uint32_t mask;
  uint32_t value;
  SubjectName subject;
};
constexpr Pattern kClassPatterns[] = {
    {0xf0ff, 0xa06f, {0, "channel_gpfifo", "context"}},
    {0xf0ff, 0xb06f, {0, "channel_gpfifo", "context"}},
    {0xf0ff, 0xc06f, {0, "channel_gpfifo", "context"}},
    {0xf0ff, 0xc0c0, {0, "compute", "context"}},
    {0xf0ff, 0xb0c0, {0, "compute", "context"}},
    {0xf0ff, 0xa0c0, {0, "compute", "context"}},
    {0xf0ff, 0xc0b5, {0, "dma_copy"}},
    {0xf0ff, 0xb0b5, {0, "dma_copy"}},
    {0xf0ff, 0xa0b5, {0, "dma_copy"}},
    {0xf0ff, 0xc061, {0, "usermode"}},
};
constexpr Pattern kControlPatterns[] = {
    {0xffff0000, 0xb0cc0000, {0, "maxwell_profiler", "profile"}},
    {0xffff0000, 0x208f0000, {0, "subdevice_diag", "diagnose"}},
};

template <typename Row, typename Number>
const Row* Find(std::span<const Row> rows, Number number) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.number == number; });
  return row == rows.end() ? nullptr : &*row;
}

const SubjectName* FindSubject(std::span<const SubjectName> rows, std::span<const Pattern> patterns, uint32_t number) {
  if (const SubjectName* row = Find(rows, number)) return row;
  const auto pattern =
      std::find_if(patterns.begin(), patterns.end(), [&](const Pattern& p) { return (number & p.mask) == p.value; });
  return pattern == patterns.end() ? nullptr : &pattern->subject;
}

}  // namespace

const CallName* FindCall(uint32_t driver, uint64_t number) {
  switch (driver) {
    case EVENT_GPU_NVIDIA:
      return Find<CallName>(kNvidia, number);
    case EVENT_GPU_UVM:
      return Find<CallName>(kUvm, number);
    case EVENT_GPU_STORAGE:
      return Find<CallName>(kStorage, number);
    case EVENT_GPU_GDRCOPY:
      return Find<CallName>(kGdrCopy, number);
    case EVENT_GPU_KFD:
      return Find<CallName>(kKfd, number);
    case EVENT_GPU_DRM:
      return Find<CallName>(kDrm, number);
    case EVENT_GPU_HABANA:
      return Find<CallName>(kHabana, number);
    default:
      return nullptr;
  }
}

const SubjectName* FindClass(uint32_t number) { return FindSubject(kClasses, kClassPatterns, number); }
const SubjectName* FindControl(uint32_t number) { return FindSubject(kControls, kControlPatterns, number); }

std::string_view DriverName(uint32_t driver) {
  static constexpr std::string_view kDrivers[] = {"",       "nvidia", "nvidia-uvm", "nvidia-caps", "nvidia-fs",
                                                  "gdrdrv", "kfd",    "drm",        "habanalabs",  "verbs"};
  return driver < std::size(kDrivers) ? kDrivers[driver] : "";
}

}  // namespace tensorwarden::gpu
