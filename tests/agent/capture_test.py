"""Captures of other tools, replayed: what their events mean here, and which rules are asked about them."""

import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.agent_process import RULES, run_verb  # noqa: E402

SCAP = os.path.join(os.path.dirname(RULES), "tests", "data", "scap")


class CaptureOfAnotherToolTest(unittest.TestCase):
    """Sysdig and Falco captures; what they hold was stated by the public tests that they come from."""

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.rules = os.path.join(self.dir, "rules.yaml")

    def replay(self, capture, conditions):
        with open(self.rules, "w", encoding="utf-8") as file:
            for i, condition in enumerate(conditions):
                file.write(f"- rule: r{i}\n  desc: d\n  condition: {condition}\n  output: '%fd.name'\n  priority: NOTICE\n")
        config = os.path.join(self.dir, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("assets: []\n")
        return run_verb("replay", "--config", config, "--rules", self.rules, "--output", "json", capture)

    def alerts(self, name, conditions):
        result = self.replay(os.path.join(SCAP, name), conditions)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_an_open_is_told_when_it_begins_and_when_it_ends(self):
        alerts = self.alerts("cat_write.scap", ["evt.type in (open, openat, openat2) and proc.name=cat"])
        self.assertEqual(len(alerts), 8)
        self.assertEqual({alert["rule"] for alert in alerts}, {"r0"})

    def test_each_file_is_opened_once(self):
        files = [f"/tmp/file-{i}" for i in range(1, 14)]
        alerts = self.alerts("open-multiple-files.scap", [f"evt.type = open and fd.name = {file}" for file in files])
        self.assertEqual(sorted(alert["rule"] for alert in alerts), sorted(f"r{i}" for i in range(13)))

    def chosen(self, config="", *flags):
        """Rules that alert on a capture of opens, and what was said on stderr, by this choice of rules."""
        rule = "- rule: {}\n  desc: d\n  condition: evt.type = open and fd.name = /tmp/file-1\n  output: o\n  priority: {}\n  tags: [{}]\n"
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(rule.format("One", "Error", "a") + rule.format("Two", "Notice", "b") + rule.format("Three", "Debug", "b"))
        path = os.path.join(self.dir, "config.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"rules:\n  paths: [rules.yaml]\n{config}")
        done = run_verb("replay", "--config", path, "--output", "json", *flags, os.path.join(SCAP, "open-multiple-files.scap"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line)["rule"] for line in done.stdout.splitlines()], done.stderr

    def test_which_rules_run_is_chosen_by_config_and_options(self):
        self.assertEqual(self.chosen(), (["One", "Two", "Three"], ""))
        self.assertEqual(self.chosen("  disable: ['T*']\n")[0], ["One"])
        self.assertEqual(self.chosen("  disable: ['*']\n  enable: ['tag:b']\n")[0], ["Two", "Three"])
        self.assertEqual(self.chosen("  minimum_priority: notice\n")[0], ["One", "Two"])
        self.assertEqual(self.chosen("  matching: first\n")[0], ["One"])
        self.assertEqual(self.chosen("", "-t", "b")[0], ["Two", "Three"])
        self.assertEqual(self.chosen("", "-T", "b")[0], ["One"])
        self.assertEqual(self.chosen("", "-D", "T*", "--enable-rule", "Two")[0], ["One", "Two"])
        self.assertEqual(self.chosen("  minimum_priority: debug\n", "--minimum-priority", "Error")[0], ["One"])
        self.assertEqual(self.chosen("  matching: first\n", "--rule-matching", "all")[0], ["One", "Two", "Three"])

    def test_an_event_is_explained_by_the_rules_that_run(self):
        self.chosen("  disable: ['T*']\n")
        config, capture = os.path.join(self.dir, "config.yaml"), os.path.join(SCAP, "open-multiple-files.scap")
        alert = json.loads(run_verb("replay", "--config", config, "--output", "json", capture).stdout)
        event = alert["evidence"]["text"].rpartition(" ")[2]
        done = run_verb("rules", "explain", "--config", config, "--event", event, "--capture", capture, "--json")
        verdicts = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([rule["name"] for rule in verdicts[0]["rules"]], ["One"], done.stdout + done.stderr)

    def test_what_replay_cannot_do_is_said(self):
        capture = os.path.join(SCAP, "cat_write.scap")
        for speed in ("nan", "inf", "0", "-1", "x"):
            done = run_verb("replay", "--speed", speed, capture)
            self.assertEqual((done.returncode, "is no number greater than 0" in done.stderr), (2, True), speed)
        done = run_verb("replay", "--config", "/dev/null", "--from", "+1s", "--skip", capture)
        self.assertEqual((done.returncode, "leave out --skip" in done.stderr), (1, True), done.stderr)
        self.assertEqual(run_verb("replay", "/nowhere").returncode, 2)

    def test_a_choice_that_fits_no_rule_is_a_warning_with_its_place(self):
        alerted, said = self.chosen("  disable: ['Tow']\n", "-T", "c")
        self.assertEqual(len(alerted), 3)
        self.assertIn("config.yaml:3:14: no rule has the name 'Tow', so nothing is switched off; did you mean 'Two'?", said)
        self.assertIn("--disable-tag: no rule has the tag 'c', so nothing is switched off", said)

    def test_a_cut_capture_is_an_error_with_the_librarys_words(self):
        cut = os.path.join(self.dir, "cut.scap")
        with open(os.path.join(SCAP, "cat_write.scap"), "rb") as whole, open(cut, "wb") as file:
            file.write(whole.read(3000))
        result = self.replay(cut, ["evt.type = open"])
        self.assertEqual(result.returncode, 1)
        self.assertIn(cut, result.stderr)
        self.assertIn("truncated", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
