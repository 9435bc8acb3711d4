#!/usr/bin/env python3
"""Checks that includes go only in the directions that the Makefile's DEPS_ table allows, and that a third party that
is reserved to one folder stays there. Usage: includes.py [ROOT]; one line per violation, exit status 1 when any."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Third parties behind one folder: what throws, or what would otherwise spread through every interface.
RESERVED = [
    (re.compile(r"cereal/"), {"capture"}),
    (re.compile(r"libfyaml"), {"config", "rules"}),
    (re.compile(r"bpf/(libbpf|bpf|btf)\.h"), {"sensor"}),
    (re.compile(r"bpf/sensor\.skel\.h"), {"sensor"}),
    (re.compile(r"CLI/"), {"cli"}),
    (re.compile(r"(bcc/|sinsp\.h|filterchecks\.h)"), {"helpers"}),
]

# What each folder of bpf/ may include besides itself; vmlinux.h and libbpf's <bpf/...> helpers are no folder of ours.
BPF_DEPS = {"abi": set(), "lib": {"abi"}, "probes": {"lib", "abi"}}
BPF_SYSTEM = re.compile(r"(vmlinux\.h|bpf/bpf_(helpers|tracing|core_read|endian)\.h|linux/types\.h)$")


def read_table(makefile_text):
    """DEPS_x := words, $(DEPS_y) expanded in order; returns {folder: set of folders}."""
    table = {}
    for name, words in re.findall(r"^DEPS_(\w+)\s*:?=(.*)$", makefile_text, re.M):
        deps = set()
        for word in words.split():
            reference = re.fullmatch(r"\$\(DEPS_(\w+)\)", word)
            deps |= table[reference.group(1)] if reference else {word}
        table[name] = deps
    return table


def includes_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def check_agent(folder, quote, target, table):
    """Why a file of agent/<folder>, or a unit test of it, may not include `target`; None when it may."""
    for pattern, owners in RESERVED:
        if pattern.match(target) and folder not in owners:
            return f"{target} is reserved to {', '.join(sorted(owners))}"
    if target.startswith("agent/"):
        other = target.split("/")[1]
        if other != folder and other not in table[folder]:
            return f"{folder} may not include {other}: DEPS_{folder} in the Makefile does not list it"
    elif target.startswith("bpf/abi/"):
        if folder != "event" and "event" not in table[folder]:
            return f"{folder} knows nothing of the wire: it does not depend on event"
    elif target.startswith("bpf/") and quote == '"' and not target.endswith(".skel.h"):
        return "of bpf/, only bpf/abi is for the agent"
    elif quote == '"' and not target.startswith(("bpf/", "tests/support/", f"tests/unit/{folder}/")):
        return "write the path from the repository's root"
    return None


def check_bpf(folder, quote, target):
    """Why a file of bpf/<folder> may not include `target`; None when it may."""
    if quote == '"' and target.startswith("bpf/"):
        other = target.split("/")[1]
        if other != folder and other not in BPF_DEPS[folder]:
            return f"bpf/{folder} may not include bpf/{other}"
        return None
    if BPF_SYSTEM.match(target):
        return None
    return f"bpf/ includes nothing but bpf/, vmlinux.h and libbpf's helpers, not {target}"


def check_file(path, text, table):
    """Violations of one file as (line, message). `path` is relative to the root."""
    parts = path.parts
    for number, quote, target in includes_of(text):
        why = None
        if parts[0] == "agent" and len(parts) > 2:
            if parts[1] not in table:
                why = f"folder agent/{parts[1]} has no DEPS_{parts[1]} in the Makefile"
            else:
                why = check_agent(parts[1], quote, target, table)
        elif parts[0] == "bpf" and parts[1] in BPF_DEPS:
            why = check_bpf(parts[1], quote, target)
        elif parts[:2] == ("tests", "unit") and parts[2] in table:
            why = check_agent(parts[2], quote, target, table)
        if why:
            yield number, why


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    table = read_table((root / "Makefile").read_text())
    count = bad = 0
    for top in ("agent", "bpf", "tests/unit"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc", ".c"):
                continue
            count += 1
            for number, why in check_file(path.relative_to(root), path.read_text(), table):
                bad += 1
                print(f"{path.relative_to(root)}:{number}: {why}")
    print(f"includes: {count} files, {bad} violations")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
