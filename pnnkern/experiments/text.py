"""Text that somebody else may have written (names of runs, recipes, metrics), as it can be shown: on a terminal, in a page, in tables."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # control characters, marks that turn the direction of writing, halves of surrogate pairs


def plain(value: object) -> str:
    """As one line that cannot steer a terminal, and that every encoding of Unicode takes: what is not printed is written as its code."""
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in _HIDDEN else c for c in str(value))


def lines(value: object) -> str:
    """`plain`, of several lines."""
    return "\n".join(plain(line) for line in str(value).split("\n"))


def drawn(value: object) -> str:
    """For Matplotlib: no formula between dollars, and no leading underscore, which hides a line from legends."""
    text = plain(value).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def short(value: object, width: int, share: float = 0.5) -> str:
    """`plain`, with a piece left out where it is wider than that: behind so large a share of what stays."""
    text = plain(value)
    if len(text) <= width:
        return text
    head = int((width - 1) * share)
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def columns(lines: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Lines of cells in columns; where that is wider than `width`, the last cell of a line is cut."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    whole = ("  ".join(cell.ljust(most) for cell, most in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "\n".join(line if width is None else short(line, width, 1) for line in whole)


def table(columns: Mapping[str, Sequence[Any] | np.ndarray]) -> bytes:
    """CSV of columns by name, shorter ones filled up with nothing. Numbers are written in full; None is nothing.

    What a spreadsheet would take for a formula gets an apostrophe before it.
    """
    held = [column.tolist() if isinstance(column, np.ndarray) else list(column) for column in columns.values()]
    length = max((len(column) for column in held), default=0)
    rows = ([column[i] if i < len(column) else None for column in held] for i in range(length))
    return _csv([list(columns), *rows])


def plane(values: np.ndarray, x: np.ndarray, y: np.ndarray, corner: str) -> bytes:
    """CSV of an array (y, x): its first row holds the places x, its first column the places y, its corner says in which units."""
    numbers = np.char.mod("%.6g", np.column_stack([y, values]))
    return _csv([[corner, *np.char.mod("%.6g", x).tolist()], *numbers.tolist()], given=True)


def _csv(rows: Iterable[Sequence[Any]], given: bool = False) -> bytes:
    """given : strings are numbers that were written already."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows if given else ([_cell(value) for value in row] for row in rows))
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) else text
