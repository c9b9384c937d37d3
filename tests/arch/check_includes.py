"""The layers of src/ and the arrows between them: who may include whom (docs/architecture.md)."""

from __future__ import annotations

import re
from pathlib import Path

from sources import CPP, ROOT, files, report

# A layer may include itself, the public headers, and these.
LAYERS: dict[str, set[str]] = {
    "core": set(),
    "kernels": {"core"},
    "encoding": {"core", "kernels"},
    "graph": {"core", "kernels", "encoding"},
    "transform": {"core", "kernels"},
    "multivector": {"core", "kernels", "encoding", "transform"},
    "backend": {"core", "kernels", "encoding", "graph"},
    "index": {"core", "kernels", "encoding", "graph", "transform", "multivector", "backend"},
    "cli": set(),
}
# Only public headers, std and third party. (Tests may include anything.)
OUTSIDE = ("include", "python", "examples", "benchmarks/search")
# What cuda/ may see of src/: plain views.
CUDA_MAY = (
    "core/types.hpp",
    "kernels/rows.hpp",
    "backend/backend.hpp",
    "backend/device_encoding.hpp",
    "backend/device_fused.hpp",
    "backend/device_sets.hpp",
)
# Each source of kernels/ that is compiled once per instruction set may instantiate no library code.
PER_ISA = re.compile(r"src/kernels/(?!dispatch)\w+\.[ch]pp$")
PER_ISA_MAY = re.compile(
    r"<(cstddef|cstdint|cstring|\w+intrin\.h|arm_neon\.h)>|\"kernels/(?!dispatch)\w+\.hpp\""
)

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"][^>\"]+[>\"])", re.MULTILINE)


def layer_of(name: str, file: Path, root: Path) -> str | None:
    """The layer of src/ that a quoted or angled name lies in; None for public, std and third-party headers."""
    for base in (root / "src", file.parent):
        target = (base / name).resolve()
        if target.is_file() and target.is_relative_to(root / "src"):
            return target.relative_to(root / "src").parts[0]
    first = name.split("/")[0]
    return first if "/" in name and first in LAYERS else None


def fault_of(file: Path, include: str, root: Path) -> str | None:
    """What is wrong with one include, or None."""
    place = file.relative_to(root).as_posix()
    name = include[1:-1]
    target = layer_of(name, file, root)
    if PER_ISA.search(place) and not PER_ISA_MAY.fullmatch(include):
        return "code compiled once per instruction set may include no more than integers, intrinsics, rows"
    if place.startswith("include/") and "/" in name and not name.startswith("vecinal/"):
        return "public headers include std only"
    if place.startswith(OUTSIDE) and target:
        return f"only public headers, not the layer {target}"
    if place.startswith("cuda/") and target and name not in CUDA_MAY:
        return f"cuda may include {', '.join(CUDA_MAY)} of src"
    if place.startswith("src/") and name.startswith("cuda/"):
        return "src may not include cuda"
    if place.startswith("src/"):
        layer = place.split("/")[1]
        if layer not in LAYERS:
            return f"{layer} is no layer: add it to LAYERS and to docs/architecture.md"
        if target and target != layer and target not in LAYERS[layer]:
            return f"{layer} may not include {target}"
    return None


def check(root: Path) -> list[str]:
    """One line a forbidden include: file:line: #include "x": reason."""
    faults = []
    for file in files(root, *CPP):
        text = file.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            reason = fault_of(file, match[1], root)
            if reason:
                line = text.count("\n", 0, match.start()) + 1
                faults.append(f"{file.relative_to(root)}:{line}: #include {match[1]}: {reason}")
    return faults


if __name__ == "__main__":
    report(check(ROOT))
