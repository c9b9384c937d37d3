"""Graph search at a recall: many queries (G3, G4, G7), few (G5), filtered (G8), and the same
answers again (G11)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import vecinal

import datasets  # of benchmarks/peers
import pareto  # of benchmarks/peers
import peers
import scans
import scoring  # of benchmarks/peers
from bench import DEGREE, Bench, guarded, log, ranked_bytes, row_bytes, tail_bytes
from table import Line, ratios
from timing import interleaved

ENOUGH = 0.998  # no larger beam is tried
OURS = "vecinal"
PASSING = (0.01, 0.10)  # shares of the rows that filters let pass


@dataclass
class Point:
    setting: int
    recall: float
    seconds: float = 0  # of all queries
    floor: float | None = None


@dataclass
class Sweep:
    """Efforts that were tried over one set."""

    dataset: datasets.Dataset
    encoding: str
    index: vecinal.Index
    peers: list[peers.Peer]
    points: dict[str, list[Point]] = field(default_factory=dict)

    def seconds_at(self, name: str, recall: float) -> float | None:
        """Of all queries at that recall, between the points; None where it is not reached."""
        rates = [(point.recall, 1 / point.seconds) for point in self.points[name] if point.seconds]
        rate = pareto.rate_at(pareto.front(rates), recall)
        return None if rate is None else 1 / rate

    def least(self, name: str, recall: float) -> Point | None:
        """The least effort that reaches a recall."""
        return next((point for point in self.points[name] if point.recall >= recall), None)


def sweep(bench: Bench, dataset: datasets.Dataset, encoding: str,
          rivals: Iterable[peers.Peer]) -> Sweep:
    """Builds an index; measures recall and time of all queries by rising effort, beside peers."""
    index = bench.graph(dataset.name, dataset.base, dataset.metric, encoding)
    result = Sweep(dataset, encoding, index, list(rivals))
    result.points[OURS] = list(_our_points(bench, result))
    calls: dict[tuple[str, int], Callable[[], Any]] = {}
    for point in result.points[OURS]:
        calls[OURS, point.setting] = partial(index.search, dataset.queries, k=bench.k,
                                             beam=point.setting)
    for peer in result.peers:
        points = guarded(bench.missing, peer.name, lambda: list(_points(bench, dataset, peer)))
        result.points[peer.name] = points or []
        for point in points or []:
            calls[peer.name, point.setting] = peer.call(dataset.queries, bench.k, point.setting)
    seconds, faults = interleaved(calls, bench.sizes.repeats, bench.deadline,
                                  rivals={key for key in calls if key[0] != OURS})
    for (name, setting), fault in faults.items():
        bench.missing[f"{name} {setting}"] = fault
    for name, points in result.points.items():
        for point in points:
            point.seconds = seconds.get((name, point.setting), 0)
    return result


def _our_points(bench: Bench, sweep: Sweep) -> Iterator[Point]:
    dataset = sweep.dataset
    known = dataset.queries[:len(dataset.truth)]
    share = len(dataset.queries) / len(known)
    for beam in bench.sizes.beams:
        hits = sweep.index.search(known, k=bench.k, beam=beam)
        recall = scoring.recall(dataset, hits.ids, bench.k)
        yield Point(beam, recall, floor=_floor(bench, sweep, hits.stats, share))
        if recall >= ENOUGH:
            return


def _floor(bench: Bench, sweep: Sweep, stats: dict[str, int], share: float) -> float | None:
    """Seconds in which the rows and links that a search read can be read at random places; of fused
    rows those that were expanded."""
    dim = sweep.dataset.base.shape[1]
    row, tail = row_bytes(sweep.encoding, dim), tail_bytes(sweep.encoding, dim)
    parts = [bench.gather_floor(stats["hops"] * share, 4 * DEGREE)]
    if tail:
        parts.append(bench.gather_floor(stats["hops"] * share, row + tail))
    else:
        parts.append(bench.gather_floor(stats["distances"] * share, row))
    if ranked_bytes(sweep.encoding, dim):
        parts.append(bench.gather_floor(stats["reranked"] * share,
                                        ranked_bytes(sweep.encoding, dim)))
    return None if None in parts else sum(part for part in parts if part)


def _points(bench: Bench, dataset: datasets.Dataset, peer: peers.Peer) -> Iterator[Point]:
    known = dataset.queries[:len(dataset.truth)]
    for setting in peer.settings:
        recall = scoring.recall(dataset, peer.ids(peer.call(known, bench.k, setting)()), bench.k)
        yield Point(setting, recall)
        if recall >= ENOUGH:
            return


def at_recall(bench: Bench, sweep: Sweep, goal: str, recall: float, wanted: str) -> None:
    """Adds the line of all queries at a recall."""
    what = (f"graph, {sweep.dataset.name}, {sweep.encoding}, batch"
            f" {len(sweep.dataset.queries):,}, recall {recall:.2f}")
    ours = sweep.seconds_at(OURS, recall)
    if ours is None:
        best = max(point.recall for point in sweep.points[OURS])
        bench.add(Line(goal, what, wanted=wanted, remark=f"not reached: {best:.4f} at most"))
        return
    theirs = {peer.name: sweep.seconds_at(peer.name, recall) for peer in sweep.peers}
    reached = {name: seconds for name, seconds in theirs.items() if seconds}
    least = sweep.least(OURS, recall)
    remark = f"beam {least.setting} reaches {least.recall:.4f}" if least else ""
    late = [name for name, seconds in theirs.items() if not seconds]
    remark += f"; not reached by {', '.join(late)}" if late else ""
    floor = least.floor * ours / least.seconds if least and least.floor and least.seconds else None
    bench.add(Line(goal, what, ours, len(sweep.dataset.queries), recall, ratios(ours, reached),
                   floor, wanted, remark))


def build_line(bench: Bench, sweep: Sweep, wanted: str) -> None:
    """G6: beside peers, and over fewer rows beside the own CPU, whose bytes must be the same."""
    dataset = sweep.dataset
    seconds = bench.built[f"{dataset.name}, {sweep.encoding}, cuda"]
    bench.add(Line("G6", f"build, {dataset.name}, {sweep.encoding}", seconds,
                   ratios=ratios(seconds, {peer.name: peer.build_seconds for peer in sweep.peers}),
                   wanted=wanted))
    part = dataset.base[:bench.sizes.compared]
    name = f"{len(part):,} x {part.shape[1]}"
    made = [bytes(bench.graph(f"part of {name}", part, dataset.metric, sweep.encoding, device))
            for device in ("cuda", "cpu")]
    if made[0] != made[1]:
        raise ValueError(f"graphs over {name} differ, built on the device and by the CPU")
    ours, cpu = (bench.built[f"part of {name}, {sweep.encoding}, {device}"]
                 for device in ("cuda", "cpu"))
    bench.add(Line("G6", f"build, {name}, {sweep.encoding}", ours,
                   ratios=ratios(ours, {"own CPU": cpu}), wanted=">= 20x own CPU",
                   remark="the same bytes"))


def few_queries(bench: Bench, sweep: Sweep, recall: float = 0.95) -> None:
    """G5."""
    least = sweep.least(OURS, recall)
    if least is None:
        return
    for batch in (1, 10):
        asked = sweep.dataset.queries[:max(bench.sizes.alone, batch)]
        calls = {OURS: scans.in_turn(
            partial(sweep.index.search, k=bench.k, beam=least.setting), asked, batch)}
        for peer in sweep.peers:
            point = sweep.least(peer.name, recall)
            if point is not None:
                calls[peer.name] = peers.in_turn(peer, asked, bench.k, batch, point.setting)
        seconds, faults = interleaved(calls, bench.sizes.repeats, bench.deadline,
                                      rivals=set(calls) - {OURS})
        bench.missing.update({f"{name}, batch {batch}": fault for name, fault in faults.items()})
        ours = seconds.pop(OURS)
        bench.add(Line("G5", f"graph, {sweep.dataset.name}, {sweep.encoding}, batch {batch}", ours,
                       batch, least.recall, ratios(ours, seconds),
                       wanted="<= 0.20 ms; >= 1.2x cuVS" if batch == 1 else ""))


def filtered(bench: Bench, sweep: Sweep, exact: vecinal.Index) -> None:
    """G8: recall against the exact answers among the rows that pass."""
    dataset = sweep.dataset
    for share in PASSING:
        mask = np.random.default_rng(3).random(len(dataset.base)) < share
        known = dataset.queries[:len(dataset.truth)]
        truth = exact.search(known, k=bench.k, filter=mask).ids
        if (truth < 0).any():
            log(f"  too few rows pass the filter of {share:.0%}")
            continue
        allowed = replace(dataset, truth=truth.astype(np.int32))
        asked = dataset.queries[:bench.sizes.scanned]
        found = sweep.index.search(known, k=bench.k, filter=mask).ids
        calls: dict[str, Callable[[], Any]] = {
            OURS: partial(sweep.index.search, asked, k=bench.k, filter=mask)}
        remarks = []
        for peer in sweep.peers:
            if isinstance(peer, peers.CuvsCagra):
                recall = guarded(bench.missing, f"{peer.name}, filtered",
                                 lambda: _filtered_peer(bench, peer, allowed, mask, asked, calls))
                remarks += [] if recall is None else [f"{peer.name}: recall {recall:.4f}"]
        seconds, faults = interleaved(calls, bench.sizes.repeats, bench.deadline,
                                      rivals=set(calls) - {OURS})
        bench.missing.update({f"{name}, filtered": fault for name, fault in faults.items()})
        ours = seconds.pop(OURS)
        bench.add(Line("G8", f"filter {share:.0%}, {dataset.name}, {sweep.encoding}, batch"
                       f" {len(asked):,}", ours, len(asked),
                       scoring.recall(allowed, found, bench.k), ratios(ours, seconds),
                       wanted="recall >= .99, >= 5x cuVS", remark="; ".join(remarks)))


def _filtered_peer(bench: Bench, peer: peers.CuvsCagra, allowed: datasets.Dataset,
                   mask: np.ndarray, asked: np.ndarray,
                   calls: dict[str, Callable[[], Any]]) -> float:
    """Its recall at its greatest effort; its call is added."""
    known = allowed.queries[:len(allowed.truth)]
    passing = peer.allowed(mask)
    most = peer.settings[-1]
    ids = peer.ids(peer.call(known, bench.k, most, filter=passing)())
    calls[peer.name] = peer.call(asked, bench.k, most, filter=passing)
    return scoring.recall(allowed, ids, bench.k)


def followed(bench: Bench, sweep: Sweep) -> None:
    """Searches, each behind an add of one item: the copies on the device get what has changed."""
    queries = sweep.dataset.queries
    ids, adds, searches = [], [], []
    for number in range(1, min(len(queries), 21)):
        start = time.perf_counter()
        ids.append(sweep.index.add(queries[number:number + 1]))
        added = time.perf_counter()
        sweep.index.search(queries[:1], k=bench.k)
        adds.append(added - start)
        searches.append(time.perf_counter() - added)
    sweep.index.remove(np.concatenate(ids))
    bench.add(Line("G6", f"search behind an add of one item, {sweep.dataset.name}, {sweep.encoding}",
                   median(searches), remark=f"the add {median(adds) * 1e3:.3f} ms"))


def stable(bench: Bench, sweep: Sweep) -> None:
    """G11: the same ids in five runs and in batches of 1, 7 and all. Raises if they differ."""
    beam = sweep.points[OURS][min(3, len(sweep.points[OURS]) - 1)].setting
    queries = sweep.dataset.queries

    def ids(part: np.ndarray) -> np.ndarray:
        return sweep.index.search(part, k=bench.k, beam=beam).ids

    first = ids(queries)
    for _ in range(4):
        np.testing.assert_array_equal(ids(queries), first, "another run, other answers")
    for batch in (1, 7):
        count = min(len(queries), batch * bench.sizes.alone)
        for start in range(0, count, batch):
            part = slice(start, min(start + batch, count))
            np.testing.assert_array_equal(ids(queries[part]), first[part],
                                          f"other answers in batches of {batch}")
    bench.add(Line("G11", f"the same ids, {sweep.dataset.name}, {sweep.encoding}: 5 runs, batches"
                   f" 1, 7 and {len(queries):,}", wanted="identical", remark="identical"))
