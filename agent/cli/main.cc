#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "agent/cli/verbs.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of alerts that goes away is an error of that sink only
  std::signal(SIGXFSZ, SIG_IGN);  // as is a file that may not grow
  // Stdout is for alerts and answers.
  spdlog::set_default_logger(spdlog::stderr_logger_mt("tensorwarden"));
  spdlog::set_pattern("%n: %l: %v");
  CLI::App app{"Finds models being exfiltrated, weights being changed, and models being queried out.", "tensorwarden"};
  app.require_subcommand(1);
  tensorwarden::Action action;
  tensorwarden::AddRun(app, action);
  tensorwarden::AddCheck(app, action);
  tensorwarden::AddRecord(app, action);
  tensorwarden::AddReplay(app, action);
  tensorwarden::AddRules(app, action);
  tensorwarden::AddVersion(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  // What cannot be written (a full disk, a closed pipe) is told by an exception of fmt's, or by the stream at the end.
  try {
    const int status = action();
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  } catch (const std::system_error&) {
  }
  std::fprintf(stderr, "tensorwarden: the output could not be written\n");
  return 1;
}
