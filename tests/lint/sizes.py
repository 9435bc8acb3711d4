#!/usr/bin/env python3
"""Reports sizes of files and of BPF functions, and fails on what is too long. clang-tidy measures C++ functions.

Usage: sizes.py [ROOT]. A file above FILE_MAX lines needs an entry with its reason in tests/lint/long-files.txt
("path: reason")."""
import pathlib
import statistics
import sys

FILE_MAX = 500
PROGRAM_MAX = 40   # lines of a BPF program, SEC(...) included in the file but not counted
FUNCTION_MAX = 60  # lines of any other function in bpf/
SUFFIXES = {".h", ".c", ".cc", ".py", ".sh"}
TOPS = ("agent", "bpf", "tests", "vmtests", "packaging")


def functions_of(text):
    """(name, lines, is_program) of each function in kernel style: '{' and '}' alone in column 0."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = start - 1
            while head > 0 and lines[head].startswith(("\t", " ")):
                head -= 1
            program = any(lines[i].startswith("SEC(") for i in range(max(0, head - 1), start))
            yield lines[head].strip(), number - start - 1, program
            start = None


def read_reasons(root):
    reasons = {}
    listing = root / "tests/lint/long-files.txt"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        if line.strip() and not line.startswith("#"):
            path, _, reason = line.partition(":")
            reasons[path.strip()] = reason.strip()
    return reasons


def check(root):
    """Returns (sizes of files by path, list of violations)."""
    reasons = read_reasons(root)
    sizes, bad = {}, []
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            name, text = str(path.relative_to(root)), path.read_text(errors="replace")
            sizes[name] = text.count("\n")
            if sizes[name] > FILE_MAX and not reasons.get(name):
                bad.append(f"{name}: {sizes[name]} lines, at most {FILE_MAX}: move the second subject out")
            if top == "bpf":
                for function, length, program in functions_of(text):
                    if length > (PROGRAM_MAX if program else FUNCTION_MAX):
                        bad.append(f"{name}: {length} lines in {function}")
    bad += [f"tests/lint/long-files.txt: {name} is no longer long or gone" for name in reasons
            if sizes.get(name, 0) <= FILE_MAX]
    return sizes, bad


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    sizes, bad = check(root)
    for line in bad:
        print(line)
    ordered = sorted(sizes.values())
    longest = max(sizes, key=sizes.get)
    print(f"sizes: {len(ordered)} files, {sum(ordered)} lines, median {statistics.median(ordered):.0f}, "
          f"95 % under {ordered[int(len(ordered) * 0.95)]}, longest {longest} ({sizes[longest]}), {len(bad)} too long")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
