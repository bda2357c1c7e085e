#!/usr/bin/env python3
"""Changes the papers' code, one small change at a time, and tells which changes no test of the papers notices.

    tests/mutation/mutate.py --count 200 --seed 1 --out tests/mutation/seed1.csv [--minutes N] [--paper Dfr ...]

A change is of a number, an operator, a condition or a truth value in Core.CSharp/Reproduction/Papers; comments, texts and the
bounds of `check.` (tested with the other bad input) are left out. Everything happens in a copy beside the build of the tests, which
must be there (dotnet build -c Release): the library alone is built again and laid over it. The seed decides which changes are drawn
and in which order, so that a run of fewer is the start of a longer one; with --out, what is in the file is not run again.
"""
import argparse
import csv
import os
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAPERS = "Core.CSharp/Reproduction/Papers"
TESTS = "tests/bin/Release/net10.0"
# Cheap ones first: the first that fails ends a change's run.
ALL = ["paper settings", "equations"]
OWN = {
    "Dfr": ["dfr"],
    "Favae": ["favae"],
    "Gaussian": ["gaussian", "one-class SVM", "imaging: augmentation"],
    "Hfae": ["hfae"],
    "Ssae": ["ssae"],
}
OPERATORS = [
    (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "),
    (r" < ", " >= "), (r" > ", " <= "), (r" <= ", " > "), (r" >= ", " < "),
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
]
NUMBER = re.compile(r"(?<![\w.\"])(\d[\d_]*\.?\d*(?:e-?\d+)?)(?![\w\"])")


def changed_number(text):
    value = float(text.replace("_", ""))
    if "." in text or "e" in text:
        return repr(value * 2) if value else "1.0"
    return str(int(value) + 1)


def masked(source):
    """The source with comments, documentation and texts blanked, position by position."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'//[^\n]*|\$?@?"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])\'', blank, source)


def sites(papers):
    found = []
    for folder, _, files in os.walk(os.path.join(ROOT, PAPERS)):
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if not name.endswith(".cs") or name == "Registry.cs" or not any(f"/{paper}/" in path for paper in papers):
                continue
            with open(os.path.join(ROOT, path)) as file:
                source = file.read()
            code = masked(source)
            start = 0
            for line in code.split("\n"):
                skipped = re.search(r"^\s*(using|namespace|\[)|check\.|\bstatic readonly .*Version", line)
                if not skipped:
                    for match in NUMBER.finditer(line):
                        found.append((path, start + match.start(1), match.group(1), changed_number(match.group(1))))
                    for pattern, replacement in OPERATORS:
                        for match in re.finditer(pattern, line):
                            found.append((path, start + match.start(), match.group(0), replacement))
                start += len(line) + 1
    return sorted(found)


WRAP = []


def run(command, place, **options):
    return subprocess.run(WRAP + command, cwd=place, capture_output=True, text=True, **options)


def copy(place):
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.join(place, "tests/bin/Release"))
    for name in ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "Reproduction.sln", ".editorconfig"]:
        shutil.copy(os.path.join(ROOT, name), place)
    for folder in ["Core.CSharp/Reproduction", "papers"]:
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(place, folder), ignore=shutil.ignore_patterns("bin"))
    subprocess.check_call(["cp", "-al", os.path.join(ROOT, TESTS), os.path.join(place, TESTS)])


def build(place):
    command = ["dotnet", "build", "Core.CSharp/Reproduction", "-c", "Release", "-v", "q", "-nologo", "-p:TreatWarningsAsErrors=false",
               "-p:RunAnalyzers=false", "-p:GenerateDocumentationFile=false", "--no-restore"]
    done = run(command, place)
    if done.returncode != 0:
        return False
    target = os.path.join(place, TESTS, "Reproduction.dll")
    os.unlink(target)
    shutil.copy(os.path.join(place, "Core.CSharp/Reproduction/bin/Release/net10.0/Reproduction.dll"), target)
    return True


def noticed(place, lists):
    for name in lists:
        command = ["dotnet", os.path.join(place, TESTS, "Tests.dll"), "--filter-test-list", name, "--colours", "0"]
        try:
            done = run(command, place, timeout=600)
        except subprocess.TimeoutExpired:
            return f"{name}: no end"
        if done.returncode != 0:
            failed = re.search(r"ERR\] (.+?) (?:failed|errored) in", done.stdout)
            return failed.group(1)[:120] if failed else f"{name}: the process ended"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--out", required=True)
    parser.add_argument("--paper", nargs="*", default=list(OWN))
    parser.add_argument("--place", default="/tmp/reproduction-mutants")
    parser.add_argument("--wrap", default="", help="a command that each build and test is run through")
    arguments = parser.parse_args()
    WRAP.extend(arguments.wrap.split())
    until = time.time() + 60 * arguments.minutes
    drawn = sites(arguments.paper)
    random.Random(arguments.seed).shuffle(drawn)
    columns = ["file", "line", "change", "text", "noticed_by"]
    rows = []
    if os.path.exists(arguments.out):
        with open(arguments.out) as file:
            rows = list(csv.DictReader(file))
    known = {(row["file"], row["line"], row["change"], row["text"]) for row in rows}
    copy(arguments.place)
    if not build(arguments.place):
        sys.exit("mutate: the unchanged library does not build; dotnet build -c Release first")
    for path, position, old, new in drawn:
        counted = [row for row in rows if row["noticed_by"] != "does not compile"]
        if len(counted) >= arguments.count or time.time() > until:
            break
        with open(os.path.join(ROOT, path)) as file:
            source = file.read()
        line = source.count("\n", 0, position) + 1
        key = {"file": path[len(PAPERS) + 1:], "line": str(line), "change": f"{old.strip()} to {new.strip()}",
               "text": source.split("\n")[line - 1].strip()[:110]}
        if tuple(key.values()) in known:
            continue
        target = os.path.join(arguments.place, path)
        with open(target, "w") as file:
            file.write(source[:position] + new + source[position + len(old):])
        try:
            result = noticed(arguments.place, ALL + OWN[path.split("/")[3]]) if build(arguments.place) else "does not compile"
        finally:
            with open(target, "w") as file:
                file.write(source)
        rows.append({**key, "noticed_by": result or ""})
        print(f"{len(rows)}: {key['file']}:{line} {key['change']}: {result or 'SURVIVES'}", flush=True)
        with open(arguments.out, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    counted = [row for row in rows if row["noticed_by"] != "does not compile"]
    survivors = [row for row in counted if not row["noticed_by"]]
    print(f"{len(drawn)} places; {len(counted)} changes tried, {len(survivors)} survive")
    for row in survivors:
        print(f"  {row['file']}:{row['line']} {row['change']}: {row['text']}")


if __name__ == "__main__":
    main()
