"""Pictures of a network on crossbars for the report."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _array
from ...crossbar import device
from ...learning.metrics import accuracy, ratings
from ...random import fold_in
from ...systems.crossbar_network import Arrays, Compensation, CrossbarNetwork
from .. import text, units
from ..loop import MEASUREMENT, stream
from ..plots import BLUE, GREEN, INK, MUTED, ORANGE, Picture, bar, bins, figure, grid, label, mean_scores, picture
from ..plots import receptive_fields as draw_fields
from . import Checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

YEAR = 365.25 * 86400.0
AGES = (60.0, 3600.0, 86400.0, 7 * 86400.0, 30 * 86400.0, YEAR, 10 * YEAR)  # seconds since programming
CHIPS = 8  # that the same weights are programmed into, for the spread of what they become
COLOURS = {"none": ORANGE, "global": BLUE, "column": GREEN}
COMPENSATIONS: dict[Compensation, str] = {"none": "no compensation", "global": "one factor per array", "column": "one factor per column"}
TICKS = {60.0: "1 min", 3600.0: "1 h", 86400.0: "1 d", 30 * 86400.0: "1 month", YEAR: "1 a", 10 * YEAR: "10 a"}


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """What the first nodes look at where samples are square images, the weights, the first array's conductances, and mean scores."""
    system = trainer.system
    arrays = {name: _array.to_numpy(w) for name, w in system.parameters.items()}
    side = math.isqrt(system.inputs)
    drawn = [weights(arrays)]
    if side * side == system.inputs and side > 2:
        drawn.insert(0, receptive_fields(arrays["w0"], side))
    if system.crossbar is not None:
        drawn.append(conductances(_array.to_numpy(system.conductances(0))))
    return drawn if trainer.dataset.real else [*drawn, mean_scores(scores, trainer.dataset.test_labels)]


def checks(trainer: Any, chosen: np.ndarray) -> Checks:
    """The same weights in exact arithmetic, on several chips, and as those age."""
    system, data = trainer.system, trainer.dataset
    loss, images, labels = trainer.rule.loss_on(system), data.test_images[chosen], data.test_labels[chosen]

    def reached(network: CrossbarNetwork, key: Any = None) -> float:
        scores = trainer.scores_of(network, images, chosen, key)
        return float(accuracy(ratings(loss, scores, labels).mean(), data.real))

    def measured(chip: int, age: float = 0.0, compensation: Compensation = "none") -> float:
        return reached(_chip(system, chip).aged(age, compensation), fold_in(stream(trainer.training.seed, MEASUREMENT), f"chip {chip}"))

    perfect = dataclasses.replace(system, arrays=Arrays(), hardware=None, parameters=dict(system.parameters))
    twin = reached(perfect)
    rows = [{"what": "digital twin", "accuracy": twin, "note": "the same weights, exact arithmetic"}]
    caption = f"The same weights on the same {len(chosen)} test images."
    if system.crossbar is None:
        return Checks("On the hardware", caption, rows)
    new = np.array([measured(chip) for chip in range(CHIPS)])
    note = f"{_built(system)}; mean of {CHIPS} chips, standard deviation {100 * new.std(ddof=1):.1f} %"
    rows.append({"what": "arrays, just programmed", "accuracy": float(new.mean()), "deviation": float(new.std(ddof=1)), "note": note})
    if not _drifts(system.crossbar.device):
        return Checks("On the hardware", caption, rows)
    aged = {c: np.array([[measured(chip, age, c) for age in AGES] for chip in range(CHIPS)]) for c in COMPENSATIONS}
    picture = ageing(np.array(AGES), aged, new, twin, len(chosen))
    return Checks("On the hardware, and as it ages", caption, rows, (picture,))


def _chip(system: CrossbarNetwork, number: int) -> CrossbarNetwork:
    """The same weights on arrays of another make; number 0 is the run's own."""
    if not number:
        return system
    return dataclasses.replace(system, key=fold_in(system.key, f"chip {number}"), parameters=dict(system.parameters))


def _drifts(cells: Any) -> bool:
    used, G = device(cells), np.array([1e-6])
    return used.exponents(G) is not None or used.relaxation(G, 3600.0) is not None


def _built(system: CrossbarNetwork) -> str:
    """The hardware in words."""
    if system.hardware is not None:
        return "arrays as they were described"
    a = system.arrays
    wires = [] if a.topology == "lines" else [f"{a.topology} wires"]
    named = {"DAC bits": a.dac_bits, "ADC bits": a.adc_bits, "ohms per segment": a.wires, "relative cell noise": a.cell_noise}
    return ", ".join([a.device or "ideal cells", f"{a.mapping} weights", *wires, *(f"{v:g} {k}" for k, v in named.items() if v)])


def receptive_fields(w: np.ndarray, side: int) -> Picture:
    """The weights into the first hidden nodes, as pictures of the input."""
    caption = "Weights from the image to single hidden nodes."
    return draw_fields(w[:-1, :24], side, "receptive", "What the first nodes look at", caption)


def weights(arrays: dict[str, np.ndarray]) -> Picture:
    """Distributions of the weights of each array."""
    held = {name: np.histogram(w, 80) for name, w in arrays.items()}

    def paint(page: float) -> "Figure":
        shape = grid(len(arrays), 3.0, page)
        with figure(*shape, size=(min(page, 3.2 * shape[1] + 0.4), 2.5 * shape[0]), squeeze=False) as (drawn, axes):
            for axis, (name, w) in zip(axes.flat, arrays.items(), strict=False):
                axis.stairs(*held[name], fill=True, color=BLUE)
                axis.set(xlabel="weight", title=f"{name}: {w.shape[0]} x {w.shape[1]}", ylabel="cells", yscale="log")
            for axis in axes.flat[len(arrays) :]:
                axis.set_visible(False)
        return drawn

    columns: dict[str, Any] = {}
    for name, (counts, edges) in held.items():
        columns |= bins(counts, edges, f"{name}: weight", f"{name}: cells")
    caption = "How the weights of each array are distributed; the count is logarithmic."
    return picture("weights", "Weights", caption, paint, text.table(columns))


def conductances(G: np.ndarray) -> Picture:
    """Conductances of the first array: its first cells in place, and their distribution."""
    parts, rows, columns = len(G), min(128, G.shape[1]), min(128, G.shape[2])
    size, name = units.scaled(float(G.max()), "S")
    G, what = G / size, label("conductance", name)
    counts, edges = np.histogram(G, 80)

    def paint(page: float) -> "Figure":
        shape = grid(parts + 1, 2.9, page)
        with figure(*shape, size=(page, 2.7 * shape[0]), squeeze=False) as (drawn, axes):
            for k, axis in enumerate(axes.flat[:parts]):
                image = axis.imshow(G[k, :rows, :columns], cmap="viridis", vmin=0, vmax=G.max() or 1)
                axis.set(xlabel="column", ylabel="row", title=f"array {k + 1} of {parts}")
            bar(drawn, image, list(axes.flat[:parts]), what)
            axes.flat[parts].stairs(counts, edges, fill=True, color=ORANGE)
            axes.flat[parts].set(yscale="log", xlabel=what, ylabel="cells")
            for axis in axes.flat[parts + 1 :]:
                axis.set_visible(False)
        return drawn

    places = np.arange(columns), np.arange(rows)
    tables = {f"array-{k + 1}": text.plane(g[:rows, :columns], *places, f"row \\ column; {what}") for k, g in enumerate(G)}
    caption = f"The first {rows} x {columns} cells of the first layer as they were programmed, and the distribution over all its cells."
    return picture("conductances", "Conductances", caption, paint, {"": text.table(bins(counts, edges, what, "cells"))} | tables)


def ageing(times: np.ndarray, accuracies: dict[Compensation, np.ndarray], new: np.ndarray, twin: float, images: int) -> Picture:
    """Accuracy against seconds since programming (times,), of each compensation (chips, times), of chips just programmed (chips,), of the twin.

    Bands: standard deviations over the chips.
    """
    chips = len(new)

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return values.mean(axis=0), values.std(axis=0, ddof=1) if chips > 1 else np.zeros(values.shape[1:])

    def paint(page: float) -> "Figure":
        width = min(page, 6.4)
        with figure(1, 1, size=(width, 3.4)) as (drawn, axis):
            axis.axhline(100 * twin, color=INK, linestyle="--", linewidth=1, label="digital twin")
            axis.axhline(100 * new.mean(), color=MUTED, linestyle=":", linewidth=1.2, label="just programmed, mean")
            for kind, values in accuracies.items():
                mean, deviation = spread(100 * values)
                axis.fill_between(times, mean - deviation, mean + deviation, color=COLOURS[kind], alpha=0.15, linewidth=0)
                axis.plot(times, mean, "o-", color=COLOURS[kind], markersize=3.5, linewidth=1.3, label=COMPENSATIONS[kind])
            axis.set_xscale("log")
            axis.set(xlabel="time since programming", ylabel="test accuracy (%)")
            inside = {t: name for t, name in TICKS.items() if times[0] <= t <= times[-1]}
            axis.set_xticks(list(inside), list(inside.values()), minor=False)
            axis.set_xticks([], minor=True)
            axis.grid(True, axis="y")
            axis.legend(loc="best")
        return drawn

    columns: dict[str, Any] = {"seconds since programming": times}
    for kind, values in accuracies.items():
        mean, deviation = spread(values)
        columns |= {f"{COMPENSATIONS[kind]}: mean": mean, f"{COMPENSATIONS[kind]}: standard deviation": deviation}
        columns |= {f"{COMPENSATIONS[kind]}: chip {c + 1}": chip for c, chip in enumerate(values)}
    mean, deviation = spread(new)
    about = f"{chips} chips, each programmed and aged with draws of its own" if chips > 1 else "One chip"
    caption = (
        f"{about}; lines are means, bands standard deviations over the chips, on {images} test images. Just programmed they read "
        f"{units.percent(float(mean), 1)} (± {100 * float(deviation):.1f}). Compensation scales outputs by what reference inputs have lost."
    )
    return picture("ageing", "As the arrays age", caption, paint, text.table(columns))
