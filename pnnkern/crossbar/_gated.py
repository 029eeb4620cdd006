"""Gated crossbars: each column is a supply line (two, if interleaved) and a bit line, joined by the cells of the rows whose gates are open.

Columns do not see each other, so a column is eliminated row by row from the top, by the same two moves as a block of `_tree`, with three
or five ports: only sums and products of positive numbers. All columns and reads go side by side.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Numbers

SUPPLIES = (("P", "p"), ("N", "n"))  # terminal and end of the line, of +V_read and -V_read


class Column:
    """Ports by name with the conductances between them, arrays of one shape; and what each node that was left behind averages."""

    def __init__(self, xp: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self.xp, self.shape, self.dtype = xp, shape, dtype
        self.C: dict[frozenset[str], Array] = {}
        self.tape: list[tuple[str, Any, Any]] = []

    def add(self, a: str, b: str, g: Any) -> None:
        """A conductance between two ports."""
        pair = frozenset((a, b))
        self.C[pair] = self.C[pair] + g if pair in self.C else self.xp.full(self.shape, g, self.dtype) if np.ndim(g) == 0 else g

    def move(self, k: str, g: float) -> None:
        """Port k moves on through a segment g; g = 0: it is eliminated."""
        near = {next(iter(pair - {k})): c for pair, c in self.C.items() if k in pair}
        total = sum(near.values()) + self.dtype.type(g)
        inverse = self.xp.where(total > 0, 1 / self.xp.where(total > 0, total, 1), 0).astype(self.dtype)
        weights = {a: c * inverse for a, c in near.items()}
        names = list(near)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                self.add(a, b, weights[a] * near[b])
            self.C[frozenset((k, a))] = weights[a] * self.dtype.type(g)
        weights[k] = inverse * self.dtype.type(g)
        self.tape.append(("move", k, weights))


def eliminate(g: Numbers, wire: dict[str, float], pair: bool) -> Column:
    """g (reads, n_in, n_out): conductances of the cells, 0 where the gate is shut. wire: word, bit, first, last. What is left in the end
    are the conductances between the supplies "P" (and "N") and the output "b", which is virtual ground.
    """
    reads, n_in, n_out = g.shape
    column = Column(_array.namespace(g), (reads, n_out), g.dtype)
    lines = SUPPLIES if pair else SUPPLIES[:1]
    step = len(lines)
    for row in range(0, n_in, step):
        for i, (terminal, end) in enumerate(lines):
            if row == 0:
                column.add(terminal, end, wire["first"])
            else:
                column.move(end, wire["word"])
            column.add(end, "b", g[:, row + i])
            column.tape.append(("cell", end, row + i))
        column.move("b", wire["last"] if row + step == n_in else wire["bit"])
    for _, end in lines:
        column.move(end, 0.0)
    return column


def voltages(column: Column, potentials: dict[str, float], n_in: int) -> tuple[Array, Array]:
    """Supply and bit line voltages at every cell (reads, n_in, n_out), for volts at the terminals "P", "N" and the output "b"."""
    xp, (reads, n_out) = column.xp, column.shape
    at: dict[str, Any] = {name: xp.full(column.shape, v, column.dtype) for name, v in potentials.items()}
    supply, bit = (xp.empty((reads, n_in, n_out), column.dtype) for _ in range(2))
    for kind, name, what in reversed(column.tape):
        if kind == "cell":
            supply[:, what], bit[:, what] = at[name], at["b"]
        else:
            at[name] = sum(w * at[a] for a, w in what.items() if a in at)
    return supply, bit


def currents(column: Column, potentials: Iterable[tuple[str, float]]) -> Array:
    """Into the outputs (reads, n_out), for volts at the supplies."""
    return sum(column.C[frozenset((name, "b"))] * column.dtype.type(v) for name, v in potentials)
