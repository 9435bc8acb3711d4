// Real probes on this kernel, real triggers, waits with deadlines.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/sensor/sensor.h"

namespace tensorwarden {

inline constexpr std::chrono::seconds kDeadline{20};  // generous: guests run under software emulation

// A trigger program that waits at each step. Killed when it goes out of scope.
class Trigger {
 public:
  // `arguments[0]` is the trigger's name; `netns` "" or a namespace that Network made.
  explicit Trigger(const std::vector<std::string>& arguments, const std::string& netns = "");
  Trigger(const Trigger&) = delete;
  Trigger& operator=(const Trigger&) = delete;
  ~Trigger();

  pid_t pid() const { return pid_; }
  // Next line of its output; "" when it ended.
  std::string Line();
  // Lets it go on from one step.
  void Step();
  // Lets it run to its end; its wait(2) status.
  int Finish();

 private:
  pid_t pid_ = -1;
  UniqueFd to_;
  UniqueFd from_;
  bool reaped_ = false;
};

// A network namespace behind a pair of virtual links; taken away at the end.
class Network {
 public:
  Network();
  ~Network();
  bool ok() const { return ok_; }
  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }  // of the namespace's end

 private:
  std::string name_;
  std::string link_;
  std::string subnet_;
  std::string address_;
  bool ok_ = false;
};

// One sensor serves all tests of a program; each test has files of its own.
class LiveTest : public ::testing::Test {
 protected:
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // File below the test's own folder, filled with `bytes` bytes.
  std::string MakeFile(const std::string& name, size_t bytes);
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  // Watches a file with a label that no other test uses.
  FileKey Watch(const std::string& path);
  uint32_t LabelOf(const FileKey& file) const;

  // First event that `matches`, among those since the test began; reads on until the deadline.
  const Event* WaitFor(const std::function<bool(const Event&)>& matches, std::chrono::milliseconds limit = kDeadline);
  template <typename Body>
  const Body* WaitForBody(const std::function<bool(const Event&, const Body&)>& matches,
                          std::chrono::milliseconds limit = kDeadline) {
    const Event* event = WaitFor(
        [&](const Event& candidate) {
          const auto* body = std::get_if<Body>(&candidate.body);
          return body != nullptr && matches(candidate, *body);
        },
        limit);
    return event == nullptr ? nullptr : &std::get<Body>(event->body);
  }
  // Reads until a trigger's end has been reported: everything that it caused is in then.
  void WaitForExit(pid_t pid);
  size_t Count(const std::function<bool(const Event&)>& matches) const;
  // Bytes charged to a label by all processes and sockets.
  uint64_t ChargedBytes(uint32_t label);
  void ReadOnce(int timeout_ms);
  // Reads until an escalation is over.
  void WaitForRest();

  static Sensor& sensor() { return *sensor_; }
  std::vector<Event> events_;
  std::string folder_;

 private:
  static std::unique_ptr<Sensor> sensor_;
  static std::string skip_reason_;
  size_t searched_ = 0;
  std::vector<FileKey> watched_;
  static uint32_t next_label_;
  std::vector<std::pair<FileKey, uint32_t>> labels_;
};

// Directory for test files; on a file system with a page cache of its own.
std::string WorkFolder();
// Puts tracefs where it belongs, in a mount namespace of this program's own, when it is not mounted.
void MountTracefs();
// Path of a file built beside this program.
std::string BesideProgram(const std::string& name);

}  // namespace tensorwarden
