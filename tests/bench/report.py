"""Medians, ratios and the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`value` in `unit`; `aim` is what it should be, `ok` whether it is."""

    what: str
    value: float
    unit: str
    aim: str
    ok: bool
    detail: str = ""


def spread(samples: Sequence[float]) -> str:
    """median [min–max]"""
    middle = statistics.median(samples)
    return f"{middle:.4g} [{min(samples):.4g}–{max(samples):.4g}]"


def ratio(
    what: str, ours: Sequence[float], theirs: Sequence[float], aim: float, most: bool = True
) -> Row:
    """Ratio of medians; `most`: it shall be at most `aim`, else at least."""
    value = statistics.median(ours) / statistics.median(theirs)
    sign = "≤" if most else "≥"
    ok = value <= aim if most else value >= aim
    detail = f"{spread(ours)} ÷ {spread(theirs)}, n={len(ours)}"
    return Row(what, value, "×", f"{sign} {aim:.2f}", ok, detail)


def least(what: str, value: float, unit: str, aim: float, detail: str = "") -> Row:
    return Row(what, value, unit, f"≥ {aim:g}", value >= aim, detail)


def most(what: str, value: float, unit: str, aim: float, detail: str = "") -> Row:
    return Row(what, value, unit, f"≤ {aim:g}", value <= aim, detail)


def interleaved(rounds: int, subjects: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each subject once per round, the order turned by one each time; the first round warms up
    and does not count."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            seconds = subjects[name]()
            if number:
                samples[name].append(seconds)
    return samples


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned."""
    lines = [("", "what", "measured", "aim", "medians [min–max]")]
    for row in rows:
        mark = "ok" if row.ok else "MISS"
        lines.append((mark, row.what, f"{row.value:.3g} {row.unit}", row.aim, row.detail))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)
        ).rstrip()
        for line in lines
    )
