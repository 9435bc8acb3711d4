#include <cstdio>

#include "agent/cli/verbs.h"

namespace tensorwarden {

void AddVersion(CLI::App& app, Action& action) {
  app.add_subcommand("version", "Print the version")->callback([&action] {
    action = [] {
      std::puts("tensorwarden " TENSORWARDEN_VERSION);
      return 0;
    };
  });
}

}  // namespace tensorwarden
