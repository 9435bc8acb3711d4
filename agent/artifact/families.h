// One probe per family of formats. Each looks at a window and says what it is, or nothing.
#pragma once

#include <optional>

#include "agent/artifact/file_window.h"
#include "agent/artifact/identify.h"

namespace tensorwarden {

std::optional<Identity> ProbeMagics(const FileWindow& window);  // fixed bytes at fixed places
std::optional<Identity> ProbeGguf(const FileWindow& window);
std::optional<Identity> ProbeSafetensors(const FileWindow& window);
std::optional<Identity> ProbeZip(const FileWindow& window);  // PyTorch, TorchScript, npz, Keras 3, ...
std::optional<Identity> ProbeNumpy(const FileWindow& window);
std::optional<Identity> ProbeOnnx(const FileWindow& window);
std::optional<Identity> ProbePickle(const FileWindow& window);  // PyTorch's legacy form too

// What weights of this name are: "checkpoint" in mid-training, "adapter", else "model".
std::string ClassOfWeights(std::string_view lower_name);

}  // namespace tensorwarden
