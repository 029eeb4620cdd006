"""
A year of phase-change memory
=============================

Weights (256, 64) are programmed on chips that differ in every cell, and read after a second to a year. Drawn is the error of the products, rms
over outputs as a share of their rms, median and range over the chips: as they are, and times the one factor for each chip that a few test
inputs give (global drift compensation, Joshi et al., Nature Communications 11, 2473 (2020)). ``--full`` makes 20 chips.

Full size: 3 seconds of one core. After a year the median error is 51 % as they are, and 18 % with one factor for each chip.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import crossbar, random
from pnnkern.experiments.plots import BLUE, ORANGE, figure, png

SHAPE, TESTS, BATCH = (256, 64), 64, 256
TIMES = {"a second": 1.0, "a minute": 60.0, "an hour": 3600.0, "a day": 86400.0, "a month": 2.6e6, "a year": 3.15e7}


def chip(number: int, weights: np.ndarray, inputs: np.ndarray, tests: np.ndarray, seed: int = 0) -> np.ndarray:
    """Errors (2, times) of one chip: as it is, and compensated."""
    description, key = crossbar.Crossbar(device="pcm", chain=crossbar.Chain(noise="pcm")), random.key(seed)
    programmed = crossbar.program_weights(weights, description, key=random.fold_in(key, 0), sample=number)
    exact, before, found = inputs @ weights, None, []
    for step, time in enumerate(TIMES.values()):
        state = crossbar.aged(programmed, description, time=time, key=random.fold_in(key, 1), sample=number)
        first, second, used = (random.fold_in(key, 3 * step + n) for n in (2, 3, 4))  # each reading has noise of its own
        rows = number * (BATCH + TESTS)  # as if all chips were read in one batch
        twice = np.stack([crossbar.apply(tests, state, description, key=one, sample=rows) for one in (first, second)])
        before = twice if step == 0 else before
        outputs = crossbar.apply(inputs, state, description, key=used, sample=rows)
        for factor in (1.0, crossbar.drift_compensation(before, twice)[0]):
            found.append(np.sqrt(np.mean((factor * outputs - exact) ** 2) / np.mean(exact**2)))
    return np.array(found).reshape(-1, 2).T


def main(out: str, chips: int) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=SHAPE).clip(-3, 3)
    inputs, tests = rng.normal(size=(BATCH, SHAPE[0])), rng.normal(size=(TESTS, SHAPE[0]))
    errors = np.stack([chip(number, weights, inputs, tests) for number in range(chips)])  # (chips, 2, times)
    names, seconds = list(TIMES), list(TIMES.values())
    with figure(size=(6.4, 3.4)) as (drawn, axis):
        for k, (label, colour) in enumerate((("as they are", ORANGE), ("one factor for each chip", BLUE))):
            axis.fill_between(seconds, 100 * errors[:, k].min(axis=0), 100 * errors[:, k].max(axis=0), color=colour, alpha=0.2, linewidth=0)
            axis.semilogx(seconds, 100 * np.median(errors[:, k], axis=0), "o-", color=colour, markersize=3, label=label)
            line = ", ".join(f"{name} {100 * e:.1f} %" for name, e in zip(names, np.median(errors[:, k], axis=0), strict=True))
            print(f"{label}: median error after {line}")
        axis.set(xlabel="time since programming", ylabel="error of the products (%)", ylim=(0, None))
        axis.set_xticks(seconds, [name.replace("a ", "1 ").replace("an ", "1 ") for name in names])
        axis.legend()
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="ageing.png", help="the picture")
    parser.add_argument("--chips", type=int, default=5, help="chips")
    parser.add_argument("--full", dest="chips", action="store_const", const=20, help="the large simulation: 20 chips")
    main(**vars(parser.parse_args()))
