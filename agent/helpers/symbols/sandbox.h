// Gives up everything that resolving symbols does not need.
#pragma once

namespace tensorwarden::symbols {

// No files but `keep_fd` and the standard ones, user nobody where that is allowed, no capabilities, no new privileges,
// bounded memory and files, and only the system calls that reading takes. False: something that must hold could not be
// had, and nothing hostile may be read.
bool EnterSandbox(int keep_fd);

// The process ends when one question takes longer than this. 0 takes the clock away.
void SetClock(unsigned int seconds);

}  // namespace tensorwarden::symbols
