#!/usr/bin/env python3
"""`tensorwarden rules`, as a person or a tool calls it. TENSORWARDEN names the program; run from the repository's root."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema

PROGRAM = os.environ.get("TENSORWARDEN", "build/tensorwarden")
BAD = "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  condition: proc.nme = a\n"
ODD = "- list: l\n  items: [a]\n"


def rules(*arguments):
    return subprocess.run([PROGRAM, "rules", *map(str, arguments)], capture_output=True, text=True, timeout=60)


class RulesCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Check(RulesCase):
    def test_the_shipped_rules_are_clean(self):
        done = rules("check", "rules")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"0 errors, 0 warnings\n$")

    def test_exit_status(self):
        bad, odd = self.file("bad.yaml", BAD), self.file("odd.yaml", ODD)
        self.assertEqual(rules("check", bad).returncode, 1)
        self.assertEqual(rules("check", odd).returncode, 0)
        self.assertEqual(rules("check", "--strict", odd).returncode, 1)
        self.assertEqual(rules("check", "/nowhere").returncode, 2)
        self.assertEqual(rules("check", "--nonsense").returncode, 2)

    def test_a_caret_stands_below_the_place(self):
        lines = rules("check", self.file("bad.yaml", BAD)).stdout.splitlines()
        self.assertIn(":5:14: error: rule 'r': unknown field 'proc.nme'", lines[0])
        self.assertEqual(lines[1][lines[2].index("^"):], "proc.nme = a")

    def test_json(self):
        done = rules("check", "--json", self.file("odd.yaml", ODD))
        report = json.loads(done.stdout)
        self.assertEqual((report["errors"], report["warnings"]), (0, 1))
        self.assertEqual(report["remarks"][0]["id"], "unused-list")

    def test_a_rule_on_opens_says_what_serves_it(self):
        path = self.file("open.yaml", BAD.replace("proc.nme = a", "evt.type = open and proc.name = a"))
        self.assertIn("asks for file_open", rules("check", path).stdout)
        served = json.loads(rules("check", "--json", path).stdout)["rules"][0]["served_by"]
        self.assertEqual([(row["kind"], row["on_demand"]) for row in served], [("file_open", True)])

    def test_sarif_is_valid(self):
        schema = json.loads(pathlib.Path("tests/data/schemas/sarif-schema-2.1.0.json").read_text())
        for path in (self.file("bad one.yaml", BAD + ODD), "rules"):
            document = json.loads(rules("check", "--sarif", path).stdout)
            jsonschema.validate(document, schema)
        self.assertEqual(document["runs"][0]["results"], [])


RULE = BAD.replace("proc.nme = a", "evt.type = process_exit and evt.exit_code = 3")
TEST = """- test: t
  rule: r
  events: [{process_exit: {exit_code: 3}}]
  expect: [{}]
"""


class Test(RulesCase):
    def test_the_shipped_rules_do_what_their_tests_say(self):
        for path in ("rules", "rules/tests", "rules/tests/gpu.yaml"):
            done = rules("test", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"^\d+ tests of rules: 0 failed\n$")

    def test_tests_lie_below_their_rules_or_beside_them(self):
        self.file("a/r.yaml", RULE)
        below = self.file("a/tests/t.yaml", TEST)
        self.file("b/r.yaml", RULE)
        self.file("b/t.yaml", TEST)
        for path in (below.parent.parent, below.parent, below, pathlib.Path(self.folder.name) / "b"):
            self.assertEqual(rules("test", path).stdout, "1 tests of rules: 0 failed\n")

    def test_a_difference_is_shown_and_fails(self):
        self.file("r.yaml", RULE)
        path = self.file("tests/t.yaml", TEST.replace("code: 3", "code: 4"))
        done = rules("test", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"FAIL {path}:1: t\n  - missing: r\n", done.stdout)
        result = json.loads(rules("test", "--json", path).stdout)
        self.assertEqual((result["passed"], result["differences"]), (False, ["- missing: r"]))

    def test_a_broken_test_file_fails(self):
        self.file("r.yaml", RULE)
        done = rules("test", self.file("tests/t.yaml", TEST.replace("expect", "expects")))
        self.assertEqual(done.returncode, 1)
        self.assertIn("unknown key 'expects'; did you mean 'expect'?", done.stderr)

    def test_no_tests_is_wrong_usage(self):
        self.assertEqual(rules("test", self.file("r.yaml", RULE)).returncode, 2)
        self.assertEqual(rules("test", "/nowhere").returncode, 2)


class Explain(RulesCase):
    def test_a_rule(self):
        path = self.file("r.yaml", BAD.replace("proc.nme = a", "evt.type in (open, openat) and proc.name in (a, b)"))
        done = rules("explain", "--rules", path, "r")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("index key: proc.name is a or b\n", done.stdout)
        self.assertIn("asks of the kernel: file_open", done.stdout)
        self.assertIn("object, else system call tier", done.stdout)
        report = json.loads(rules("explain", "--json", "--rules", path, "r").stdout)
        self.assertEqual([kind["kind"] for kind in report["kinds"]], ["file_open"])
        self.assertEqual(report["condition"], "evt.type in (open, openat) and proc.name in (a, b)")

    def test_every_shipped_rule_can_be_explained(self):
        for rule in json.loads(rules("check", "--json", "rules").stdout)["rules"]:
            self.assertEqual(rules("explain", "--rules", "rules", rule["name"]).returncode, 0)

    def test_wrong_usage(self):
        done = rules("explain", "--rules", "rules", "Weights delete")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'Weights deleted'?", done.stderr)
        self.assertEqual(rules("explain").returncode, 2)
        self.assertEqual(rules("explain", "--event", "1").returncode, 2)
        self.assertEqual(rules("explain", "--rules", "rules", "--event", "1", "--capture", "/nowhere").returncode, 1)


class List(RulesCase):
    def test_rules(self):
        path = self.file("r.yaml", RULE + "  enabled: false\n  tags: [a, b]\n")
        self.assertEqual(rules("list", path).stdout, f"r  Notice         off  {path}:1  a,b\n")
        row = json.loads(rules("list", "--json", path).stdout)
        self.assertEqual((row["name"], row["enabled"], row["tags"], row["line"]), ("r", False, ["a", "b"], 1))

    def test_fields(self):
        rows = [json.loads(line) for line in rules("fields", "--json").stdout.splitlines()]
        by_name = {row["name"]: row for row in rows}
        self.assertEqual(by_name["gpu.major"]["kinds"], ["device_open"])
        self.assertTrue(by_name["proc.tty"]["always_empty"])
        self.assertEqual(by_name["proc.aname"]["usage"], "proc.aname[N]")
        self.assertEqual(len(rules("fields").stdout.splitlines()), len(rows))


class Coverage(RulesCase):
    def test_json(self):
        report = json.loads(rules("coverage", "--json", "rules").stdout)
        self.assertEqual(report["atlas_unknown"], [])
        rows = {row["id"]: row for row in report["atlas"]}
        self.assertEqual(rows["AML.T0025"]["name"], "Exfiltration via Cyber Means")
        self.assertNotIn("AML.T0025", [gap["id"] for gap in report["atlas_gaps"]])
        self.assertTrue(report["requirement"] and report["owasp"] and report["attack"])

    def test_a_reader_may_stop_early(self):
        command = f"{PROGRAM} rules coverage rules; echo $? >&2"
        done = subprocess.run(["bash", "-c", f"({command}) | head -n 1"], capture_output=True, text=True, timeout=60)
        self.assertNotIn("terminate", done.stderr)


if __name__ == "__main__":
    unittest.main()
