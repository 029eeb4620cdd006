"""
How large can a crossbar be?
============================

Wires have resistance. Square arrays of random conductances (1 to 25 microsiemens), the ohms of a segment of wire, and the median error of a
column's current, all inputs driven: exactly, by star-mesh elimination (`pnnkern.crossbar.effective_conductance`). Dotted beside it a
first-order estimate, r G n² / 3 for each of the two lines: the mean voltage that n equal currents drop on their way along n segments.
``--full`` goes on to arrays of 2048 x 2048.

Full size: 83 seconds of one core. With 1 ohm a segment a current is off by 1 % in an array of 32 x 32, by 13 % in one of 128, by 70 % in one of
512 and by 97 % in one of 2048.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import crossbar
from pnnkern.experiments.plots import BLUE, GREEN, MUTED, ORANGE, RED, figure, png

OHMS, LOW, HIGH = (0.1, 0.5, 1.0, 5.0), 1e-6, 25e-6  # of a segment; siemens


def errors(size: int, ohms: float, seed: int = 0) -> tuple[float, float]:
    """The median of |I / I0 - 1| over the columns of an array, exactly and estimated."""
    cells = np.random.default_rng(seed).uniform(LOW, HIGH, (size, size))
    ideal, through = cells.sum(axis=0), crossbar.effective_conductance(cells, wires=ohms).sum(axis=0)  # siemens: currents at 1 V
    return float(np.median(np.abs(through / ideal - 1))), float(2 * ohms * cells.mean() * size**2 / 3)


def main(out: str, largest: int) -> None:
    sizes = [2**k for k in range(4, 13) if 2**k <= largest]
    with figure(size=(6.4, 3.6)) as (drawn, axis):
        for ohms, colour in zip(OHMS, (BLUE, GREEN, ORANGE, RED), strict=True):
            exact, estimated = np.array([errors(size, ohms) for size in sizes]).T
            axis.loglog(sizes, 100 * exact, "o-", color=colour, label=f"{ohms:g} Ω a segment", markersize=3)
            axis.loglog(sizes, 100 * np.minimum(estimated, 1), ":", color=colour, linewidth=0.8)
            line = ", ".join(f"{size}: {100 * error:.3g} %" for size, error in zip(sizes, exact, strict=True))
            print(f"{ohms:g} ohm a segment: median error of a column {line}")
        axis.axhline(1, color=MUTED, linewidth=0.7, linestyle="--")
        axis.set(xlabel="rows and columns", ylabel="median error of a current (%)", ylim=(1e-2, 100))
        axis.set_xticks(sizes, [str(size) for size in sizes], minor=False)
        axis.set_xticks([], minor=True)
        axis.legend()
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="wires.png", help="the picture")
    parser.add_argument("--largest", type=int, default=128, help="rows of the largest array")
    parser.add_argument("--full", dest="largest", action="store_const", const=2048, help="the large simulation: up to 2048 rows")
    main(**vars(parser.parse_args()))
