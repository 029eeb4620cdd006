"""Our results beside truths that others made: ``python scripts/validation.py OUT.png [ROWS]``, half a minute.

Computes the error of each row of `scripts/truths.py` in float32 and float64, and draws it beside the tolerance that a test holds it to.
Writes the same as a table to OUT.md. Ends with exit code 1 where one is beyond its tolerance. ROWS: only so many of them.
"""

import sys
from pathlib import Path

from truths import TRUTHS, Truth

from pnnkern.experiments.plots import BLUE, INK, MUTED, ORANGE, figure, png

LEAST = 1e-17  # where an error of nothing is drawn
HEAD = "| what | truth | error, tolerance in float32 | in float64 | held by |"
LOOKS = ((ORANGE, "o", -0.17), (BLUE, "s", 0.17))  # of float32 and float64: colour, mark, how far below the middle


def errors(row: Truth) -> tuple[float | None, float | None]:
    """Of a truth in float32 and float64; None where it is not asked."""
    single = None if row.single is None else row.error("float32")
    return single, None if row.double is None else row.error("float64")


def number(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-").replace("e+00", "")


def table(found: list[tuple[Truth, tuple[float | None, float | None]]]) -> str:
    """Markdown: a table for each room."""

    def plain(words: str) -> str:
        return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

    text, room = "", ""
    for row, (single, double) in found:
        if row.room != room:
            room = row.room
            text += f"\n## {room.capitalize()}\n\n{HEAD}\n|---|---|---|---|---|\n"
        both = (f"{number(error)}, {number(most)}" if most is not None else "" for error, most in ((single, row.single), (double, row.double)))
        text += f"| {plain(row.what)} | {row.kind}: {plain(row.source)} | {' | '.join(both)} | `tests/{row.test}` |\n"
    return text


def main(out: str, rows: int = 0) -> int:
    found = [(row, errors(row)) for row in TRUTHS[: rows or None]]
    beyond = 0
    with figure(size=(9.4, 0.6 + 0.235 * len(found))) as (drawn, axis):
        for y, (row, both) in enumerate(found):
            for error, most, (colour, mark, lift) in zip(both, (row.single, row.double), LOOKS, strict=True):
                if error is None or most is None:
                    continue
                if not error <= most:
                    beyond += 1
                    print(f"{row.what}, {'float32' if mark == 'o' else 'float64'}: an error of {number(error)} is beyond {number(most)}")
                axis.plot([max(error, LEAST), max(most, LEAST)], [y + lift] * 2, color=colour, linewidth=0.8, alpha=0.5)
                axis.plot(max(error, LEAST), y + lift, mark, color=colour, markersize=4)
                axis.plot(max(most, LEAST), y + lift, "|", color=colour, markersize=7, markeredgewidth=1.6)
            if y and row.room != found[y - 1][0].room:
                axis.axhline(y - 0.5, color=MUTED, linewidth=0.6)
            if not y or row.room != found[y - 1][0].room:
                axis.annotate(row.room, (1, y - 0.4), xycoords=axis.get_yaxis_transform(), ha="right", va="top", color=INK, fontweight="bold")
        axis.plot([], [], "o", color=ORANGE, markersize=4, label="float32")
        axis.plot([], [], "s", color=BLUE, markersize=4, label="float64")
        axis.plot([], [], "|", color=MUTED, markersize=7, markeredgewidth=1.6, linestyle="none", label="tolerance of the test")
        axis.set(xscale="log", xlim=(LEAST / 2, 2), ylim=(len(found) - 0.4, -0.6), xlabel="error (0 is drawn at 1e-17)")
        axis.set_yticks(range(len(found)), [row.what for row, _ in found])
        axis.yaxis.set_ticks_position("none")
        axis.grid(True, axis="x")
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        picture = png(drawn)
    Path(out).write_bytes(picture)
    Path(out).with_suffix(".md").write_text(table(found))
    print(f"{len(found)} truths, {beyond} errors beyond their tolerance")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:3])))
