"""The parent's side: one worker an engine, and interleaved rounds of measurement.

Only one worker runs at a time. Rounds visit setting by setting and, within one, engine by engine
in an order drawn anew each time, so that a slow minute of the machine hits all engines alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import datasets
import environment
import scoring

Log = Callable[[str], None]


class EngineFailed(Exception):
    """An engine could not do what it was asked; the message says why."""


class Worker:
    """A running worker process. Use as a context manager: leaving ends the process."""

    def __init__(self, venv: Path, engine: str, folder: Path, threads: int,
                 timeout: float) -> None:
        self.engine = engine
        self._timeout = timeout
        self._errors = tempfile.TemporaryFile("w+")
        script = Path(__file__).with_name("worker.py")
        self._process = subprocess.Popen(
            [str(environment.python_of(venv)), str(script), engine, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env=environment.worker_environment(threads),
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer. Raises EngineFailed."""
        alarm = threading.Timer(self._timeout, self._process.kill)
        alarm.start()
        try:
            self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            alarm.cancel()
        if not line:
            raise EngineFailed(self._last_words(command))
        reply = json.loads(line)
        if "error" in reply:
            raise EngineFailed(reply["error"])
        return reply

    def _last_words(self, command: str) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        said = f": {lines[-1]}" if lines else ""
        return f"the process ended during {command!r} with status {status}{said}"


@dataclass(frozen=True)
class Plan:
    """What to measure, and how often."""

    k: int = 10
    threads: Sequence[int] = (1,)
    build_threads: int = 2
    repeats: int = 5
    seconds: float = 0.3  # least processor time of one measurement
    stride: int = 1  # takes every stride-th setting of a sweep
    batch: int = 0  # queries a call; 0: all
    limit: int = 0  # queries used; 0: all
    enough: float = 0.999  # no larger setting is tried once recall reaches this
    timeout: float = 7200  # seconds an engine may take for one command
    cores: Sequence[int] = field(default_factory=lambda: sorted(os.sched_getaffinity(0)))

    def cores_for(self, threads: int) -> list[int]:
        """The last cores: the first ones serve more of the system's own work."""
        return list(self.cores[-threads:])


def measure(dataset: datasets.Dataset, names: Sequence[str], venv: Path, plan: Plan,
            log: Log) -> dict[str, Any]:
    """Builds and measures the engines on one set.

    Returns:
        {"engines": {name: {"build_seconds", "build_cpu_seconds", "bytes_per_vector", "points"}},
         "failed": {name: reason}}. A point is {"setting", "threads", "recall", "qps", "cpu_qps",
        "runs": {"qps": [...], "cpu_qps": [...]}}, its two figures being medians of the runs. An
        engine that failed on the way is in both parts, with the points it had reached.
    """
    failed: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        running: dict[str, _Course] = {}
        for name in names:
            threads = max([plan.build_threads, *plan.threads])
            worker = Worker(venv, name, dataset.folder, threads, plan.timeout)
            stack.enter_context(worker)
            try:
                running[name] = _build(worker, dataset, plan)
                log(f"  {name}: {running[name].summary()}")
            except EngineFailed as fault:
                failed[name] = str(fault)
                log(f"  {name}: FAILED: {fault}")
        for round_number in range(plan.repeats):
            _round(round_number, running, failed, dataset, plan, log)
    return {"engines": {name: course.result(len(dataset.base)) for name, course in running.items()},
            "failed": failed}


@dataclass
class _Course:
    """One engine on its way through the rounds."""

    worker: Worker
    build: dict[str, Any]
    settings: list[int]
    points: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    best_recall: float = 0.0

    def summary(self) -> str:
        return f"built in {self.build['seconds']:.1f} s, {self.build['bytes'] / 2**20:.0f} MiB"

    def result(self, rows: int) -> dict[str, Any]:
        for point in self.points.values():
            point |= {figure: statistics.median(runs) for figure, runs in point["runs"].items()}
        return {"build_seconds": self.build["seconds"],
                "build_cpu_seconds": self.build["cpu_seconds"],
                "bytes_per_vector": self.build["bytes"] / rows,
                "points": [self.points[key] for key in sorted(self.points)]}


def _build(worker: Worker, dataset: datasets.Dataset, plan: Plan) -> _Course:
    reply = worker.ask("build", threads=plan.build_threads,
                       cores=plan.cores_for(max(plan.build_threads, 1)))
    below_k = reply.pop("below_k")
    usable = [value for value in reply.pop("settings") if value == 0 or value >= plan.k or below_k]
    return _Course(worker, reply, usable[::plan.stride])


def _round(number: int, running: dict[str, _Course], failed: dict[str, str],
           dataset: datasets.Dataset, plan: Plan, log: Log) -> None:
    """Visits every (setting, threads, engine) once; the first round also scores recall."""
    draw = random.Random(number)
    for index in range(max((len(course.settings) for course in running.values()), default=0)):
        for threads in plan.threads:
            names = [name for name, course in running.items()
                     if name not in failed and index < len(course.settings)]
            draw.shuffle(names)
            for name in names:
                try:
                    _visit(running[name], index, threads, dataset, plan)
                except EngineFailed as fault:
                    failed[name] = str(fault)
                    log(f"  {name}: FAILED: {fault}")
        if number == 0:
            _stop_where_enough(running, index, plan.enough)
    log(f"  round {number + 1} of {plan.repeats}")


def _visit(course: _Course, index: int, threads: int, dataset: datasets.Dataset,
           plan: Plan) -> None:
    setting = course.settings[index]
    point = course.points.get((threads, setting))
    with tempfile.TemporaryDirectory() as folder:
        ids = None if point else str(Path(folder) / "ids.npy")
        reply = course.worker.ask(
            "search", setting=setting, threads=threads, cores=plan.cores_for(threads), k=plan.k,
            batch=plan.batch, limit=plan.limit, seconds=plan.seconds, ids=ids)
        if point is None:
            recall = scoring.recall(dataset, np.load(ids), plan.k)
            point = {"setting": setting, "threads": threads, "recall": recall,
                     "runs": {"qps": [], "cpu_qps": []}}
            course.points[threads, setting] = point
            course.best_recall = max(course.best_recall, recall)
    for figure, runs in point["runs"].items():
        runs.append(reply[figure])


def _stop_where_enough(running: dict[str, _Course], index: int, enough: float) -> None:
    for course in running.values():
        if course.best_recall >= enough:
            del course.settings[index + 1:]
