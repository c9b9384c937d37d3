"""The virtual environment that the benchmark installs and runs in, and the machine it runs on.

Only the standard library is imported here: `run.py`, `exact.py` and `report.py` start under any
Python 3.10 or newer and continue under the interpreter of the environment (`enter`).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
WORK = REPOSITORY / "build-peers"
TOOLS = ("numpy", "matplotlib")
INSIDE = "VECINAL_PEERS_INSIDE"  # set once `enter` has re-executed the script


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def add_venv_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--venv", type=Path, default=WORK / "venv",
                        help="the virtual environment, made on first use")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where sets are, shared by run.py and exact.py."""
    parser.add_argument("--data", type=Path, default=_folder_in("VECINAL_DATA"),
                        help="folder of the stored sets (default: $VECINAL_DATA)")
    parser.add_argument("--made", type=Path, default=_folder_in("VECINAL_MADE"),
                        help="folder of generated sets (default: $VECINAL_MADE)")
    parser.add_argument("--cache", type=Path, default=WORK / "data",
                        help="where prepared sets are kept")
    parser.add_argument("--sets", nargs="+", metavar="NAME",
                        default=["fashion_mnist", "muge_cnclip512", "glove6b_100"])


def add_install_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-install", action="store_true",
                        help="install nothing: use what the environment holds")
    parser.add_argument("--vecinal-wheel", type=Path,
                        help="a built wheel, instead of building the working tree")


def enter() -> None:
    """Continues the running script under the Python of --venv, which is made on first use.

    The benchmark's own tools (numpy, matplotlib) are installed into it.
    """
    parser = argparse.ArgumentParser(add_help=False)
    add_venv_argument(parser)
    venv = parser.parse_known_args()[0].venv
    if os.environ.get(INSIDE) == str(venv.absolute()):
        return
    if not python_of(venv).exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    for tool in TOOLS:
        fault = install(venv, tool)
        if fault:
            sys.exit(f"cannot install {tool} into {venv}: {fault}")
    environment = dict(os.environ, **{INSIDE: str(venv.absolute())})
    os.execve(python_of(venv), [str(python_of(venv)), *sys.argv], environment)


def install(venv: Path, package: str, *options: str) -> str:
    """Installs a PyPI package, with options of pip, unless it is there.

    Returns:
        '' or the end of pip's complaint.
    """
    if version_of(venv, package):
        return ""
    return _pip(venv, "install", *options, package)


def install_vecinal(venv: Path, wheel: Path | None) -> str:
    """Installs `wheel`, or the working tree (built now); returns '' or why it could not."""
    if wheel is None and not (REPOSITORY / "pyproject.toml").exists():
        return "the repository has no pyproject.toml"
    return _pip(venv, "install", "--force-reinstall", "--no-deps", str(wheel or REPOSITORY))


def version_of(venv: Path, package: str) -> str:
    """The installed version of a package, '' if it is not installed."""
    code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    found = subprocess.run(
        [str(python_of(venv)), "-c", code, package], capture_output=True, text=True
    )
    return found.stdout.strip() if found.returncode == 0 else ""


def install_peers(venv: Path, packages: Iterable[str]) -> dict[str, str]:
    """Installs each package by itself; returns {package: reason} for those that failed."""
    faults = {}
    for package in packages:
        fault = install(venv, package)
        if fault:
            faults[package] = fault
    return faults


def worker_environment(threads: int) -> dict[str, str]:
    """The environment of a worker: at most `threads` threads in any OpenMP or BLAS runtime.

    OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE override OpenBLAS's own detection of the CPU, so they
    are taken out: an engine must meet the BLAS kernels that a user of this machine gets.
    """
    environment = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads)
    return environment


def describe_machine() -> dict[str, object]:
    """CPU, cores, memory and date, for the head of a result file."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    simd = [flag for flag in ("sse4_2", "avx2", "avx512f", "avx512_vnni", "amx_int8")
            if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": f"{fields.get('model name', platform.machine())}"
               f" (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})",
        "cores": len(os.sched_getaffinity(0)),
        "simd": simd,
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def machine_line(host: dict[str, object]) -> str:
    """One line that names the machine under a plot or table."""
    simd = host["simd"][-1] if host["simd"] else "no SIMD"  # type: ignore[index]
    return f"{host['cpu']}, {host['cores']} cores, {simd}, {host['date']}"


def revision() -> str:
    """The commit of the working tree, with '+' if it has changes; '' outside git."""
    def git(*arguments: str) -> str:
        ran = subprocess.run(["git", "-C", str(REPOSITORY), *arguments],
                             capture_output=True, text=True)
        return ran.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD")
    return commit + ("+" if commit and git("status", "--porcelain") else "")


def write_json(path: Path, value: object) -> None:
    """Replaces `path` in one step, so that an interrupted run leaves the last whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_text(json.dumps(value, indent=1) + "\n")
    partial.replace(path)


def _folder_in(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def _pip(venv: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [str(python_of(venv)), "-m", "pip", "--disable-pip-version-check", "-q", *arguments],
        capture_output=True, text=True,
    )
    if ran.returncode == 0:
        return ""
    return " | ".join((ran.stderr or ran.stdout).strip().splitlines()[-3:]) or "pip failed"
