"""Do the tests bite? Puts each fault of sabotages.toml into a copy of the sources and runs its gate there.

    tests/sabotage/run.py [--check] [--waits] [--only TEXT...] [--jobs N] [FOLDER]

FOLDER (build/sabotage) takes the copy and its build. Exits with 1 if a fault passes its gate. --check only
sees whether each fault still applies: what it replaces stands once in its file. --waits takes away, one by one,
every barrier of the kernels and every wait for a stream instead. Gates are filters of vecinal_tests, behind
"cuda:" of the kernels' tests on the emulation, behind "emulation:" of the emulation's own, or "crash".
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ["CMakeLists.txt", "CMakePresets.json", "cmake", "include", "src", "cuda", "tests", "examples"]

PROGRAMS = {"cuda": "cuda/vecinal_cuda_tests", "emulation": "cuda/vecinal_emulation_tests", "": "vecinal_tests"}
TARGETS = [*(path.rpartition("/")[2] for path in PROGRAMS.values()), "vecinal_fault_tests", "vecinal_crash_driver"]
WAIT = re.compile(r"\s*(__sync(?:warp|threads)\(\);|wait_for_copies<.*\(\);|synchronize\(.*\);)")


@dataclass
class Sabotage:
    name: str
    file: str
    old: str
    new: str
    gate: str
    cpu: str = ""  # what /proc/cpuinfo must have for the line to run

    def problem(self) -> str | None:
        """Why it does not apply, if so."""
        text = (ROOT / self.file).read_text()
        if (found := text.count(self.old)) != 1:
            return f"{self.name}: what it replaces stands {found} times in {self.file}"
        return None


def all_sabotages() -> list[Sabotage]:
    text = (ROOT / "tests/sabotage/sabotages.toml").read_text()
    return [Sabotage(**entry) for entry in tomllib.loads(text)["sabotage"]]


def all_waits() -> list[Sabotage]:
    """A fault for each line of cuda/ that is one, but for what only a card has (*_cuda.cu)."""
    waits = []
    for path in sorted((ROOT / "cuda").iterdir()):
        text = path.read_text()
        if path.name.endswith("_cuda.cu") or path.suffix not in (".cu", ".hpp"):
            continue
        lines = text.splitlines(keepends=True)
        for at, line in enumerate(lines):
            if (wait := WAIT.match(line)) is None:
                continue
            first = at  # as many lines before it as tell it from others
            while text.count("".join(lines[first : at + 1])) != 1:
                first -= 1
            before = "".join(lines[first:at])
            waits.append(
                Sabotage(f"{path.name}:{at + 1} without {wait[1]}", f"cuda/{path.name}", before + line,
                         before + line.replace(wait[1], ";"), "cuda:*")
            )  # fmt: skip
    return waits


def copy_if_other(source: Path, to: Path) -> None:
    """With the time of now: the build must see what has changed since its last."""
    if to.exists() and to.read_bytes() == source.read_bytes():
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    shutil.copymode(source, to)


class Workshop:
    """A copy of the sources, built once and then again for each fault."""

    def __init__(self, folder: Path, jobs: int, gates: list[str]) -> None:
        """gates: all tests that there are for the faults; they must pass at first."""
        self.tree, self.jobs = folder / "tree", jobs
        self.build = folder / "build"
        for name in COPIED:
            for source in [path for path in [ROOT / name, *(ROOT / name).rglob("*")] if path.is_file()]:
                copy_if_other(source, self.tree / source.relative_to(ROOT))
        self.run("cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                 "-DVECINAL_EXAMPLES=OFF", "-DVECINAL_INSTALL=OFF")  # fmt: skip
        if not self.make():
            sys.exit("the sources do not build as they are")
        for gate in gates:
            if (failure := self.first_failure(gate)) is not None:
                sys.exit(f"the sources fail as they are: {failure}")

    def run(self, *command: object) -> None:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{command[0]} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")

    def make(self) -> bool:
        command = ["cmake", "--build", str(self.build), "-j", str(self.jobs), "--target", *TARGETS]
        return subprocess.run(command, capture_output=True).returncode == 0

    def caught(self, sabotage: Sabotage) -> str | None:
        """What caught it, if anything did."""
        path = self.tree / sabotage.file
        sound = path.read_text()
        path.write_text(sound.replace(sabotage.old, sabotage.new))
        try:
            return self.first_failure(sabotage.gate) if self.make() else "the compiler"
        finally:
            path.write_text(sound)

    def first_failure(self, gate: str) -> str | None:
        if gate == "crash":
            done = subprocess.run(
                ["ctest", "--test-dir", str(self.build), "-R", "^crash", "--stop-on-failure"],
                capture_output=True, text=True, timeout=900,
            )  # fmt: skip
            return "crash tests" if done.returncode != 0 else None
        program = next((name for name in PROGRAMS if gate.startswith(name + ":")), "")
        tests = self.build / "tests" / PROGRAMS[program]
        emulated = self.build / "tests/cuda/libvecinal_cuda_checked.so"
        filter = gate.removeprefix(program + ":")
        command = [str(tests), f"--gtest_filter={filter}", "--gtest_fail_fast", "--gtest_brief=1"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600,
                                  env=os.environ | {"VECINAL_CUDA_LIBRARY": str(emulated)})
        except subprocess.TimeoutExpired:
            return "a test that did not end"
        if "0 tests from 0 test suites" in done.stdout:
            sys.exit(f"no test is called {gate}")
        if done.returncode == 0:
            return None
        failed = [line.split("]")[1].split("(")[0].strip() for line in done.stdout.splitlines()
                  if line.startswith("[  FAILED  ]")]  # fmt: skip
        return failed[0] if failed else f"the end of the tests with {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build/sabotage")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--waits", action="store_true")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    known = all_waits() if options.waits else all_sabotages()
    sabotages = [s for s in known if any(part in s.name for part in options.only)]
    if problems := [problem for s in sabotages if (problem := s.problem())]:
        print(*problems, sep="\n")
        return 1
    if options.check:
        return 0
    usable = [s for s in sabotages if s.cpu in Path("/proc/cpuinfo").read_text().split() + [""]]
    for sabotage in sabotages:
        if sabotage not in usable:
            print(f"left out  {sabotage.name}: it needs a CPU with {sabotage.cpu}")
    sabotages = usable
    gates = ["cuda:*"] if options.waits else ["crash", "*", "cuda:*", "emulation:*"]
    workshop = Workshop(options.folder.resolve(), options.jobs, gates)
    missed = 0
    for sabotage in sabotages:
        caught = workshop.caught(sabotage)
        missed += caught is None
        print(f"{'MISSED' if caught is None else 'caught'}  {sabotage.name}"
              f"{'' if caught is None else '  by ' + caught}", flush=True)  # fmt: skip
    print(f"{len(sabotages) - missed} of {len(sabotages)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
