"""Kills a process at each of its system calls, and lets each of them fail, while it saves an index or
changes one with a log: crash_test.py DRIVER [--long]

After a kill the index must be in a state that was acknowledged, or in that of the change under way; after
an error the process goes on, tries again and must come to the end. The short form kills before every call
that reaches the disk and fails some of them in some ways; --long also kills before all others, and fails
each in every way, those of a recovery from an earlier fault too. Needs strace; exits with 77 where there is none, or it may not trace.
"""

from __future__ import annotations

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SKIPPED = 77
# Of the driver. Recoveries make good what an earlier fault has left.
SAVES = ["save", "left"]
KINDS = [*SAVES, "log", "torn", "stale"]
RECOVERIES = ["left", "torn", "stale"]
BEGIN = "/crash-test-begins-here"
END = "/crash-test-ends-here"
# Calls that change what the disk holds: a process killed between two of them leaves what it would leave
# killed before the second.
DISK = ["pwrite64", "fdatasync", "fsync", "rename", "ftruncate", "unlink", "openat", "close", "flock", "fchmod"]
MEMORY = ["write", "mmap", "munmap", "mprotect", "brk", "newfstatat", "lseek", "read"]
REASONS = ["ENOSPC", "EIO", "EDQUOT", "EINTR", "EMFILE"]
# What the short form fails them with.
SHORT = {
    "pwrite64": ["ENOSPC", "EINTR"],
    "fdatasync": ["EIO"],
    "fsync": ["EIO"],
    "rename": ["EIO"],
    "ftruncate": ["EIO"],
    "openat": ["EMFILE"],
    "flock": ["EINTR", "EIO"],
    "newfstatat": ["EIO"],
    "fchmod": ["EIO"],
    "mmap": ["ENOMEM"],
}
# Where an error may end the process: memory that is not there may be the driver's.
MAY_GIVE_UP = {"write", "mmap", "munmap", "mprotect", "newfstatat", "lseek", "read"}


class Failure(Exception):
    """A promise that was not kept."""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


class Case:
    """One kind of work of the driver, and how to check what is left of it."""

    def __init__(self, driver: str, kind: str, folder: Path) -> None:
        self.driver, self.kind, self.folder = driver, kind, folder
        self.old = folder / f"{kind}-old"
        self.old.mkdir()
        prepared = run([driver, "prepare", kind, str(self.old)])
        self.expect(prepared, "prepare")
        self.first, self.last = map(int, re.search(r"states (\d+) (\d+)", prepared.stdout).groups())
        self.before, self.total = self.count()

    def expect(self, done: subprocess.CompletedProcess[str], what: str) -> None:
        if done.returncode != 0:
            raise Failure(f"{self.kind}: {what}: status {done.returncode}: {done.stdout}{done.stderr}")

    def copy(self, name: str) -> Path:
        work = self.folder / f"{self.kind}-{name}"
        shutil.copytree(self.old, work)
        return work

    def count(self) -> tuple[Counter[str], Counter[str]]:
        """How many calls of each name there are before the work begins, and until it ends."""
        work = self.copy("count")
        trace = self.folder / f"{self.kind}.trace"
        self.expect(run(["strace", "-f", "-qq", "-o", str(trace), self.driver, "run", self.kind, str(work)]), "run")
        seen: Counter[str] = Counter()
        before: Counter[str] = Counter()
        lines = trace.read_text(errors="replace").splitlines()
        self.expect_syncs(lines)
        for line in lines:
            if BEGIN in line:
                before = Counter(seen)
            elif END in line:
                break
            elif name := re.match(r"\d+ +(\w+)\(", line):
                seen[name[1]] += 1
        shutil.rmtree(work)
        return before, seen

    def expect_syncs(self, lines: list[str]) -> None:
        """What a kill cannot show: nothing gets its name, and nothing is acknowledged, before it is on the disk."""
        written = renamed = False
        for line in lines:
            if " pwrite64(" in line:
                written = True
            elif " fdatasync(" in line:
                written = False
            elif " fsync(" in line:
                renamed = False
            elif " rename(" in line or ' write(1, "ack' in line:
                if written or renamed:
                    raise Failure(f"{self.kind}: not synced before: {line}")
                renamed = " rename(" in line

    def numbers(self, call: str) -> range:
        return range(self.before[call] + 1, self.total[call] + 1)

    def verify(self, work: Path, allowed: set[int]) -> None:
        done = run([self.driver, "verify", self.kind, str(work)])
        self.expect(done, "verify")
        state = int(re.search(r"state (\d+)", done.stdout)[1])
        if state not in allowed:
            raise Failure(f"{self.kind}: {state} changes are there, allowed are {sorted(allowed)}")

    def disturb(self, inject: str, limit: str = "") -> None:
        """Runs the driver with a fault, and checks what it leaves."""
        work = self.copy(re.sub(r"\W", "-", inject + limit))
        command = [self.driver, "run", self.kind, str(work)] + [limit] * bool(limit)
        if inject:
            command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={inject}", *command]
        done = run(command)
        gives_up = done.returncode == 3 and inject.split(":")[0] in MAY_GIVE_UP
        if "signal" in inject or gives_up:
            acknowledged = [int(number) for number in re.findall(r"ack (\d+)", done.stdout)]
            state = acknowledged[-1] if acknowledged else self.first
            # A save is of all changes at once.
            self.verify(work, {state, self.last if self.kind in SAVES else min(state + 1, self.last)})
        else:
            self.expect(done, f"run with {inject}{limit}")
            self.verify(work, {self.last})
        shutil.rmtree(work)

    def faults(self, thorough: bool) -> Iterator[tuple[str, str]]:
        for call in DISK + (MEMORY if thorough else []):
            for n in self.numbers(call):
                yield f"{call}:signal=SIGKILL:when={n}", ""
        if self.kind in RECOVERIES and not thorough:
            return
        for call in DISK + MEMORY if thorough else SHORT:
            if call == "brk":
                continue  # it has no errors
            reasons = (REASONS + ["ENOMEM"] * (call in MEMORY)) if thorough else SHORT[call]
            for reason in reasons:
                step = 1 if thorough or call not in MEMORY else max(1, len(self.numbers(call)) // 12)
                for n in self.numbers(call)[::step]:
                    yield f"{call}:error={reason}:when={n}", ""
        # Files may grow to so many bytes: the write that goes beyond is cut short, the next fails.
        size = sum(file.stat().st_size for file in self.old.iterdir())
        for limit in range(1, 3 * size, size // (200 if thorough else 10)):
            yield "", str(limit)


def check(driver: str, thorough: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cases = [Case(driver, kind, Path(scratch)) for kind in KINDS]
        faults = [(case, *fault) for case in cases for fault in case.faults(thorough)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting = {pool.submit(case.disturb, *fault): (case.kind, *fault) for case, *fault in faults}
            broken = []
            for done in concurrent.futures.as_completed(waiting):
                if error := done.exception():
                    broken.append(f"{' '.join(waiting[done])}: {error}")
        kills = sum("signal" in fault[1] for fault in faults)
        print(f"{kills} kills and {len(faults) - kills} errors, {len(broken)} broken promises")
        if broken:
            print(*broken[:20], sep="\n")
            sys.exit(1)


def can_trace() -> bool:
    return shutil.which("strace") is not None and run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode == 0


if __name__ == "__main__":
    if not can_trace():
        print("left out: there is no strace, or it may not trace here")
        sys.exit(SKIPPED)
    check(sys.argv[1], "--long" in sys.argv[2:])
