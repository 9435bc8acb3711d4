#include "agent/enrich/field_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/enrich/address_class.h"
#include "agent/enrich/call_arguments.h"
#include "agent/enrich/kinds.h"
#include "bpf/abi/event.h"
#include "tests/support/fake_host.h"

namespace tensorwarden {
namespace {

using ::testing::IsEmpty;

constexpr ProcessKey kProcess{20, 2}, kParent{10, 1};
constexpr FileKey kFile{1, 2, 3};

FakeHost SmallHost() {
  FakeHost host;
  host.processes[kParent] = {.key = kParent, .comm = "bash", .cmdline = "bash"};
  host.processes[kProcess] = {.key = kProcess,
                              .parent = kParent,
                              .comm = "python3",
                              .args = {"python3", "a", "b"},
                              .cgroup = "/system.slice/vllm.service/main",
                              .uid = 7};
  host.assets[kFile] = {.id = 4, .file = kFile, .path = "/srv/m/x.gguf", .name = "x", .klass = "model", .size = 100};
  host.labels[0] = {.size = 200, .name = "x", .assets = {kFile}};
  return host;
}

std::string TextOf(const char* field, const EventBody& body, std::string_view argument = "") {
  const FakeHost host = SmallHost();
  Event event;
  event.seq = 9;
  event.origin.process = kProcess;
  event.origin.ktime_ns = 1'500'000'000;
  event.body = body;
  FieldScratch scratch;
  const FieldSpec* spec = FindField(field);
  EXPECT_NE(spec, nullptr) << field;
  return spec == nullptr ? "" : FieldText(spec->get(Enrich(event, host), argument, scratch));
}

TEST(FieldTableTest, NamesAreSortedUniqueAndDocumented) {
  std::string_view last;
  for (const FieldSpec& spec : FieldTable()) {
    EXPECT_LT(last, spec.name);
    last = spec.name;
    EXPECT_FALSE(spec.doc.empty());
    EXPECT_TRUE(spec.doc.ends_with('.')) << spec.name;
    EXPECT_EQ(spec.kinds & ~kAllKinds, 0u) << spec.name;
    EXPECT_EQ(FindField(spec.name), &spec);
  }
  EXPECT_EQ(FindField("proc"), nullptr);
  EXPECT_EQ(FindField(""), nullptr);
}

// A field that fills for a kind outside its set would be lost by the rule index.
TEST(FieldTableTest, FieldsAreAbsentOutsideTheirKindsAndNeverCrash) {
  const FakeHost host = SmallHost();
  const FakeHost nobody;
  const std::vector<EventBody> bodies = {ProcessFork{},
                                         ProcessExec{},
                                         ProcessExit{},
                                         FileRead{.file = kFile},
                                         FileChange{.file = kFile},
                                         FileOpen{.file = kFile, .path = "/x/y"},
                                         FileName{.file = kFile, .path = "/x"},
                                         LabelMove{.source = kFile},
                                         Egress{},
                                         SocketState{},
                                         DeviceOpen{},
                                         HostChange{},
                                         DnsQuery{},
                                         GpuCall{.client = 7, .other = 8},
                                         HttpRequest{},
                                         AgentStart{},
                                         ProcessSnapshot{},
                                         AssetHeld{.file = kFile},
                                         Listener{},
                                         AssetFound{.file = kFile},
                                         AssetGone{.file = kFile},
                                         StateRestored{},
                                         LossSample{},
                                         ProbeState{},
                                         ClockTick{},
                                         Finding{.file = kFile},
                                         Evidence{}};
  for (const EventBody& body : bodies) {
    Event event;
    event.origin.process = kProcess;
    event.body = body;
    for (const FieldSpec& spec : FieldTable()) {
      FieldScratch scratch;
      const char* argument = spec.argument == FieldArgument::kMember ? "path" : "";
      spec.get(Enrich(event, nobody), argument, scratch);
      const FieldValue value = spec.get(Enrich(event, host), argument, scratch);
      const bool admitted = ((spec.kinds >> body.index()) & 1) != 0;
      EXPECT_TRUE(admitted || std::holds_alternative<std::monostate>(value)) << spec.name << EventKindName(body);
      const size_t expected = static_cast<size_t>(spec.type) + 1;
      EXPECT_TRUE(value.index() == 0 || value.index() == expected) << spec.name << " has another type than it says";
    }
  }
}

TEST(FieldTableTest, DnsFields) {
  DnsQuery query{.name = "a.example", .type = 28};
  query.socket.peer_address = "192.0.2.53";
  query.socket.direction = EVENT_DIRECTION_OUT;
  EXPECT_EQ(TextOf("dns.name", query), "a.example");
  EXPECT_EQ(TextOf("dns.type", query), "AAAA");
  EXPECT_EQ(TextOf("dns.malformed", query), "false");
  EXPECT_EQ(TextOf("fd.sip", query), "192.0.2.53");
  query.type = 65280;
  EXPECT_EQ(TextOf("dns.type", query), "65280");
  const DnsQuery unreadable{.malformed = true};
  EXPECT_EQ(TextOf("dns.name", unreadable), "<NA>");
  EXPECT_EQ(TextOf("dns.type", unreadable), "<NA>");
  EXPECT_EQ(TextOf("dns.malformed", unreadable), "true");
}

TEST(FieldTableTest, ProcessFields) {
  EXPECT_EQ(TextOf("proc.name", ClockTick{}), "python3");
  EXPECT_EQ(TextOf("proc.args", ClockTick{}), "a b");
  EXPECT_EQ(TextOf("proc.pname", ClockTick{}), "bash");
  EXPECT_EQ(TextOf("proc.aname", ClockTick{}, "1"), "bash");
  EXPECT_EQ(TextOf("proc.aname", ClockTick{}, "0"), "python3");
  EXPECT_EQ(TextOf("proc.aname", ClockTick{}), "bash");
  EXPECT_EQ(TextOf("proc.aname", ClockTick{}, "7"), "<NA>");
  EXPECT_EQ(TextOf("proc.unit", ClockTick{}), "vllm.service");
  EXPECT_EQ(TextOf("user.uid", ClockTick{}), "7");
  EXPECT_EQ(TextOf("user.loginuid", ClockTick{}), "<NA>");
  EXPECT_EQ(TextOf("proc.role", ClockTick{}), "none");
}

TEST(FieldTableTest, ContainerAndNamespaceFields) {
  FakeHost host = SmallHost();
  ProcessInfo& process = host.processes[kProcess];
  Event event;
  event.origin.process = kProcess;
  event.body = ProcessExec{};
  const auto text = [&](const char* field) {
    FieldScratch scratch;
    return FieldText(FindField(field)->get(Enrich(event, host), "", scratch));
  };
  EXPECT_EQ(text("container.id"), "host");
  EXPECT_EQ(text("container.name"), "host");
  EXPECT_EQ(text("k8s.pod.uid"), "<NA>");
  EXPECT_EQ(text("proc.mntns"), "<NA>");
  process.cgroup = "/docker/" + std::string(64, 'a');
  process.mnt_ns = 4026531841;
  EXPECT_EQ(text("container.id"), std::string(12, 'a'));
  EXPECT_EQ(text("container.full_id"), std::string(64, 'a'));
  EXPECT_EQ(text("container.type"), "docker");
  EXPECT_EQ(text("container.name"), "<NA>") << "only docker knows it";
  EXPECT_EQ(text("proc.mntns"), "4026531841");
  process.cgroup = "";
  EXPECT_EQ(text("container.id"), "<NA>") << "not known is not the host";
}

TEST(FieldTableTest, WhatIsMissingOfAPathCanBeAskedFor) {
  const FakeHost host = SmallHost();
  Event event;
  event.origin.flags = EVENT_F_PATH_TRUNC | EVENT_F_ARGS_FAULT;
  event.body = FileOpen{.path = "/a"};
  const auto text = [&](const char* field) {
    FieldScratch scratch;
    return FieldText(FindField(field)->get(Enrich(event, host), "", scratch));
  };
  EXPECT_EQ(text("evt.path.truncated"), "true");
  EXPECT_EQ(text("evt.path.unresolved"), "false");
  EXPECT_EQ(text("evt.args.unresolved"), "true");
  event.body = ClockTick{};
  EXPECT_EQ(text("evt.path.truncated"), "<NA>");
}

TEST(FieldTableTest, ArgumentsAreThoseOfTheirKinds) {
  const FakeHost host = SmallHost();
  std::set<std::string_view> seen;
  for (const EventBody& body : std::initializer_list<EventBody>{
           FileOpen{.path = "/a"}, FileName{.op = EVENT_NAME_RENAME, .path = "/b", .old_path = "/a"},
           FileName{.op = EVENT_NAME_UNLINK, .path = "/b"}, FileChange{.change = EVENT_CHANGE_TRUNCATE},
           ProcessExec{.comm = "a", .path = "/a", .cwd = "/", .args = {"a", "b"}, .cgroup = "/c"}, ProcessExit{},
           SocketState{.op = EVENT_SOCK_LISTEN}}) {
    Event event;
    event.body = body;
    for (const auto& [name, kinds] : fields::CallArgumentNames()) {
      FieldScratch scratch;
      const bool filled = FieldText(fields::CallArgument(Enrich(event, host), name, scratch)) != "<NA>";
      EXPECT_TRUE(!filled || ((kinds >> body.index()) & 1) != 0) << name << " of " << EventKindName(body);
      if (filled) seen.insert(name);
    }
  }
  EXPECT_EQ(seen.size(), fields::CallArgumentNames().size());
  EXPECT_EQ(FindField("evt.arg")->KindsWith("1"), 0u);
}

TEST(FieldTableTest, FileAndAssetFields) {
  EXPECT_EQ(TextOf("fd.name", FileOpen{.path = "/a/b.c"}), "/a/b.c");
  EXPECT_EQ(TextOf("fd.directory", FileOpen{.path = "/a/b.c"}), "/a");
  EXPECT_EQ(TextOf("fd.directory", FileOpen{.path = "/b.c"}), "/");
  EXPECT_EQ(TextOf("fd.filename", FileOpen{.path = "/a/b.c"}), "b.c");
  EXPECT_EQ(TextOf("fd.name", FileRead{.file = kFile}), "/srv/m/x.gguf");
  EXPECT_EQ(TextOf("file.share", FileRead{.file = kFile, .covered_bytes = 50}), "0.5");
  EXPECT_EQ(TextOf("asset.class", FileChange{.file = kFile}), "model");
  EXPECT_EQ(TextOf("asset.name", FileName{.file = {9, 9, 9}, .replaced = kFile}), "x");
  EXPECT_EQ(TextOf("asset.name", Egress{.label = 0}), "x");
  EXPECT_EQ(TextOf("egress.share", Egress{.bytes = 100, .label = 0}), "0.5");
}

TEST(FieldTableTest, AFindingIsAboutItsOwnProcess) {
  EXPECT_EQ(TextOf("proc.name", Finding{.process = kParent}), "bash");
  EXPECT_EQ(TextOf("proc.name", Finding{}), "python3");
  EXPECT_EQ(TextOf("egress.share", Finding{.kind = "integrity", .share = 0.5}), "<NA>");
}

TEST(FieldTableTest, TimesAndNumbersAsText) {
  EXPECT_EQ(TextOf("evt.time", ClockTick{}), "1970-01-01T00:00:01.500000000Z");
  EXPECT_EQ(TextOf("evt.num", ClockTick{}), "9");
  EXPECT_EQ(FieldText(FieldValue(1073741824.0)), "1073741824");
  EXPECT_EQ(FieldText(FieldValue(0.015)), "0.015");
  EXPECT_EQ(FieldText(FieldValue(true)), "true");
  EXPECT_EQ(FieldText(FieldValue(std::vector<std::string_view>{"a", "b"})), "a,b");
  EXPECT_EQ(FieldText(FieldValue()), "<NA>");
}

TEST(FieldTableTest, ScratchViewsSurviveGrowth) {
  FieldScratch scratch;
  const std::string_view first = scratch.Keep("a");
  for (int i = 0; i < 1000; ++i) scratch.Keep("b");
  EXPECT_EQ(first, "a");
}

TEST(NearestTest, OffersWhatWasMeant) {
  EXPECT_EQ(NearestFields("proc.nmae").front(), "proc.name");
  EXPECT_THAT(NearestFields("qqqqqqqqqqqqqqq"), IsEmpty());
}

TEST(AddressClassTest, TellsNearFromFar) {
  for (const char* address : {"127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(AddressClass(address), "loopback") << address;
  }
  for (const char* address : {"10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.1.1", "100.64.0.1", "fe80::1",
                              "fd00::1", "::ffff:10.0.0.1"}) {
    EXPECT_EQ(AddressClass(address), "private") << address;
  }
  for (const char* address : {"8.8.8.8", "172.32.0.1", "2001:db8::1"})
    EXPECT_EQ(AddressClass(address), "public") << address;
  EXPECT_EQ(AddressClass("nonsense"), "");
}

}  // namespace
}  // namespace tensorwarden
