"""The picture of runs side by side: how each one went, and where each one ended, all named, however many there are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import compare, plots, text
from .plots import BLUE, GREEN, INK, MUTED, NARROW, ORANGE, RED, Picture, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (BLUE, ORANGE, GREEN, RED, "#7b4ea3", "#0f8b8d", "#8a5a2b", "#c2408a", "#6b7480", "#9a9a1e")
Row = dict[str, Any]


def picture(rows: list[Row], found: list[dict[str, Any]] | None = None) -> Picture:
    """Curves of test accuracy on the left; on the right the last accuracy of each run by rank, unfinished ones hollow, broken ones said.

    found : groups of runs (`compare.groups`), which then have the colours, and their means and standard deviations.
    """
    names = compare.names(rows)
    by_passes = any(row["passes"] for row in rows)
    entries = _entries(rows, names, found)
    colours = _coloured(rows, found)

    def paint(page: float) -> "Figure":
        height = max(4.2, 0.19 * len(entries) + 0.9)
        wide = page > NARROW
        shape, size = ((1, 2), (page, height)) if wide else ((2, 1), (page, 3 + height))
        ratio = {"width_ratios": (1.15, 1)} if wide else {"height_ratios": (3, height)}
        with figure(*shape, size=size, gridspec_kw=ratio) as (drawn, (left, right)):
            for n, row in enumerate(rows):
                _curve(left, row, colours[n], by_passes)
            what = "physical passes of single samples while training" if by_passes else "epoch"
            left.set(xlabel=what, ylabel="test accuracy (%)")
            if by_passes:
                left.ticklabel_format(axis="x", style="sci", scilimits=(-3, 5), useMathText=True)
            left.grid(True, axis="y")
            _ranking(right, entries, rows, colours)
        return drawn

    curves = [(n, epoch, *point) for n, row in enumerate(rows) for epoch, point in enumerate(row["curve"], 1)]
    columns = {
        "run": [rows[n]["run"] for n, *_ in curves], "epoch": [epoch for _, epoch, *_ in curves],
        "physical passes": [passes for *_, passes, _ in curves], "test accuracy": [accuracy for *_, accuracy in curves],
    }  # fmt: skip
    caption = "Left: the test set after each epoch; dashed: runs that take no physical pass, at their end. Right: where each run ended."
    return plots.picture("compare", "Runs side by side", caption, paint, text.table(columns))


def colours(count: int) -> list[str]:
    """So many colours, which come again where there are more than there are."""
    return [_COLOURS[n % len(_COLOURS)] for n in range(count)]


def _coloured(rows: list[Row], found: list[dict[str, Any]] | None) -> list[str]:
    """A colour for each run: of its group, of its own where few have none, else by its rank."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if found and len(found) <= len(_COLOURS):
        group = {run: n for n, members in enumerate(found) for run in (*members["runs"], *members["unfinished"])}
        return [_COLOURS[group[row["run"]]] if row["run"] in group else MUTED for row in rows]
    if len(rows) <= len(_COLOURS):
        return colours(len(rows))
    order = np.argsort(np.argsort([-1.0 if row["test_accuracy"] is None else row["test_accuracy"] for row in rows], kind="stable"))
    return [to_hex(colormaps["viridis"](0.92 * place / (len(rows) - 1))) for place in order]


def _curve(axis: Any, row: Row, colour: str, by_passes: bool) -> None:
    x, y = np.array(row["curve"], float).reshape(-1, 2).T
    if by_passes and not row["passes"]:
        if len(y):
            axis.axhline(100 * y[-1], color=colour, linestyle="--", linewidth=1.0)
        return
    marker = "o" if len(y) <= 60 else ""
    axis.plot(x if by_passes else np.arange(1, len(y) + 1), 100 * y, color=colour, linewidth=1.2, marker=marker, markersize=3)


def _entries(rows: list[Row], names: list[str], found: list[dict[str, Any]] | None) -> list[tuple[str, Any]]:
    """What stands on the right, the best first: (name, number of a run), or (name, group) above its runs; what has no accuracy last."""

    def ranked(numbers: list[int]) -> list[tuple[str, Any]]:
        return [(names[n], n) for n in sorted(numbers, key=lambda n: -(rows[n]["test_accuracy"] or -np.inf))]

    if not found:
        return ranked(list(range(len(rows))))
    entries: list[tuple[str, Any]] = []
    left = set(range(len(rows)))
    for group in sorted(found, key=lambda g: -(g["test_accuracy"] or -np.inf)):
        told = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in group["differs"].items()) or str(group["recipe"])
        numbers = [n for n, row in enumerate(rows) if row["run"] in (*group["runs"], *group["unfinished"])]
        entries += [*([(f"{told}: mean of {group['n']}", group)] if group["n"] else []), *ranked(numbers)]
        left -= set(numbers)
    return entries + ranked(list(left))


def _ranking(axis: Any, entries: list[tuple[str, Any]], rows: list[Row], colours: list[str]) -> None:
    """A line for each entry: its name, and a dot at its accuracy, of groups the mean with its standard deviation."""
    known = [e if isinstance(e, dict) else rows[e] for _, e in entries]
    reached = [100 * row["test_accuracy"] for row in known if row["test_accuracy"] is not None]
    for place, (_, entry) in enumerate(entries):
        if isinstance(entry, dict):
            error = 100 * (entry["test_accuracy_deviation"] or 0.0)
            axis.errorbar(100 * entry["test_accuracy"], place, xerr=error, fmt="D", color=INK, markersize=4, capsize=2.5, linewidth=1.2)
            continue
        row = rows[entry]
        if row["test_accuracy"] is None:
            axis.annotate("broken" if row["state"] == "broken" else "no epoch yet", (0.02, place), xycoords=("axes fraction", "data"),
                          va="center", fontsize=8, color=RED if row["state"] == "broken" else MUTED)  # fmt: skip
            continue
        filled = colours[entry] if row["state"] == "finished" else "white"
        axis.plot(100 * row["test_accuracy"], place, "o", color=colours[entry], markerfacecolor=filled, markersize=5)
    axis.set(ylim=(len(entries) - 0.4, -0.6), xlabel="last test accuracy (%); hollow: unfinished")
    axis.set_yticks(range(len(entries)), [text.drawn(text.short(name, 34)) for name, _ in entries])
    for label, (_, entry) in zip(axis.get_yticklabels(), entries, strict=True):
        label.set_color(INK)
        label.set_fontweight("bold" if isinstance(entry, dict) else "normal")
    axis.yaxis.set_ticks_position("none")
    axis.spines["left"].set_visible(False)
    axis.grid(True, axis="both", linewidth=0.5)
    axis.set_axisbelow(True)
    if reached and np.ptp(reached) == 0:
        axis.set_xlim(reached[0] - 1, reached[0] + 1)
