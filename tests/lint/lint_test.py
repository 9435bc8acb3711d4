"""The lint scripts find what they are for."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import includes  # noqa: E402
import sizes  # noqa: E402

TABLE = includes.read_table("""
DEPS_base  :=
DEPS_event := base
DEPS_host  := event $(DEPS_event)
DEPS_sensor := event base
""")


def check(path, line):
    return [why for _, why in includes.check_file(pathlib.PurePosixPath(path), line, TABLE)]


class IncludesTest(unittest.TestCase):
    def test_table_is_expanded(self):
        self.assertEqual(TABLE["host"], {"event", "base"})

    def test_listed_folder_is_allowed(self):
        self.assertEqual(check("agent/host/a.cc", '#include "agent/base/fd.h"'), [])

    def test_arrow_the_other_way_is_found(self):
        self.assertEqual(len(check("agent/event/a.cc", '#include "agent/host/host.h"')), 1)

    def test_reserved_third_party_is_found(self):
        self.assertEqual(len(check("agent/host/a.cc", "#include <cereal/cereal.hpp>")), 1)
        self.assertEqual(check("agent/sensor/a.cc", "#include <bpf/libbpf.h>"), [])

    def test_base_knows_no_wire(self):
        self.assertEqual(len(check("agent/base/a.cc", '#include "bpf/abi/event.h"')), 1)
        self.assertEqual(check("agent/host/a.cc", '#include "bpf/abi/event.h"'), [])

    def test_layers_of_bpf(self):
        self.assertEqual(check("bpf/probes/a.bpf.c", '#include "bpf/lib/ring.bpf.h"'), [])
        self.assertEqual(len(check("bpf/lib/ring.bpf.h", '#include "bpf/probes/a.h"')), 1)
        self.assertEqual(len(check("bpf/abi/event.h", '#include "bpf/lib/ring.bpf.h"')), 1)
        self.assertEqual(len(check("bpf/probes/a.bpf.c", '#include "agent/base/fd.h"')), 1)

    def test_unit_test_follows_its_folder(self):
        self.assertEqual(len(check("tests/unit/event/a_test.cc", '#include "agent/host/host.h"')), 1)


class SizesTest(unittest.TestCase):
    def test_long_file_needs_a_reason(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "agent").mkdir()
            (root / "agent/long.cc").write_text("\n" * 501)
            self.assertEqual(len(sizes.check(root)[1]), 1)
            (root / "tests/lint").mkdir(parents=True)
            (root / "tests/lint/long-files.txt").write_text("agent/long.cc: a table\n")
            self.assertEqual(sizes.check(root)[1], [])

    def test_program_is_told_from_function(self):
        text = 'static int helper(int a,\n\t\t int b)\n{\n\treturn a;\n}\n\nSEC("tp_btf/x")\nint BPF_PROG(p)\n{\n\treturn 0;\n}\n'
        self.assertEqual([(length, program) for _, length, program in sizes.functions_of(text)], [(1, False), (1, True)])


if __name__ == "__main__":
    unittest.main()
