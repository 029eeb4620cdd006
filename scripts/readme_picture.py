"""The picture of README.md: ``python scripts/readme_picture.py docs/_static/pnnkern.png [EPOCHS]``, two minutes on one core.

Light through a diffractive network that was trained on the digits of the package: intensity summed over x, between the planes by
`propagate`. Crossbars with real wires: what is left of each cell's conductance from end to end. A flow network after coupled learning, as in
scripts/gallery/flow.py. Prints what is drawn.
"""

import io
import sys
from pathlib import Path

import numpy as np
from gallery.flow import ETA, LIMITS, RATE, WANTED, places
from PIL import Image

import pnnkern as pnn
from pnnkern import crossbar, learning, networks, optics, systems
from pnnkern.experiments import data
from pnnkern.experiments.plots import INK, figure, png

SIZE, PLANES, CELLS, OHMS, SIDE, STEPS = 200, 48, 128, 1.0, 60, 40  # neurons, planes drawn between masks; cells, ohms; junctions, steps


def light(epochs: int) -> tuple[np.ndarray, systems.D2NN, int]:
    """(intensity over y and z, each plane by its largest; the network; the digit that it reads)."""
    geometry = systems.d2nn.Geometry(size=SIZE, input_size=SIZE * 14 // 25, detector_size=SIZE // 10)
    network = systems.D2NN(geometry=geometry, start="pi")
    digits = data.load("mnist-small")
    learning_run = pnn.train(network, "in-silico", digits, epochs=epochs, batch=32, lr=0.05, schedule="cosine", quiet=True)
    scores = network.forward(network.encode(digits.test_images[:64]))
    share = scores.max(axis=1) / scores.sum(axis=1) * (scores.argmax(axis=1) == digits.test_labels[:64])
    clearest = int(share.argmax())  # of those that are read right
    along = [np.zeros((0, SIZE))]
    for field in network.fields(network.encode(digits.test_images[clearest : clearest + 1]))[:-1]:
        z = np.linspace(0, geometry.spacing, PLANES + 1)[1:]
        there = optics.propagate(field[0], distance=z, wavelength=geometry.wavelength, pitch=geometry.pitch)
        along.append((np.abs(there) ** 2).sum(axis=2))
    seen = np.concatenate(along)
    accuracy, digit = learning_run.metrics["test_accuracy"], int(digits.test_labels[clearest])
    print(f"light: test accuracy {accuracy:.1%}, a {digit} of which {share.max():.0%} of the detected light comes to its own detector")
    return (seen / seen.max(axis=1, keepdims=True)).T, network, digit


def left_of_cells() -> np.ndarray:
    """Effective over programmed conductance of every cell, (CELLS, CELLS)."""
    cells = np.random.default_rng(0).uniform(1e-6, 25e-6, (CELLS, CELLS))
    left: np.ndarray = crossbar.effective_conductance(cells, wires=OHMS) / cells
    print(f"crossbar: {left.max():.1%} of a cell is left at the corner, {left.min():.1%} far from it")
    return left


def pressures() -> tuple[np.ndarray, np.ndarray]:
    """(pressures after learning, junctions at which they were wanted)."""
    edges, (held, targets) = networks.graphs.lattice(SIDE, SIDE), places(SIDE)
    network, pipes, adam, inlet = networks.ResistorNetwork(edges, SIDE**2), np.ones(len(edges)), learning.Adam(RATE), np.array([[1.0, 0.0]])
    for _ in range(STEPS):
        update = learning.coupled_learning_update(network, pipes, held, inlet, targets, WANTED, eta=ETA)
        adam.apply({"pipes": pipes}, {"pipes": update}, bounds={"pipes": LIMITS})
    after = network.solve(pipes, held, inlet)[0]
    print(f"flow: pressures off by {np.sqrt(np.mean((after[targets] - WANTED[0]) ** 2)):.4f} rms")
    return after.reshape(SIDE, SIDE), targets


def main(out: str, epochs: int = 4) -> None:
    seen, network, digit = light(epochs)
    left, (pressure, targets) = left_of_cells(), pressures()
    g, bar = network.geometry, {"shrink": 0.9, "pad": 0.02, "aspect": 18}
    with figure(1, 3, size=(8.0, 2.4), width_ratios=(1.8, 1, 1)) as (drawn, (beam, cells, flow)):
        deep, high = 1e3 * g.spacing * (g.layers + 1), 1e3 * g.pitch * SIZE
        beam.imshow(np.sqrt(seen), cmap="inferno", aspect="auto", extent=(0, deep, high / 2, -high / 2))
        for mask in range(1, g.layers + 1):
            beam.axvline(1e3 * g.spacing * mask, color="white", linewidth=0.6, alpha=0.6)
        beam.set(title=f"Light of a {digit} through five trained masks", xlabel="z (mm)", ylabel="y (mm)")
        shown = cells.imshow(100 * left, cmap="cividis")
        cells.set(title=f"Wires of {OHMS:g} Ω a segment", xlabel="column", ylabel="row", xticks=[0, CELLS - 1], yticks=[0, CELLS - 1])
        drawn.colorbar(shown, ax=cells, label="effective conductance (%)", **bar).outline.set_visible(False)
        shown = flow.imshow(pressure, cmap="viridis", vmin=0, vmax=1)
        y, x = np.divmod(targets, SIDE)
        flow.scatter(x, y, c=WANTED[0], cmap="viridis", vmin=0, vmax=1, edgecolors="white", linewidths=1.2, s=36)
        flow.set(title="Pipes that learned", xticks=[], yticks=[])
        drawn.colorbar(shown, ax=flow, label="pressure; rings: wanted", **bar).outline.set_visible(False)
        for axis in (beam, cells, flow):
            axis.spines[:].set_visible(False)
            axis.title.set_color(INK)
        picture = png(drawn, dpi=200)
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE).save(out, optimize=True)
    print(f"{out}: {Path(out).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
