"""
How exactly must masks be made?
===============================

Five phase masks at 0.4 THz learn the digits of the package: as designed, and with errors of one kind drawn anew at every step, of a strength
that is drawn, too ("vaccinated": Mengu et al., Nanophotonics 9, 4207 (2020)). Then networks are built with errors that no training saw: masks
beside their place, printed heights that are off, heights of few levels. Drawn is the test accuracy, median and range of the built ones, beside
a linear classifier of the pixels and masks that were not trained. ``--full`` has 200 neurons on a side, as the published network.

Few levels can be trained for, misplaced masks in part, and errors of the height hardly: they scatter the light. What training with errors
costs is seen on the left of each panel. The full size was not run for this page.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import learning, random, systems
from pnnkern.experiments import controls, data
from pnnkern.experiments.plots import BLUE, INK, MUTED, ORANGE, figure, png
from pnnkern.systems.d2nn import Geometry, Imperfections

BUILT, EPOCHS, BATCH, RATE = 3, 3, 32, 0.05  # networks built for each error; training; radians
KINDS = {  # name: (a label, errors that are built, those that training draws, unit of the axis)
    "misalignment": ("masks misplaced, rms (mm)", [0.0, 0.1e-3, 0.2e-3, 0.4e-3, 0.6e-3, 0.8e-3], np.linspace(0, 0.4e-3, 9), 1e3),
    "height_error": ("heights off, rms (µm)", [0.0, 25e-6, 50e-6, 100e-6, 150e-6, 200e-6], np.linspace(0, 100e-6, 9), 1e6),
    "levels": ("levels of height", [16, 8, 6, 4, 3, 2], np.arange(3, 9), 1.0),
}


def train(size: int, digits: data.Dataset, kind: str | None = None) -> systems.D2NN:
    """A network with masks of so many neurons a side; with a kind of error, each step is one through a network built anew."""
    geometry = Geometry().scaled(size)
    network, adam, rng = systems.D2NN(geometry=geometry, start="pi"), learning.Adam(RATE), np.random.default_rng(0)
    steps = int(EPOCHS * len(digits.train_images) / BATCH)
    for step in range(steps):
        chosen = rng.integers(len(digits.train_images), size=BATCH)
        errors = Imperfections(**{kind: rng.choice(KINDS[kind][2]).item()}) if kind else Imperfections()
        built = network.perturbed(random.fold_in(random.key(1), step), errors)
        inputs, labels = built.encode(digits.train_images[chosen]), digits.train_labels[chosen]
        slope, _ = learning.in_silico_gradient(built, inputs, labels, learning.CrossEntropy())  # at the phases that were printed
        adam.apply(network.parameters, slope, lr=RATE / 2 * (1 + np.cos(np.pi * step / steps)), scales={"phase": (1.0, BATCH)})
    return network


def accuracies(network: systems.D2NN, digits: data.Dataset, kind: str, errors: list[float]) -> np.ndarray:
    """Test accuracies (errors, BUILT) of networks that are built with each error, each time the same ones."""
    found, inputs = [], network.encode(digits.test_images)
    for error in errors:
        for device in range(BUILT):
            built = network.perturbed(random.fold_in(random.key(2), device), Imperfections(**{kind: error}))
            found.append(np.mean(built.forward(inputs).argmax(axis=1) == digits.test_labels))
    return np.reshape(found, (len(errors), BUILT))


def main(out: str, size: int) -> None:
    digits = data.load("mnist-small")
    naive, linear = train(size, digits), controls.linear(digits)["test_accuracy"]
    flat = systems.D2NN(geometry=naive.geometry, start="pi")
    untrained = accuracies(flat, digits, "levels", [0])[0, 0]
    print(f"linear classifier {linear:.1%}, masks that were not trained {untrained:.1%}")
    with figure(1, 3, size=(9.4, 3.0), sharey=True) as (drawn, axes):
        for axis, (kind, (label, errors, _, unit)) in zip(axes, KINDS.items(), strict=True):
            at = np.arange(len(errors)) if kind == "levels" else np.array(errors) * unit
            for trained, network, colour in (("as designed", naive, ORANGE), ("with errors", train(size, digits, kind), BLUE)):
                built = 100 * accuracies(network, digits, kind, errors)
                axis.fill_between(at, built.min(axis=1), built.max(axis=1), color=colour, alpha=0.2, linewidth=0)
                axis.plot(at, np.median(built, axis=1), "o-", color=colour, markersize=3, label=f"trained {trained}")
                line = ", ".join(f"{error * unit:g}: {reached:.1f} %" for error, reached in zip(errors, np.median(built, axis=1), strict=True))
                print(f"{label}, trained {trained}: {line}")
            axis.axhline(100 * linear, color=INK, linewidth=0.9, linestyle="--", label="linear classifier")
            axis.axhline(100 * untrained, color=MUTED, linewidth=0.9, linestyle=":", label="not trained")
            axis.set(xlabel=label, ylim=(0, 100))
            if kind == "levels":
                axis.set_xticks(at, errors)
        axes[0].set_ylabel("test accuracy (%)")
        axes[1].legend(loc="lower left", bbox_to_anchor=(0, 0.12))
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="tolerances.png", help="the picture")
    parser.add_argument("--size", type=int, default=40, help="neurons on a side")
    parser.add_argument("--full", dest="size", action="store_const", const=200, help="the large simulation: 200 neurons on a side")
    main(**vars(parser.parse_args()))
