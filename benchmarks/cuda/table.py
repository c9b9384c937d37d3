"""What was measured, as lines of one table: Markdown to read, JSON to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

HEADS = ("", "what", "figure", "recall", "times the speed of", "of the roofline", "goal", "remark")


@dataclass
class Line:
    """One figure, or why there is none."""

    goal: str  # G1 ..., of the README
    what: str
    seconds: float | None = None  # of a call
    queries: int = 1  # of a call; of many the figure is a rate
    recall: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)  # peer: its time over ours
    floor: float | None = None  # seconds that the roofline allows
    wanted: str = ""
    remark: str = ""

    def figure(self) -> str:
        if self.seconds is None:
            return "-"
        if self.queries < 100:
            return f"{self.seconds:.1f} s" if self.seconds > 1 else f"{self.seconds * 1e3:.3f} ms"
        return f"{self.queries / self.seconds:,.0f} QPS"

    def share(self) -> float | None:
        """Of the roofline's speed."""
        return self.floor / self.seconds if self.floor and self.seconds else None

    def cells(self) -> list[str]:
        share = self.share()
        ratios = ", ".join(f"{peer} {ratio:.2f}" for peer, ratio in self.ratios.items())
        return [self.goal, self.what, self.figure(),
                "-" if self.recall is None else f"{self.recall:.4f}", ratios or "-",
                "-" if share is None else f"{share:.0%}", self.wanted, self.remark]


def ratios(ours: float, theirs: Mapping[str, float]) -> dict[str, float]:
    """Each peer's seconds over ours."""
    return {peer: seconds / ours for peer, seconds in theirs.items()}


def markdown(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |"
                     for row in rows)


def page(document: Mapping[str, Any], lines: Sequence[Line]) -> str:
    """The Markdown page of a run."""
    parts = [f"# vecinal on {document['card']}", "", document["heading"], ""]
    if document["steps"]:
        heads = [("step", "result", "seconds", "remark"), ("---", "---", "---:", "---")]
        parts += ["## Checks", "", markdown([*heads, *document["steps"]]), ""]
    parts += ["## Measured", "", markdown([HEADS, ("---",) * len(HEADS),
                                           *(line.cells() for line in lines)]), ""]
    parts += ["## Ceilings", "", _ceilings(document["ceilings"]), ""]
    if document["missing"]:
        reasons = [f"- {name}: {' '.join(reason.split())}"
                   for name, reason in document["missing"].items()]
        parts += ["## Missing", "", *reasons, ""]
    return "\n".join(parts)


def _ceilings(ceilings: Mapping[str, Any]) -> str:
    groups = [(name, figures) for name, figures in ceilings.items() if isinstance(figures, dict)]
    if not groups:
        return "Not measured: no share of a roofline is given."
    return markdown([("rate", "of", "figure"), ("---", "---", "---:"),
                     *((group.replace("_", " "), name, f"{value:.3g}")
                       for group, figures in groups for name, value in figures.items())])


def as_json(document: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    return {**document, "lines": [{**asdict(line), "share": line.share()} for line in lines]}
