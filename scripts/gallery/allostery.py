"""
Springs that act at a distance
==============================

When a pair of nodes at one border is strained, pairs at the other borders shall answer with given strains, as an allosteric protein does:
`WANTED` says which. Every spring changes its stiffness by what it sees of its own lengths alone. The task: Rocks et al., PNAS 114, 2520
(2017); by local rules: Stern et al., Phys. Rev. X 11, 021045 (2021). ``--full`` is a network of 16 x 16 nodes instead of 8 x 8.

Full size: 11 seconds of one core. The largest error of a target falls from once the source's strain to 3.4e-5 of it.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from pnnkern import random
from pnnkern.experiments.pictures.springs import allostery
from pnnkern.learning import Adam, allosteric_learning_update
from pnnkern.networks import ElasticNetwork, graphs

STRAIN, STEPS, RATE = 0.05, 600, 0.1  # strain of a source; steps; learning rate of the stiffnesses, N/m
# where pairs of neighbours lie, as (x, y) in [-1, 1] from the middle; each row of WANTED: a source strained by STRAIN, and the targets'
SOURCES = [(-1.0, 0.5), (-1.0, -0.5)]
TARGETS = [(1.0, 0.6), (1.0, -0.2), (0.3, -1.0)]
WANTED = STRAIN * np.array([[1.0, 0.0, -0.5], [0.0, -1.0, 0.5]])


def pairs_at(edges: np.ndarray, x: np.ndarray, places: list[tuple[float, float]]) -> list[int]:
    """The spring next to each place that shares no node with those before it and may go: its nodes have three others."""
    middle, half = (x.max(axis=0) + x.min(axis=0)) / 2, (x.max(axis=0) - x.min(axis=0)) / 2
    at, free, found = (x[edges].mean(axis=1) - middle) / half, np.bincount(edges.ravel()) > 3, list[int]()
    for place in places:
        far = ((at - place) ** 2).sum(axis=1) + 9.0 * ~free[edges].all(axis=1)
        found.append(int(far.argmin()))
        free[edges[found[-1]]] = False
    return found


def main(out: str, side: int, seed: int = 0) -> None:
    edges, x = graphs.triangular(side, side, jitter=0.15, key=random.key(seed))
    chosen = pairs_at(edges, x, SOURCES + TARGETS)
    sources, targets = edges[chosen[: len(SOURCES)]], edges[chosen[len(SOURCES) :]]
    springs = np.delete(edges, chosen[len(SOURCES) :], axis=0)
    net = ElasticNetwork(np.concatenate([springs, targets]), len(x))
    gauges, rest = np.arange(len(springs), net.n_edges), net.lengths(x[None])[0]
    held = np.array([[x[a] - STRAIN / 2 * (x[b] - x[a]), x[b] + STRAIN / 2 * (x[b] - x[a])] for a, b in sources])
    learned, optimizer, errors = {"stiffness": np.ones(net.n_edges)}, Adam(RATE, epsilon=1e-7), np.zeros((STEPS, len(sources)))
    for step in range(STEPS):
        update = np.zeros(net.n_edges)
        for case, (nodes, at, wanted) in enumerate(zip(sources, held, WANTED, strict=True)):
            by, _, distance = allosteric_learning_update(
                net, learned["stiffness"], rest, nodes, at[None], gauges, rest[gauges] * (1 + wanted), x
            )
            update += by
            errors[step, case] = np.abs(distance[0] / rest[gauges] - 1 - wanted).max()
        optimizer.apply(learned, {"stiffness": update}, lr=RATE / 2 * (1 + math.cos(math.pi * step / STEPS)))
        learned["stiffness"].clip(1e-2, 1e2, out=learned["stiffness"])
    k = np.where(np.arange(net.n_edges) < len(springs), learned["stiffness"], 0.0)
    after = np.array([net.solve(k, rest, nodes, at[None], x)[0] for nodes, at in zip(sources, held, strict=True)])
    got = net.lengths(after)[:, gauges] / rest[gauges] - 1
    for case in range(len(sources)):
        answers, asked = np.round(100 * got[case], 2) + 0.0, 100 * WANTED[case]
        print(f"source {case + 1} strained by {STRAIN:.1%}: targets answer with {answers} %, wanted {asked} %")
    print(f"largest error: {errors[0].max() / STRAIN:.2g} of the source's strain at first, {errors[-1].max() / STRAIN:.2g} at last")
    Path(out).write_bytes(allostery(springs, k[: len(springs)], x, after, sources, targets, WANTED, got, errors).png)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="allostery.png", help="the picture")
    parser.add_argument("--side", type=int, default=8, help="nodes on a side")
    parser.add_argument("--full", dest="side", action="store_const", const=16, help="the large simulation: 16 nodes on a side")
    main(**vars(parser.parse_args()))
