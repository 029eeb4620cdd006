"""
What is learned first
=====================

A network of 16 nodes and 32 transistors learns a curve by coupled learning, as in Dillavou et al., PNAS 121, e2319718121 (2024), whose network
reduced errors in the order mean, slope, curvature. Here, by the steps of Adam, the curvature comes long after both. Printed is from which step
on each part, the median of the runs, stays below a quarter. ``--full`` takes twenty runs.

The full size was not run for this page.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import random
from pnnkern._updates import gradients
from pnnkern.experiments.pictures.circuits import modes, parts
from pnnkern.learning import Adam
from pnnkern.systems import writers
from pnnkern.systems.nonlinear_network import NonlinearCircuit

ETA, RATE, STEPS = 0.5, 0.02, 500  # how far outputs are held towards their targets; learning rate of the gates, volts; steps


def learn(seed: int, x: np.ndarray, target: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Outputs (times, samples) after so many steps of a network drawn from `seed`."""
    circuit = NonlinearCircuit(nodes=16, features=1, outputs=1, hinge=False, key=random.key(seed))
    inputs, wanted, optimizer, found = circuit.encode(x[:, None]), target[:, None], Adam(RATE), []
    for step in range(times[-1] + 1):
        relaxed = circuit.relax(inputs, target=wanted, nudges=(ETA,), hold=True)
        if step in times:
            found.append(relaxed.output[:, 0])
        updates = gradients({name: value / ETA for name, value in circuit.contrast(relaxed, 0, 1).items()})
        writers.apply(circuit, updates, optimizer, RATE, len(x))
    return np.array(found)


def main(out: str, runs: int) -> None:
    x = np.linspace(0, 1, 7)
    target = 0.005 + 0.01 * (x - 0.5) - 0.08 * ((x - 0.5) ** 2 - 1 / 9)  # volts
    times = np.unique(np.geomspace(1, STEPS + 1, 50).astype(int) - 1)
    outputs = np.stack([learn(seed, x, target, times) for seed in range(runs)])
    sizes = np.median(parts(x, outputs - target), axis=0)
    for name, size in zip(("mean", "slope", "curvature"), sizes.T, strict=True):
        above = np.flatnonzero(size >= size[0] / 4)[-1]
        since = f"below a quarter from step {times[above + 1]} on" if above + 1 < len(times) else "not below a quarter"
        print(f"{name}: {1e3 * size[0]:.2f} mV at first, {1e3 * size[-1]:.2f} mV at last, {since}")
    Path(out).write_bytes(modes(x, target, outputs, times).png)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="modes.png", help="the picture")
    parser.add_argument("--runs", type=int, default=1, help="runs")
    parser.add_argument("--full", dest="runs", action="store_const", const=20, help="the large simulation: 20 runs")
    main(**vars(parser.parse_args()))
