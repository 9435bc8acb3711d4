#!/usr/bin/env python3
"""`tensorwarden rules`, as a person or a tool calls it. TENSORWARDEN names the program; run from the repository's root."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

PROGRAM = os.environ.get("TENSORWARDEN", "build/tensorwarden")
BAD = "- rule: r\n  desc: d\n  priority: Notice\n  output: o\n  condition: proc.nme = a\n"
ODD = "- list: l\n  items: [a]\n"


class PlainLoader(yaml.SafeLoader):
    """Dates and "=" stay texts, as editors read them."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "value")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


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
        self.assertRegex(rules("check", path).stdout, "asked for by .*: file_open: ")
        served = json.loads(rules("check", "--json", path).stdout)["rules"][0]["served_by"]
        self.assertEqual([(row["kind"], row["on_demand"]) for row in served], [("file_open", True)])

    def test_the_choice_of_rules_is_that_of_the_config_and_the_options(self):
        path = self.file("r.yaml", RULE + RULE.replace("rule: r", "rule: s\n  tags: [t]"))
        config = self.file("c.yaml", f"rules:\n  paths: [{path}]\n  disable: [s]\n")

        def on(verb, *arguments):
            out = rules(verb, "--json", *arguments).stdout
            rows = json.loads(out)["rules"] if verb == "check" else map(json.loads, out.splitlines())
            return [row["name"] for row in rows if row["enabled"]]

        for verb in ("check", "list"):
            self.assertEqual(on(verb, path), ["r", "s"])
            self.assertEqual(on(verb, "--config", config), ["r"])
            self.assertEqual(on(verb, "--config", config, path), ["r"])
            self.assertEqual(on(verb, "--config", config, "--enable-rule", "s"), ["r", "s"])
            self.assertEqual(on(verb, "-t", "t", path), ["s"])
            self.assertEqual(on(verb, "-D", "r", "-T", "t", path), [])
            self.assertEqual(on(verb, "--minimum-priority", "Error", path), [])
        self.assertIn("2 rules (1 enabled)", rules("check", "--config", config).stdout)
        self.assertIn("no rule has the name 'x'", rules("check", "-D", "x", path).stdout)
        self.assertEqual(rules("check", "--minimum-priority", "Loud", path).returncode, 2)

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

    def test_a_file_without_a_folder_is_found(self):
        self.file("r.yaml", RULE)
        self.file("t.yaml", TEST)
        done = subprocess.run([os.path.abspath(PROGRAM), "rules", "test", "t.yaml"], cwd=self.folder.name, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, "1 tests of rules: 0 failed\n"))

    def test_what_is_no_test_among_tests_is_named(self):
        self.file("r.yaml", RULE)
        self.file("tests/t.yaml", TEST)
        self.file("tests/u.yml", TEST.replace("- test", "- tset"))
        done = rules("test", self.folder.name)
        self.assertEqual((done.returncode, done.stdout), (0, "1 tests of rules: 0 failed\n"))
        self.assertIn("u.yml: holds no tests", done.stderr)

    def test_output_that_cannot_be_written_is_an_error(self):
        for verb in ("list", "fields", "coverage"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([os.path.abspath(PROGRAM), "rules", verb, "rules"][:3 if verb == "fields" else 4], stdout=full,
                                      stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "tensorwarden: the output could not be written\n"), verb)

    def test_a_fifo_is_refused(self):
        fifo = pathlib.Path(self.folder.name) / "fifo"
        os.mkfifo(fifo)
        for argv in (["replay", str(fifo)], ["rules", "check", "--config", str(fifo)], ["rules", "check", str(fifo)]):
            done = subprocess.run([os.path.abspath(PROGRAM), *argv], capture_output=True, text=True, timeout=20, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("regular file", done.stderr)

    def test_a_broken_test_file_is_not_passed_over(self):
        self.file("r.yaml", RULE)
        self.file("tests/t.yaml", TEST)
        self.file("tests/u.yaml", TEST.replace("rule: r", "rule: &r r") + TEST.replace("rule: r", "rule: *r"))
        done = rules("test", self.folder.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("u.yaml:6:3: ", done.stderr)

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


class Terminal(RulesCase):
    """What comes out of files is shown, and steers no terminal."""

    EVIL = "e\x1b[31m\x9b2J\u202e\x07"

    def evil(self, *arguments):
        done = rules(*arguments)
        out = done.stdout + done.stderr
        self.assertNotRegex(out, r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", arguments)
        return out

    def test_names_are_escaped(self):
        name = json.dumps(self.EVIL)
        rule = BAD.replace("rule: r", f"rule: {name}\n  tags: [{json.dumps('requirement:' + self.EVIL)}]")
        good = rule.replace("proc.nme = a", f"evt.type = open and proc.name = '{self.EVIL[:2]}'".replace("\x1b", "\\x1b"))
        good += f"  exceptions: [{{name: {name}, fields: proc.name, values: [{name}]}}]\n"
        path = self.file(f"{self.EVIL}/r.yaml", good)
        shown = "e\\x1b[31m\\u{9b}2J\\u{202e}\\x07"
        for verb in (["check"], ["list"], ["coverage"], ["explain", self.EVIL, "--rules"]):
            self.assertIn(shown, self.evil(*verb, path), verb)
        self.assertIn(shown, self.evil("explain", self.EVIL + "x", "--rules", path))
        self.assertIn(shown, self.evil("check", self.file(f"{self.EVIL}/bad.yaml", rule)))
        self.assertIn(shown, self.evil("check", f"/{self.EVIL}"))
        test = TEST.replace("test: t", f"test: {name}").replace("rule: r", f"rule: {name}")
        path = self.file(f"{self.EVIL}/tests/t.yaml", test.replace("code: 3", "code: 4"))
        self.assertIn(f"{shown}/tests/t.yaml:1: {shown}", self.evil("test", path, "--rules", path.parent.parent / "r.yaml"))
        self.file(f"{self.EVIL}/tests/u.yaml", test.replace("expect", self.EVIL[0] + "xpct"))
        self.assertIn("unknown key", self.evil("test", path.parent.parent))


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
        self.assertEqual(report["conditions"][0]["condition"], "evt.type in (open, openat) and proc.name in (a, b)")

    def test_every_shipped_rule_can_be_explained(self):
        for rule in json.loads(rules("check", "--json", "rules").stdout)["rules"]:
            self.assertEqual(rules("explain", "--rules", "rules", rule["name"]).returncode, 0)

    def test_wrong_usage(self):
        done = rules("explain", "--rules", "rules", "Weights delete")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'Weights deleted'?", done.stderr)
        self.assertEqual(rules("explain").returncode, 2)
        self.assertEqual(rules("explain", "--event", "1").returncode, 2)
        self.assertEqual(rules("explain", "--rules", "rules", "--event", "1", "--capture", "/nowhere").returncode, 2)


class List(RulesCase):
    def test_rules(self):
        path = self.file("r.yaml", RULE + "  enabled: false\n  tags: [a, b]\n")
        self.assertEqual(rules("list", path).stdout, f"r  Notice         off  {path}:1  a,b\n")
        row = json.loads(rules("list", "--json", path).stdout)
        self.assertEqual((row["name"], row["enabled"], row["tags"], row["line"]), ("r", False, ["a", "b"], 1))

    def test_fields(self):
        rows = [json.loads(line) for line in rules("fields", "--json").stdout.splitlines()]
        by_name = {row["name"]: row for row in rows}
        self.assertEqual(by_name["gpu.access"]["kinds"], ["device_open"])
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


class Schema(RulesCase):
    """rules/rule-file.schema.json, for editors, agrees with the program on keys and their types."""

    WHOLE = {"rule": "r", "desc": "d", "condition": "evt.type = process_exit", "output": "o", "priority": "Notice"}

    def setUp(self):
        super().setUp()
        schema = json.loads(pathlib.Path("rules/rule-file.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        self.keys = schema["definitions"]["rule"]["properties"]
        self.validator = jsonschema.Draft7Validator(schema)

    def by_schema(self, items):
        return self.validator.is_valid(items)

    def by_program(self, items):
        return rules("check", self.file("r.yaml", json.dumps(items))).returncode == 0

    def sequence(self, *steps):
        rest = {key: value for key, value in self.WHOLE.items() if key != "condition"}
        return {**rest, "sequence": {"within": "5m", "steps": list(steps)}}

    def test_rule_files_that_load_are_valid(self):
        for path in [*pathlib.Path("rules").glob("*.yaml"), *pathlib.Path("tests/data/falco").glob("*.yaml")]:
            items = yaml.load(path.read_text(), PlainLoader)
            self.assertEqual([error.message for error in self.validator.iter_errors(items)], [], path)

    def test_the_program_knows_every_key(self):
        for key in self.keys:
            item = {**self.WHOLE, key: self.WHOLE.get(key, "x")}
            self.assertNotIn("unknown key", rules("check", self.file("r.yaml", json.dumps([item]))).stdout, key)

    def test_both_take_and_refuse_the_same(self):
        earlier = [self.WHOLE]
        rows = [
            (True, [{**self.WHOLE, "priority": "INFO", "tags": ["a"], "suppress": {"by": ["proc.name"], "for": "10m"}}]),
            (True, earlier + [{"rule": "r", "enabled": False}]),
            (True, earlier + [{"rule": "r", "enabled": False, "source": "k8s_audit"}]),
            (True, earlier + [{"rule": "r", "priority": "Debug", "source": "k8s_audit", "override": {"priority": "replace"}}]),
            (True, earlier + [{"rule": "r", "append": True, "condition": "and proc.name = a"}]),
            (True, earlier + [{"rule": "r", "priority": "Debug", "override": {"priority": "replace"}}]),
            (True, [{**self.WHOLE, "exceptions": [{"name": "e", "fields": "proc.name", "values": ["a"],
                                                   "expires": "2099-03-31", "reason": "x"}]}]),
            (True, [{"list": "l", "items": [1, "a"]}, {"macro": "m", "condition": "proc.name in (l)"}]),
            (True, [{"required_engine_version": "0.50.0"}]),
            (True, [{**self.WHOLE, "aggregate": {"count": True, "by": ["proc.name"], "window": "10m", "over": 5}}]),
            (True, [{**self.WHOLE, "baseline": {"of": "proc.name", "learn": "24h", "alert": "unseen"}}]),
            (True, [{**self.WHOLE, "baseline": {"of": "evt.exit_code", "learn": "24h", "alert": "above", "times": 10}}]),
            (True, [self.sequence("proc.name = a", {"not": "proc.name = b"}, "proc.name = c")]),
            (False, [self.sequence("proc.name = a")]),
            (False, [{**self.sequence("proc.name = a", "proc.name = b"), "condition": "proc.name = c"}]),
            (False, [{**self.WHOLE, "aggregate": {"count": True, "window": "10m"}}]),
            (False, [{**self.WHOLE, "aggregate": {"count": True, "rate": True, "window": "10m", "over": 5}}]),
            (False, [{**self.WHOLE, "baseline": {"of": "proc.name", "learn": "24h", "alert": "unseen", "times": 2}}]),
            (False, [{"rule": "r"}]),
            (False, [{key: value for key, value in self.WHOLE.items() if key != "output"}]),
            (False, [{**self.WHOLE, "conditon": "x"}]),
            (False, [{**self.WHOLE, "priority": "Huge"}]),
            (False, [{**self.WHOLE, "enabled": "maybe"}]),
            (False, [{**self.WHOLE, "suppress": {"by": ["proc.name"]}}]),
            (False, [{**self.WHOLE, "suppress": {"for": "1m", "per": "x"}}]),
            (False, [{**self.WHOLE, "exceptions": [{"fields": ["proc.name"]}]}]),
            (False, earlier + [{"rule": "r", "priority": "Debug", "override": {"priority": "add"}}]),
            (False, [{"list": "l"}]),
            (False, [{"macro": "m"}]),
            (False, [{"lists": "l", "items": []}]),
            (False, {"rule": "r"}),
        ]
        for good, items in rows:
            self.assertEqual((self.by_schema(items), self.by_program(items)), (good, good), items)


if __name__ == "__main__":
    unittest.main()
