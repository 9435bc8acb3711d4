// File handles: what fanotify names objects by, and a way to where an object is now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorwarden {

// A file handle with its file system's id, as one comparable string of bytes.
using HandleId = std::string;

// `fsid`: of 8 bytes.
HandleId MakeHandleId(const void* fsid, int32_t type, const void* handle, size_t size);

// Handle of what `path` names (a link itself, not its target); nothing when the file system gives none.
std::optional<HandleId> HandleOf(const std::string& path);

// Where the object of a handle is now, by a descriptor of any directory of its mount; nothing when it is gone, lies on
// another file system, or its handle only compares.
std::optional<std::string> PathOfHandle(const HandleId& id, int mount_fd);

// The same by the path that it had: a handle opens by any directory of its mount, and those above the path are of it up
// to the mount's root. An overlay's handle, which mostly does not open, leads to the file in its upper layer and from
// there to the merged path, where this namespace sees that layer. "" when it is gone, or cannot be found so.
std::string PathByHandle(const HandleId& id, const std::string& former_path);

// The handle of the file below, out of one that overlayfs made; nothing out of another's, or when it names a file in a
// lower layer, which stays in its place whatever is done to its copy above.
std::optional<HandleId> UpperHandle(const HandleId& id);

// Where a mount of an overlay shows what lies at `upper_path`; "" when it does not. `mount_root`: what of the overlay
// is mounted.
std::string MergedPath(const std::string& upper_path, const std::string& upper_directory, const std::string& mount_root,
                       const std::string& mount_point);

}  // namespace tensorwarden
