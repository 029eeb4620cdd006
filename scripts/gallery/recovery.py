"""
Damage, and recovery
====================

The recipe coupled-iris, a network of resistors, with a fifth of the edges cut half way (`pnnkern.systems.resistor_network.damaged`) and the
same rule going on with what is left. Printed are test accuracies before the cut, right after it, and at the end; medians of the runs are drawn.
``--full`` makes twenty runs.

Full size: 21 seconds of one core. The median test accuracy is 95.8 % before the cut, 82.3 % right after it, and 95.8 % at the end.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import random
from pnnkern.experiments import recipe
from pnnkern.experiments.plots import BLUE, MUTED, ORANGE, figure, png
from pnnkern.experiments.run import assemble
from pnnkern.learning import Adam
from pnnkern.systems.resistor_network import damaged

CUT, EPOCHS, EVERY = 0.2, 100, 5  # share of the edges; epochs before and after; epochs between two tests


def learn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Test losses and accuracies after every few epochs: at the start, ..., before the cut, right after it, ..., at the end."""
    trainer = assemble(recipe.find("coupled-iris", [f"training.seed={seed}", 'training.schedule="constant"']), Path("unused")).trainer
    found = []
    for part in range(2):
        if part:
            trainer.system = damaged(trainer.system, CUT, random.key(seed))
            trainer.optimizer = Adam(lr=trainer.training.lr)  # one that knows nothing of the edges that are gone
        found.append(trainer.evaluate())
        for epoch in range(1, EPOCHS + 1):
            for _ in range(trainer.steps_per_epoch):
                trainer.advance()
            if epoch % EVERY == 0:
                found.append(trainer.evaluate())
    losses, accuracies = np.array(found).T
    return losses, accuracies


def main(out: str, runs: int) -> None:
    losses, accuracies = (np.array(values) for values in zip(*(learn(seed) for seed in range(runs)), strict=True))
    half = EPOCHS // EVERY
    for what, at in (("untrained", 0), ("trained", half), ("after the cut", half + 1), ("trained again", 2 * half + 1)):
        print(f"{what}: median test accuracy {np.median(accuracies[:, at]):.1%}, loss {np.median(losses[:, at]):.2e} V^2")
    epochs = np.concatenate([np.arange(half + 1), np.arange(half, 2 * half + 1)]) * EVERY
    with figure(1, 2, size=(8.4, 3.0)) as (drawn, (left, right)):
        for axis, values, colour, label in ((left, losses, BLUE, "test loss (V²)"), (right, 100 * accuracies, ORANGE, "test accuracy (%)")):
            axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
            axis.plot(epochs, np.median(values, axis=0), color=colour)
            axis.axvline(EPOCHS, color=MUTED, linewidth=0.8, linestyle="--")
            axis.set(xlabel="epoch", ylabel=label)
        left.set_yscale("log")
        place = {"xycoords": ("data", "axes fraction"), "rotation": 90, "ha": "right", "va": "top"}
        left.annotate(f"{CUT:.0%} of the edges cut", (EPOCHS, 0.97), color=MUTED, **place)
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="recovery.png", help="the picture")
    parser.add_argument("--runs", type=int, default=1, help="runs")
    parser.add_argument("--full", dest="runs", action="store_const", const=20, help="the large simulation: 20 runs")
    main(**vars(parser.parse_args()))
