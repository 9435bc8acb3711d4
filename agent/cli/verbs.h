// The verbs of the command line. Each adds its subcommand to `app` and stores what to do in `action`, which returns
// the process's exit status: 0 done, 1 failed, 2 wrong usage.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace tensorwarden {

using Action = std::function<int()>;

void AddRun(CLI::App& app, Action& action);
void AddRecord(CLI::App& app, Action& action);
void AddReplay(CLI::App& app, Action& action);
void AddCheck(CLI::App& app, Action& action);
void AddRules(CLI::App& app, Action& action);
void AddVersion(CLI::App& app, Action& action);

}  // namespace tensorwarden
