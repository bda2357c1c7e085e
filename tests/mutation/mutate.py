#!/usr/bin/env python3
"""Changes the papers' code, one small change at a time, and tells which changes no test of the papers notices.

    tests/mutation/mutate.py --count 200 --seed 1 --out tests/mutation/seed1.csv [--minutes N] [--paper Dfr ...] [--jobs 2]
    tests/mutation/mutate.py --again --out tests/mutation/seed1.csv      the survivors once more, after new tests

A change is of a number, an operator, a condition or a truth value in Core.CSharp/Reproduction/Papers; comments, texts and the
bounds of `check.` (tested with the other bad input) are left out. Everything happens in a copy beside the build of the tests, which
must be there (dotnet build -c Release): compile.fsx writes one library with all changes in it, of which an environment variable chooses
one, and those that cannot be chosen so (constants, patterns) one by one; they are laid over the copy's. The tests of
the paper run in one process that ends with the first failure; a run of four times its usual time counts as noticed. Tests that fail
without any change are told first and left out. The seed decides which changes are drawn and in which order, so that a run of fewer is the
start of a longer one; with --out, what is in the file is not run again. `note` is written by hand: a survivor whose note starts with
"equivalent" changes nothing that can be observed.
"""
import argparse
import csv
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAPERS = "Core.CSharp/Reproduction/Papers"
TESTS = "tests/bin/Release/net10.0"
LIBRARY = "Core.CSharp/Reproduction"
# Which tests a file's changes are run through, as beginnings of their full names: those that are about the file, in one process, then slow
# ones that come by it, in another. A test that is left out can only make a survivor of a change that it would notice.
SETTINGS = {
    paper: [f"paper settings.{paper.lower()}", f"profiles.{paper.lower()}", "profiles.dfr, hfae", "profiles.favae, ssae"]
    for paper in ["Dfr", "Favae", "Gaussian", "Hfae", "Ssae"]
}
DFR = ["equations.dfr", "dfr.", "dfr code."]
FAVAE = ["equations.favae", "favae.", "favae scores.", "favae identities."]
SVM = ["one-class SVM.", "gaussian statistics.", "gaussian training.exported"]
SSAE = ["equations.ssae", "ssae.", "ssae training.", "ssae distortions."]
HFAE = ["hfae equations.", "hfae detector."]
TESTS_OF = {
    "Dfr.cs": (["dfr.receptive"], []),
    "DfrDetector.cs": (DFR, ["channels last.dfr"]),
    "DfrExport.cs": ([], ["export.dfr"]),
    "DfrNetwork.cs": (DFR, ["export.dfr"]),
    "RegionalFeatures.cs": (DFR, ["export.dfr"]),
    "Favae.cs": ([], []),
    "FavaeExport.cs": ([], ["export.favae"]),
    "FavaeNetwork.cs": (FAVAE, ["export.favae"]),
    "FavaeToy.cs": (["favae toy."], []),
    "Augmentation.cs": (["imaging: augmentation.", "gaussian training."], []),
    "AugmentedImages.cs": (["imaging: augmentation.", "gaussian training."], ["gaussian.every model"]),
    "Gaussian.cs": ([], []),
    "GaussianDetector.cs": (["gaussian training.", "gaussian."], ["additions.library.gaussian", "export.gaussian"]),
    "GaussianEquations.cs": (["equations.gaussian", "gaussian statistics.", "gaussian training."], []),
    "GaussianExport.cs": ([], ["export.gaussian"]),
    "LevelGaussian.cs": (["equations.gaussian", "gaussian statistics.", "gaussian training."], ["gaussian.", "export.gaussian"]),
    "MseAutoencoder.cs": (["gaussian training.the autoencoder", "gaussian.the component", "gaussian.the autoencoder"], []),
    "ResNetAutoencoder.cs": (["gaussian training.the autoencoder", "gaussian.the autoencoder"], ["channels last.the autoencoder"]),
    "OneClassSvm.cs": (SVM, []),
    "RbfKernel.cs": (SVM, []),
    "SequentialMinimalOptimization.cs": (SVM, []),
    "SupervisedClassifier.cs": (["gaussian.the supervised", "gaussian.an interrupted"], []),
    "Hfae.cs": ([], []),
    "HfaeExport.cs": ([], ["export.hfae"]),
    "HfaeNetwork.cs": (HFAE, ["export.hfae"]),
    "Ssae.cs": (["ssae distortions.transistor", "ssae training.sides"], []),
    "SsaeExport.cs": ([], ["export.ssae", "ssae training.exported"]),
    "SsaeNetwork.cs": (SSAE, ["export.ssae"]),
    "SsaeTheory.cs": (["ssae.theory", "ssae.fields"], []),
}
REST = {"Dfr": DFR, "Favae": FAVAE, "Gaussian": ["gaussian."], "Hfae": HFAE, "Ssae": SSAE}
# Long tests that are about one file alone.
ABOUT = {
    "ssae.theory": "SsaeTheory.cs",
    "ssae.fields": "SsaeTheory.cs",
    "gaussian.an interrupted training of the supervised baseline": "SupervisedClassifier.cs",
    "gaussian.the supervised baseline": "SupervisedClassifier.cs",
    "gaussian.the autoencoder baseline": "Autoencoder.cs",
    "gaussian training.the autoencoder": "Autoencoder.cs",
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


def copy(place):
    """The sources that the library is compiled from, and links to all that tests read."""
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.join(place, "Core.CSharp"))
    for name in ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "Reproduction.sln", ".editorconfig"]:
        shutil.copy(os.path.join(ROOT, name), place)
    shutil.copytree(os.path.join(ROOT, LIBRARY), os.path.join(place, LIBRARY), ignore=shutil.ignore_patterns("bin"))


def tests_of(place, worker):
    """A copy of the tests' build, by hard links, for one worker."""
    root = os.path.join(place, f"worker{worker}")
    os.makedirs(os.path.join(root, "tests/bin/Release"))
    for name in os.listdir(ROOT):
        if name not in ("tests", ".git"):
            os.symlink(os.path.join(ROOT, name), os.path.join(root, name))
    for name in os.listdir(os.path.join(ROOT, "tests")):
        if name not in ("bin", "obj"):
            os.symlink(os.path.join(ROOT, "tests", name), os.path.join(root, "tests", name))
    target = os.path.join(root, TESTS)
    subprocess.check_call(["cp", "-al", os.path.join(ROOT, TESTS), target])
    # What a build writes anew is copied, so that one may go on meanwhile; libtorch is not.
    for name in os.listdir(target):
        file = os.path.join(target, name)
        if os.path.isfile(file) and os.path.getsize(file) < 10_000_000:
            os.unlink(file)
            shutil.copy2(os.path.join(ROOT, TESTS, name), file)
    return target


class Compiler:
    """compile.fsx, started once."""

    def __init__(self, place):
        library = os.path.join(place, LIBRARY)
        generated = os.path.join(library, "obj/Release/net10.0/generated")
        os.makedirs(generated, exist_ok=True)
        command = ["dotnet", "build", library, "-c", "Release", "-v", "q", "-nologo", "--no-restore", "-p:RunAnalyzers=false",
                   "-p:EmitCompilerGeneratedFiles=true", "-p:ProvideCommandLineArgs=true", "-p:NonExistentFile=/none",
                   "-getProperty:RoslynTargetsPath", "-getItem:CscCommandLineArgs", "-t:Compile"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("mutate: the unchanged library does not build; dotnet build -c Release first\n" + done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        listed = os.path.join(place, "compiler-arguments")
        with open(listed, "w") as file:
            file.writelines(item["Identity"] + "\n" for item in answer["Items"]["CscCommandLineArgs"])
        roslyn = os.path.join(answer["Properties"]["RoslynTargetsPath"], "bincore")
        references = [f"-r:{roslyn}/{name}.dll" for name in ["Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"]]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compile.fsx")
        self.process = subprocess.Popen(
            ["dotnet", "fsi", *references, script, library, listed, generated],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.place = place
        self.lock = threading.Lock()

    def ask(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit("mutate: compile.fsx ended")
        return answer

    def write(self, path, text, output):
        """None, or why the text does not compile in the file's place."""
        changed = os.path.join(self.place, "changed.cs")
        with self.lock:
            with open(changed, "w") as file:
                file.write(text)
            answer = self.ask("one", os.path.join(self.place, path), changed, output)
        return None if answer == "ok" else answer

    def write_all(self, changes, output):
        """The numbers, from 1, of those changes that the one library has in it."""
        listed = os.path.join(self.place, "changes")
        with open(listed, "w") as file:
            for number, (_, path, position, old, new) in enumerate(changes, 1):
                file.write(f"{number}\t{os.path.join(self.place, path)}\t{position}\t{len(old)}\t{new}\n")
        answer = self.ask("all", listed, output)
        if not answer.startswith("ok"):
            sys.exit("mutate: " + answer)
        return {int(number) for number in answer.split()[1:]}


def run_tests(folder, names, limit, mutant=0):
    """The first test that fails, or None; and the seconds that it took."""
    begin = time.time()
    environment = {**os.environ, "MUTANT": str(mutant), "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "DOTNET_TieredPGO": "0"}
    process = subprocess.Popen(["dotnet", os.path.join(folder, "Tests.dll"), "--colours", "0", "--no-spinner", "--run", *names],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               start_new_session=True, env=environment, preexec_fn=lambda: os.nice(10))
    late = []

    def end():
        late.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end)
    timer.start()
    failed = None
    for line in process.stdout:
        match = re.search(r"ERR\] (.+?) (?:failed|errored) in", line)
        if match:
            failed = match.group(1)[:120]
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            break
    process.stdout.close()
    code = process.wait()
    timer.cancel()
    if not failed and late:
        failed = "no end"
    elif not failed and code != 0:
        failed = f"the process ended with {code}"
    return failed, time.time() - begin


def listed(folder):
    done = subprocess.run(["dotnet", os.path.join(folder, "Tests.dll"), "--list-tests", "--colours", "0"], capture_output=True, text=True)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in done.stdout.split("\n")]
    return [line for line in lines if re.match(r"[\w][^\[]*\.\S", line)]


def tests_for(names, path):
    """Full names of the quick and of the slow tests of a file."""
    paper, file = path.split("/")[3], os.path.basename(path)
    quick, slow = TESTS_OF.get(file, (REST[paper], [f"export.{paper.lower()}"]))
    apart = [beginning for beginning, about in ABOUT.items() if not file.endswith(about)]

    def chosen(beginnings):
        return [name for name in names if name.startswith(tuple(beginnings)) and not name.startswith(tuple(apart))] if beginnings else []

    return chosen(SETTINGS[paper] + quick), chosen(slow)


def read(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with open(path + ".part", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".part", path)


COLUMNS = ["file", "line", "change", "text", "noticed_by", "note"]
NOT_COMPILED = "does not compile"


def key(path, source, position, old, new):
    line = source.count("\n", 0, position) + 1
    # Two places of a line may have the same change: the column tells them apart.
    column = position - (source.rfind("\n", 0, position) + 1) + 1 + len(old) - len(old.lstrip())
    return {"file": path[len(PAPERS) + 1:], "line": f"{line}:{column}", "change": f"{old.strip()} to {new.strip()}",
            "text": source.split("\n")[line - 1].strip()[:110]}


def identity(row):
    return row["file"], row["line"], row["change"], row["text"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--out", required=True)
    parser.add_argument("--again", action="store_true", help="run the file's survivors once more, and nothing new")
    parser.add_argument("--paper", nargs="*", default=list(REST))
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without a change first")
    parser.add_argument("--without", action="append", default=[], help="the beginning of names of tests to leave out")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--place", default="/tmp/reproduction-mutants")
    arguments = parser.parse_args()
    until = time.time() + 60 * arguments.minutes

    sources = {}
    drawn = []
    places = sites(arguments.paper)
    random.Random(arguments.seed).shuffle(places)
    for path, position, old, new in places:
        if path not in sources:
            with open(os.path.join(ROOT, path)) as file:
                sources[path] = file.read()
        drawn.append((key(path, sources[path], position, old, new), path, position, old, new))

    rows = read(arguments.out)
    known = {identity(row) for row in rows}
    if arguments.again:
        again = {identity(row) for row in rows if not row["noticed_by"] and not row["note"].startswith("equivalent")}
        todo = [one for one in drawn if identity(one[0]) in again]
    else:
        todo = [one for one in drawn if identity(one[0]) not in known]

    copy(arguments.place)
    folders = [tests_of(arguments.place, worker) for worker in range(arguments.jobs)]
    compiler = Compiler(arguments.place)
    names = [name for name in listed(folders[0]) if not name.startswith(tuple(arguments.without))]
    limit = 300 if arguments.unchecked else 120

    def lay(folder, library):
        target = os.path.join(folder, "Reproduction.dll")
        os.unlink(target)
        shutil.copy(library, target)

    together = os.path.join(arguments.place, "all.dll")
    # Twice as many as are asked for, as some do not compile; those that C# wants as constants are compiled one by one.
    within = compiler.write_all(todo[:2 * arguments.count], together)
    print(f"{len(within)} of {min(len(todo), 2 * arguments.count)} changes in one library", flush=True)
    for folder in folders:
        lay(folder, together)

    for paper in [] if arguments.unchecked else sorted({one[1].split("/")[3] for one in todo}):
        files = sorted({one[1] for one in todo if one[1].split("/")[3] == paper})
        lists = [[tests_for(names, file)[stage] for file in files] for stage in (0, 1)]
        for stage in lists:
            chosen = sorted({name for each in stage for name in each})
            while chosen:
                failed, seconds = run_tests(folders[0], chosen, 1800)
                if not failed:
                    break
                print(f"left out, it fails without a change: {failed}", flush=True)
                if failed not in chosen:
                    sys.exit("mutate: the tests do not run")
                chosen.remove(failed)
                names.remove(failed)
            if chosen:
                limit = max(limit, 2 * seconds)
                print(f"{paper}: {len(chosen)} tests in {seconds:.0f} s", flush=True)

    lock = threading.Lock()
    waiting = queue.SimpleQueue()
    for number, one in enumerate(todo, 1):
        waiting.put((number if number in within else 0, *one))
    counted = lambda: [row for row in rows if row["noticed_by"] != NOT_COMPILED]
    running = [0]

    def work(worker):
        folder = folders[worker]
        output = os.path.join(arguments.place, f"mutant{worker}.dll")
        alone = False
        while True:
            with lock:
                enough = not arguments.again and len(counted()) + running[0] >= arguments.count
                if enough or time.time() > until or waiting.empty():
                    return
                number, row, path, position, old, new = waiting.get()
                running[0] += 1
            begin = time.time()
            source = sources[path]
            result = NOT_COMPILED
            if number or not compiler.write(path, source[:position] + new + source[position + len(old):], output):
                if alone or not number:
                    lay(folder, together if number else output)
                    alone = not number
                for chosen in tests_for(names, path):
                    result, _ = run_tests(folder, chosen, limit, number) if chosen else (None, 0)
                    if result:
                        break
            with lock:
                running[0] -= 1
                if arguments.again:
                    # Notes may have been written by hand meanwhile.
                    rows[:] = read(arguments.out)
                    for known_row in rows:
                        if identity(known_row) == identity(row):
                            known_row["noticed_by"] = result or ""
                else:
                    notes = {identity(other): other["note"] for other in read(arguments.out)}
                    rows.append({**row, "noticed_by": result or "", "note": ""})
                    for other in rows:
                        other["note"] = notes.get(identity(other), other["note"])
                write(arguments.out, rows)
                print(f"{len(rows)}: {row['file']}:{row['line']} {row['change']}: {result or 'SURVIVES'} ({time.time() - begin:.0f} s)",
                      flush=True)

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(arguments.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    compiler.process.stdin.close()

    survivors = [row for row in counted() if not row["noticed_by"]]
    equivalent = [row for row in survivors if row["note"].startswith("equivalent")]
    print(f"{len(drawn)} places; {len(counted())} changes tried, {len(survivors)} survive, {len(equivalent)} of them equivalent")
    for row in survivors:
        print(f"  {row['file']}:{row['line']} {row['change']}: {row['text']}")


if __name__ == "__main__":
    main()
