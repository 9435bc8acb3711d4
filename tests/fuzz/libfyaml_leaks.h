// libfyaml 0.7.12 leaks the token list of some texts that it refuses. A config or a rule file is read once.
#pragma once

extern "C" __attribute__((used)) inline const char* __lsan_default_suppressions() { return "leak:libfyaml.so\n"; }
