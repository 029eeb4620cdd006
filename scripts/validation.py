"""Our results beside truths that others made: ``python scripts/validation.py OUT.png [ROWS]``, a minute or two.

Computes the error of each row of `scripts/truths.py` in float32 and float64, and draws it beside the tolerance that a test holds it to.
Writes the same as a table to OUT.md. Ends with exit code 1 where one is beyond its tolerance. ROWS: only so many of them.
"""

import sys
from pathlib import Path

from truths import TRUTHS, Truth

from pnnkern.experiments.plots import BLUE, INK, MUTED, ORANGE, figure, png

LEAST = 1e-17  # where an error of nothing is drawn
HEAD = "| what, and its truth | float32 | float64 | held by |\n|---|---|---|---|"
LOOKS = ((ORANGE, "o", 0.18), (BLUE, "s", 0.42))  # of float32 and float64: colour, mark, how far below the name


def errors(row: Truth) -> tuple[float | None, float | None]:
    """Of a truth in float32 and float64; None where it is not asked."""
    single = None if row.single is None else row.error("float32")
    return single, None if row.double is None else row.error("float64")


def number(value: float) -> str:
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-").replace("e+00", "")


def table(found: list[tuple[Truth, tuple[float | None, float | None]]]) -> str:
    """Markdown: a table for each room, of errors and, after them, tolerances."""

    def plain(words: str) -> str:
        return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

    text, room = "", ""
    for row, both in found:
        if row.room != room:
            room = row.room
            text += f"\n## {room.capitalize()}\n\n{HEAD}\n"
        pairs = zip(both, (row.single, row.double), strict=True)
        cells = [f"{number(e)} ({number(m)})".replace("-", "\u2011") if e is not None and m is not None else "" for e, m in pairs]
        path, _, name = row.test.partition("::")
        held = f"<code>{name.replace('_', '_<wbr>')}</code> in tests/<wbr>{path.replace('/', '/<wbr>').replace('_', '_<wbr>')}"
        text += f"| **{plain(row.what)}**. {row.kind.capitalize()}: {plain(row.source)} | {' | '.join(cells)} | {held} |\n"
    return text


def main(out: str, rows: int = 0) -> int:
    found = [(row, errors(row)) for row in TRUTHS[: rows or None]]
    beyond, y, room = 0, 0.0, ""
    with figure(size=(6.0, 0.8 + 0.34 * len(found))) as (drawn, axis):
        for row, both in found:
            if row.room != room:
                room, y = row.room, y + 0.8 * bool(room)
                axis.text(LEAST, y - 0.25, room, color=INK, fontweight="bold", fontsize=9.5)
                y += 0.55
            axis.text(LEAST, y, row.what, color=MUTED, fontsize=8)
            for error, most, (colour, mark, below) in zip(both, (row.single, row.double), LOOKS, strict=True):
                if error is None or most is None:
                    continue
                if not error <= most:
                    beyond += 1
                    print(f"{row.what}, {'float32' if mark == 'o' else 'float64'}: an error of {number(error)} is beyond {number(most)}")
                axis.plot([max(error, LEAST), max(most, LEAST)], [y + below] * 2, color=colour, linewidth=0.8, alpha=0.5)
                axis.plot(max(error, LEAST), y + below, mark, color=colour, markersize=3.5)
                axis.plot(max(most, LEAST), y + below, "|", color=colour, markersize=6, markeredgewidth=1.6)
            y += 1.0
        axis.plot([], [], "o", color=ORANGE, markersize=4, label="float32")
        axis.plot([], [], "s", color=BLUE, markersize=4, label="float64")
        axis.plot([], [], "|", color=MUTED, markersize=7, markeredgewidth=1.6, linestyle="none", label="tolerance")
        axis.set(xscale="log", xlim=(LEAST / 2, 1), ylim=(y - 0.2, -0.6), xlabel="error (0 is drawn at 1e-17)", yticks=[])
        axis.spines["left"].set_visible(False)
        axis.grid(True, axis="x")
        axis.set_axisbelow(True)
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        picture = png(drawn)
    Path(out).write_bytes(picture)
    Path(out).with_suffix(".md").write_text(table(found))
    print(f"{len(found)} truths, {beyond} errors beyond their tolerance")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:3])))
