"""
A flow network that learns
==========================

A square lattice of pipes, one corner held at pressure 1 and the opposite one at 0, and eight junctions between at which other pressures are
wanted. Coupled learning (Stern et al., Phys. Rev. X 11, 021045 (2021)) changes each pipe by what it sees itself. Flow is to pressure as
current is to voltage, so conductances are in m³/s/Pa here. ``--full`` is a million pipes (708 x 708 junctions, 1 001 112 pipes).

Full size: 12 minutes of one core of another shared machine, from 0.165 to 0.006 rms.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from pnnkern import learning, networks
from pnnkern.experiments.plots import BLUE, figure, png

STEPS, ETA, RATE, LIMITS = 40, 1.0, 0.1, (0.05, 20.0)  # rate and limits of the conductances, m^3/s/Pa
WANTED = np.array([[0.8, 0.35, 0.65, 0.4, 0.6, 0.35, 0.65, 0.2]])


def places(side: int) -> tuple[np.ndarray, np.ndarray]:
    """(held junctions, junctions where pressures are wanted)."""
    rows, columns = np.array([1, 1, 3, 3, 5, 5, 7, 7]) * side // 8, np.array([3, 6, 2, 5, 3, 6, 2, 5]) * side // 8
    return np.array([0, side * side - 1]), rows * side + columns


def main(out: str, side: int) -> None:
    edges = networks.graphs.lattice(side, side)
    network, conductance = networks.ResistorNetwork(edges, side * side), np.ones(len(edges))
    held, targets = places(side)
    pressures, adam, began, misses = np.array([[1.0, 0.0]]), learning.Adam(RATE), time.monotonic(), []
    before = network.solve(conductance, held, pressures)[0]
    for step in range(STEPS + 1):
        now = network.solve(conductance, held, pressures)[0]
        misses.append(float(np.sqrt(np.mean((now[targets] - WANTED[0]) ** 2))))
        if step in (0, 1, 2, 5, 10, 20, STEPS):
            print(f"step {step}: pressures are off by {misses[-1]:.4f} rms, {time.monotonic() - began:.1f} s")
        if step < STEPS:
            update = learning.coupled_learning_update(network, conductance, held, pressures, targets, WANTED, eta=ETA)
            adam.apply({"pipes": conductance}, {"pipes": update}, bounds={"pipes": LIMITS})  # each pipe by the size of its own updates
    with figure(1, 3, size=(9.4, 3.0)) as (drawn, (left, middle, right)):
        for axis, shown, title in ((left, before, "pressure before"), (middle, now, "pressure after")):
            axis.imshow(shown.reshape(side, side), cmap="viridis", vmin=0, vmax=1)
            y, x = np.divmod(targets, side)
            axis.scatter(x, y, c=WANTED[0], cmap="viridis", vmin=0, vmax=1, edgecolors="white", s=40)
            axis.set(title=title, xticks=[], yticks=[])
        right.semilogy(misses, color=BLUE)
        right.set(xlabel="step", ylabel="rms error of the pressures")
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="flow.png", help="the picture")
    parser.add_argument("--side", type=int, default=60, help="junctions on a side")
    parser.add_argument("--full", dest="side", action="store_const", const=708, help="the large simulation: 708 junctions on a side")
    main(**vars(parser.parse_args()))
