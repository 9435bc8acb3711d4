#include "agent/author/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/author/explain_event.h"
#include "agent/capture/capture.h"
#include "tests/support/rule_scene.h"

namespace tensorwarden::author {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// "holds text" of every part, outermost first.
void Flatten(const Part& part, std::vector<std::string>& lines) {
  lines.push_back((part.holds ? "+" : "-") + part.text);
  for (const Part& child : part.children) Flatten(child, lines);
}

std::vector<std::string> Explained(const std::string& rules, const Event& event) {
  RuleBook book({{"r.yaml", rules}});
  const auto explainer = Explainer::Create(book, *book.Find("r"));
  EXPECT_NE(explainer, nullptr);
  const FakeHost host = MakeHost();
  std::vector<std::string> lines;
  if (explainer != nullptr) Flatten(explainer->Explain(Enrich(event, host)).whole, lines);
  return lines;
}

TEST(ExplainTest, EachCheckSaysWhetherItHolds) {
  EXPECT_THAT(
      Explained(RuleText("evt.type = process_exit and (proc.name = wget or evt.exit_code > 2) and not user.uid = 7"),
                MakeEvent(ProcessExit{.exit_code = 3})),
      ElementsAre("+", "+evt.type = process_exit", "+", "-proc.name = wget", "+evt.exit_code > 2", "+",
                  "-user.uid = 7"));
}

TEST(ExplainTest, ValuesAreThoseOfTheEvent) {
  RuleBook book({{"r.yaml", RuleText("basename(proc.exepath) = val(proc.name) and gpu.major = 1")}});
  const auto explainer = Explainer::Create(book, *book.Find("r"));
  const FakeHost host = MakeHost();
  const Event event = MakeEvent(ProcessExit{});
  const Part whole = explainer->Explain(Enrich(event, host)).whole;
  EXPECT_THAT(whole.children[0].values, ElementsAre(Pair("basename(proc.exepath)", "curl"),
                                                    Pair("proc.exepath", "/usr/bin/curl"), Pair("proc.name", "curl")));
  EXPECT_TRUE(whole.children[0].holds);
  EXPECT_THAT(whole.children[1].values, ElementsAre(Pair("gpu.major", "<NA>")));
  EXPECT_FALSE(whole.children[1].holds);
}

TEST(ExplainTest, MacrosListsAndExceptionsAreOpened) {
  const std::string rules = "- list: l\n  items: [curl, wget]\n- macro: fetches\n  condition: proc.name in (l)\n" +
                            RuleText("evt.type = process_exit and fetches") +
                            "  exceptions: [{name: mine, fields: [user.uid], values: [[0]]}]\n";
  EXPECT_THAT(Explained(rules, MakeEvent(ProcessExit{})),
              ElementsAre("-", "+evt.type = process_exit", "+fetches", "+proc.name in (l)", "-exception 'mine'",
                          HasSubstr("+user.uid")));
}

TEST(ExplainTest, TheVerdictIsThatOfTheRule) {
  const char* conditions[] = {"proc.name = curl",
                              "not (proc.name = curl and proc.pname = bash)",
                              "proc.name startswith oneof (c, cu)",
                              "proc.name startswith allof (c, cu)",
                              "not not proc.cmdline contains \"-T model\"",
                              "proc.name in (\"a b\", curl) or proc.tty = 3",
                              "proc.aname[1] = bash and not proc.aname[2] exists"};
  for (const char* condition : conditions) {
    const std::string rules = RuleText(std::string("evt.type = process_exit and (") + condition + ")");
    const Event event = MakeEvent(ProcessExit{});
    const FakeHost host = MakeHost();
    const bool matches = !NamesOfMatches(*MustCompile(rules), host, event).empty();
    EXPECT_EQ(Explained(rules, event)[0][0] == '+', matches) << condition;
  }
}

TEST(ExplainTest, EachStepOfASequenceIsLookedAt) {
  const std::string rules =
      "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  sequence:\n    within: 5m\n    steps:\n"
      "      - proc.name = curl\n      - not: proc.name = wget\n      - evt.type = process_exec\n"
      "  exceptions: [{name: mine, fields: [user.uid], values: [[7]]}]\n";
  EXPECT_THAT(Explained(rules, MakeEvent(ProcessExit{})),
              ElementsAre("+", "+step 1", "+proc.name = curl", "-not before step 2", "-proc.name = wget", "-step 2",
                          "-", "-evt.type = process_exec", "+exception 'mine'", HasSubstr("-user.uid")));
}

TEST(ExplainTest, ARuleWithAnErrorIsNotExplained) {
  RuleBook book({{"r.yaml", RuleText("proc.nme = a")}});
  EXPECT_EQ(Explainer::Create(book, *book.Find("r")), nullptr);
}

class ExplainEventTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto writer = CaptureWriter::Create(path_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (const uint64_t seq : {1, 2, 4}) {
      Event event = MakeEvent(ProcessExit{.exit_code = static_cast<int32_t>(seq)});
      event.seq = seq;
      ASSERT_TRUE((*writer)->Append(event).ok());
    }
    ASSERT_TRUE((*writer)->Close().ok());
  }
  void TearDown() override { unlink(path_.c_str()); }

  const std::string path_ = "/tmp/tensorwarden-explain-test-" + std::to_string(getpid()) + ".twcap";
  absl::StatusOr<std::vector<ExplainedEvent>> Explain(uint64_t number, const std::string& rule) const {
    return ExplainEvent({config_, files_, options_}, path_, number, rule);
  }

  const AgentConfig config_{};
  const RuleOptions options_{};
  const std::vector<RuleFile> files_ = {{"r.yaml", RuleText("evt.type = process_exit and evt.exit_code = 2")}};
};

TEST_F(ExplainEventTest, FindsTheEventByItsNumber) {
  const auto two = Explain(2, "");
  ASSERT_TRUE(two.ok()) << two.status();
  ASSERT_EQ(two->size(), 1u);
  EXPECT_EQ((*two)[0].kind, "process_exit");
  EXPECT_TRUE((*two)[0].verdicts.at(0).matches);
  EXPECT_TRUE((*two)[0].verdicts.at(0).fired);
  EXPECT_FALSE(Explain(4, "r")->at(0).verdicts.at(0).matches);
}

TEST_F(ExplainEventTest, SaysWhatIsNotThere) {
  EXPECT_THAT(std::string(Explain(3, "").status().message()), HasSubstr("has no event 3; the last"));
  EXPECT_THAT(std::string(Explain(9, "").status().message()), HasSubstr("last before it is 4"));
  EXPECT_THAT(std::string(Explain(2, "s").status().message()), HasSubstr("no rule 's'"));
}

}  // namespace
}  // namespace tensorwarden::author
