"""Grey values that stand for phases or heights: a full scale that does not depend on the data, or the measured table of a modulator.

A grey-to-phase table is a CSV file. Its first line names the wavelengths it was measured at, in metres; each further line is a grey value and
the phase it makes at each of them, in radians. Grey values rise, whole numbers from 0 to 65535; between those that are listed phases are
interpolated linearly, so there they must not be wrapped. Empty lines, and what follows a #, are left out::

    grey, 532e-9, 632.8e-9
    0,    0.00,   0.00
    128,  3.98,   3.29
    255,  7.93,   6.55
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import _files
from .._errors import DataError, SamplingWarning

MOST = 1 << 16  # grey values of a picture of 16 bits
LONGEST = 16 << 20  # bytes of a table: every grey value at ten wavelengths
SAME = 1e-3  # wavelengths that differ by less, relative to them, are one: 633 and 632.8 nm


@dataclass(frozen=True)
class Greys:
    """What grey values first, first + 1, ... stand for: `values` (n,), which mean the same when `period` is added to them."""

    first: int
    values: np.ndarray
    period: float

    @classmethod
    def levels(cls, count: int, period: float) -> "Greys":
        """`count` values from 0, equally far apart; one more would be the period, which is 0 again."""
        return cls(0, np.arange(count) * (period / count), period)

    @property
    def scale(self) -> float | list[float]:
        """The value of a grey value of 1 where all are multiples of it, else the values of all."""
        even = self.first == 0 and len(self.values) > 1 and np.array_equal(self.values, np.arange(len(self.values)) * self.values[1])
        return float(self.values[1]) if even else [float(v) for v in self.values]

    @property
    def last(self) -> int:
        """The largest grey value."""
        return self.first + len(self.values) - 1

    def of(self, wanted: np.ndarray) -> np.ndarray:
        """The grey values, uint16, whose own values are nearest to the `wanted` ones, going round the period."""
        place, order, circle = self._circle()
        right = np.searchsorted(circle[1:-1], np.mod(wanted, self.period)) + 1  # the first that is not below, in the circle
        at = np.mod(wanted, self.period)
        nearest = np.where(at - circle[right - 1] < circle[right] - at, right - 1, right)
        return (self.first + order[place[nearest]]).astype(np.uint16)

    @property
    def error(self) -> float:
        """How far a wanted value can be from the nearest one: half the widest gap."""
        return float(np.diff(self._circle()[2]).max()) / 2

    def _circle(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places among the sorted values, their indices, and the values in order, with the last one before them and the first one after."""
        wrapped = np.mod(self.values, self.period)
        order = np.argsort(wrapped, kind="stable")
        place = np.arange(-1, len(order) + 1) % len(order)
        turn = np.zeros(len(place))
        turn[0], turn[-1] = -self.period, self.period
        return place, order, wrapped[order][place] + turn


def read_table(path: Path, wavelength: float) -> Greys:
    """The grey values of a modulator as measured at `wavelength`, metres, from a table (see the module).

    Raises `DataError`, in one line, for a file that is none, and where nothing was measured at that wavelength. Warns when the phases leave
    a part of the circle out.
    """
    text = _files.read_text(path, LONGEST, f"the table {path}", DataError)
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    head, *rows = [[cell.strip() for cell in line.split(",")] for line in lines if line] or [[""]]
    try:
        if head[0] != "grey" or len(head) < 2 or any(len(row) != len(head) for row in rows):
            raise ValueError
        measured = np.array(head[1:], np.float64)
        numbers = np.array(rows, np.float64).reshape(-1, len(head))
    except ValueError:
        raise DataError(
            f"the table {path} must begin with 'grey' and wavelengths in metres, 'grey, 532e-9', and go on with a grey value and as many "
            f"phases in radians on each line"
        ) from None
    grey, near = numbers[:, 0], np.abs(measured / wavelength - 1)
    if len(grey) < 2 or not np.isfinite(numbers).all() or (grey % 1).any() or grey[0] < 0 or grey[-1] >= MOST or (np.diff(grey) < 1).any():
        raise DataError(f"the table {path} must hold two or more rising whole grey values from 0 to {MOST - 1}, and finite phases")
    if not near.min() <= SAME:
        there = ", ".join(f"{w:g}" for w in measured)
        raise DataError(f"the table {path} was measured at {there} m, and the light has {wavelength:g} m")
    phase = numbers[:, 1 + int(near.argmin())]
    step, apart = np.diff(phase), np.diff(grey)
    leaps = np.flatnonzero((apart > 1) & (np.abs(step) > np.pi))
    if leaps.size and step.min() < 0 < step.max():  # wrapped somewhere, or too coarse to tell
        k = int(leaps[0])
        raise DataError(
            f"the table {path} leaps from {phase[k]:g} to {phase[k + 1]:g} radians between grey {grey[k]:g} and {grey[k + 1]:g}: list "
            f"more grey values, or unwrap the phases"
        )
    every = np.arange(grey[0], grey[-1] + 1)
    found = Greys(int(grey[0]), np.interp(every, grey, phase), 2 * np.pi)
    if found.error > 0.51 * np.abs(np.diff(found.values)).max():
        warnings.warn(f"the phases in {path} leave a part of 2 pi out: some are shown {found.error:.2g} radians wrong", SamplingWarning, 2)
    return found


__all__ = ["MOST", "Greys", "read_table"]
