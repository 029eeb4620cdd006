"""Pictures of a diffractive network for the report. Planes are shown about the axis, first row on top, as images are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _array
from ...systems.d2nn import D2NN, Geometry
from .. import plots, text, units
from ..plots import BLUE, GREEN, INK, MUTED, NARROW, RED, Picture, bar, figure, grid, picture
from . import Checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """Masks, the light of a few test images along the network, what its detectors read, and their means."""
    system, data = trainer.system, trainer.dataset
    shown = examples(scores, data.test_labels)
    inputs, labels, read = system.encode(data.test_images[shown]), data.test_labels[shown], scores[shown].argmax(axis=1)
    planes = [_array.to_numpy(u) for u in system.fields(inputs)]
    powers = _array.to_numpy(system.forward(inputs)).astype(np.float64)
    return [
        masks(system, _array.to_numpy(system.parameters["phase"])),
        fields(system.geometry, planes, system.regions.boxes, labels, read),
        energies(system.geometry, planes[0], powers, labels, read),
        mean_scores(system.geometry, scores, data.test_labels),
    ]


def checks(trainer: Any, chosen: np.ndarray) -> Checks:
    """The same masks in a larger window, and with the light inside each neuron resolved."""
    system, data = trainer.system, trainer.dataset
    g = system.geometry
    finer = 3 * g.oversample
    trained = f"as trained: window {g.pad:g} times the mask, {_samples(g.oversample)}"
    variants = [
        (trained, system, "the headline's physics, on these images"),
        ("window 3 times the mask", system.variant(pad=3), "less light wraps around the edge of the computed window"),
        (_samples(finer), system.variant(oversample=finer), "each neuron a flat square, the light resolved inside it"),
    ]
    labels = data.test_labels[chosen]
    read = [_read(trainer, variant, chosen) for _, variant, _ in variants]
    rows: list[dict[str, Any]] = [
        {"what": what, "accuracy": float((got == labels).mean()), "same": float((got == read[0]).mean()), "note": note}
        for (what, _, note), got in zip(variants, read, strict=True)
    ]
    for row in rows[1:]:
        row["note"] = f"{row['note']}; {units.percent(row['same'], 1)} of the images are read as in the first row"
    caption = (
        f"The same masks, the same {len(chosen)} test images, one thing changed at a time. One sample per "
        f"{g.pitch / g.wavelength:.2g}-wavelength neuron is the published point-neuron model and not converged physics: the last row shows how "
        "much depends on it."
    )
    return Checks("How far the physics is converged", caption, rows)


def _samples(k: int) -> str:
    return "one sample per neuron" if k == 1 else f"{k} x {k} samples per neuron"


def _read(trainer: Any, system: D2NN, chosen: np.ndarray, piece: int = 16) -> np.ndarray:
    """Classes (n,) that the system reads in images, a few at a time: finer sampling needs much more memory than training did."""
    images = trainer.dataset.test_images
    pieces = (chosen[i : i + piece] for i in range(0, len(chosen), piece))
    return np.concatenate([trainer.scores_of(system, images[some], some) for some in pieces]).argmax(axis=1)


def examples(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of up to three test images: the first two of different classes that are read rightly, and the first that is not."""
    right = np.flatnonzero(scores.argmax(axis=1) == labels)
    wrong = np.flatnonzero(scores.argmax(axis=1) != labels)
    others = right[labels[right] != labels[right[0]]] if len(right) else right
    return np.concatenate([right[:1], others[:1], wrong[:1]])


def masks(system: D2NN, phase: np.ndarray) -> Picture:
    """Phases (layers, y, x) modulo 2 pi."""
    g, full = system.geometry, system.full_height()
    wrapped, extent = np.mod(phase, 2 * np.pi), _extent(g)

    def paint(page: float) -> "Figure":
        rows, columns = grid(len(phase), 1.7, page)
        height = 0.92 * (page - 0.8) / columns * rows + 0.5
        with figure(rows, columns, size=(page, height), squeeze=False, sharex=True, sharey=True) as (drawn, axes):
            for i, axis in enumerate(axes.flat):
                if i >= len(phase):
                    axis.set_visible(False)
                    continue
                shown = axis.imshow(wrapped[i], cmap="twilight", vmin=0, vmax=2 * np.pi, extent=extent)
                axis.set_title(f"mask {i + 1}")
                _plain(axis)
            axes[-1, 0].set(xlabel=f"x ({_unit(g)})", ylabel=f"y ({_unit(g)})")
            made_bar = bar(drawn, shown, axes, "phase (rad)", shrink=0.8, aspect=16, ticks=[0, np.pi, 2 * np.pi])
            made_bar.set_ticklabels(["0", "π", "2π"])
            size, name = units.scaled(full, "m")
            each = full / size / (2 * np.pi)  # height of a radian
            of_print = made_bar.ax.secondary_yaxis(-0.4, functions=(lambda p: p * each, lambda h: h / each))
            of_print.set(ylabel=f"height ({name})", yticks=[0, np.pi * each, 2 * np.pi * each])
            of_print.yaxis.set_major_formatter(lambda h, _: units.number(h, 3))
        return drawn

    caption = (
        f"The trained phases, modulo 2π: {g.size} x {g.size} neurons of {units.si(g.pitch, 'm')}, "
        f"{g.pitch / g.wavelength:.2g} wavelengths each. Printed in a material of refractive index {system.imperfections.index:g}, 2π is "
        f"{units.si(full, 'm')} of height."
    )
    tables = {str(i + 1): plots.plane(mask, extent, f"{_unit(g)}; phase in rad") for i, mask in enumerate(wrapped)}
    return picture("masks", "Masks", caption, paint, tables)


def fields(g: Geometry, planes: list[np.ndarray], boxes: Any, labels: np.ndarray, read: np.ndarray) -> Picture:
    """Amplitudes along the network for each image: incoming, right after each mask, and on the detectors."""
    extent, names = _extent(g), ["input", *(f"after mask {k}" for k in range(1, len(planes) - 1)), "on the detectors"]
    # relative to the brightest sample of the incoming light
    amplitudes = [[np.abs(u[i]) / max(float(np.abs(planes[0][i]).max()), 1e-30) for u in planes] for i in range(len(labels))]

    def paint(page: float) -> "Figure":
        across = page > NARROW  # an image's light goes from left to right, on a telephone from top to bottom
        shape = (len(labels), len(planes)) if across else (len(planes), len(labels))
        height = (0.78 if across else 1) * (page - 0.7) / shape[1] * shape[0] + 0.8
        with figure(*shape, size=(page, height), squeeze=False, sharex=True, sharey=True) as (drawn, axes):
            for i, j in np.ndindex(len(labels), len(planes)):
                axis = axes[i, j] if across else axes[j, i]
                top = max(float(np.quantile(amplitudes[i][j], 0.999)), 1e-30)
                shown = axis.imshow(amplitudes[i][j] / top, cmap="inferno", vmin=0, vmax=1, extent=extent)
                axis.text(0.04, 0.96, units.number(top, 2), color="white", fontsize=7.5, ha="left", va="top", transform=axis.transAxes)
                _plain(axis)
                if j == len(planes) - 1:
                    _outline(g, axis, boxes, int(labels[i]), int(read[i]))
            for j, name in enumerate(names):
                axes[0, j].set_title(name) if across else axes[j, 0].set_ylabel(name)
            for i in range(len(labels)):
                told = {"color": INK if labels[i] == read[i] else RED, "fontsize": 9}
                verdict = f"a {labels[i]}" + ("" if labels[i] == read[i] else f", read as {read[i]}")
                axes[i, 0].set_ylabel(verdict, **told) if across else axes[0, i].set_title(verdict, **told)
            axes[-1, 0].set_xlabel(f"x, y ({_unit(g)})")
            options = {} if across else {"location": "bottom", "aspect": 40}
            bar(drawn, shown, axes, "amplitude / largest of the plane", **options)
        return drawn

    mistaken = ", those read by mistake in red" if (labels != read).any() else ""
    pairs = " (solid: positive, dashed: negative)" if g.detectors == "differential" else ""
    caption = (
        f"Amplitude |u| of the light, each plane on its own scale, whose end is written in its corner as a multiple of the brightest incoming "
        f"amplitude (the 99.9 % quantile of the plane). The planes are {units.si(g.spacing, 'm')} apart. The last one has the detectors, "
        f"those of the true class in green{mistaken}{pairs}."
    )
    tables = {
        f"{i + 1}-{j}": plots.plane(amplitudes[i][j], extent, f"{_unit(g)}; amplitude relative to the brightest incoming one")
        for i, j in np.ndindex(len(labels), len(planes))
    }
    return picture("fields", "Light along the network", caption, paint, tables)


def _outline(g: Geometry, axis: Any, boxes: Any, label: int, read: int) -> None:
    """Draw the detectors; those of the true class stand out, and those of the class that was read."""
    from matplotlib.patches import Rectangle

    unit, (left, _, _, top) = g.pitch / g.oversample / _size(g), _extent(g)
    for k, (y0, y1, x0, x1) in enumerate(boxes):
        colour = {read: "#ff5a4f", label: "#59f0a0"}.get(k % g.outputs)
        box = Rectangle(
            (left + x0 * unit, top + y0 * unit), (x1 - x0) * unit, (y1 - y0) * unit, fill=False, linewidth=1.5 if colour else 0.6,
            linestyle="-" if k < g.outputs else (0, (2, 1.2)), edgecolor=colour or "#ffffffa0",
        )  # fmt: skip
        axis.add_patch(box)


def energies(g: Geometry, incoming: np.ndarray, powers: np.ndarray, labels: np.ndarray, read: np.ndarray) -> Picture:
    """What the detectors read for each image: shares of the power on them, or the contrast of each pair."""
    pairs = g.detectors == "differential"
    if pairs:
        plus, minus = powers[:, : g.outputs], powers[:, g.outputs :]
        values, label = 100 * (plus - minus) / (plus + minus), "(p₊ − p₋) / (p₊ + p₋)  (%)"
    else:
        values, label = 100 * powers / powers.sum(axis=1, keepdims=True), "share of the detected power (%)"
    caught = 100 * powers.sum(axis=1) / (np.abs(incoming.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    classes = np.arange(g.outputs)
    titles = [f"a {label}, read as {answer}" for label, answer in zip(labels, read, strict=True)]

    def paint(page: float) -> "Figure":
        shape = grid(len(labels), 2.6, page)
        with figure(*shape, size=(page, 2.6 * shape[0]), squeeze=False, sharey=True) as (drawn, axes):
            for i, axis in enumerate(axes.flat[: len(labels)]):
                colours = [GREEN if c == labels[i] else RED if c == read[i] else BLUE for c in classes]
                axis.bar(classes, values[i], color=colours, width=0.78)
                axis.set(xticks=classes, xlabel="class", title=titles[i])
                axis.grid(True, axis="y")
                axis.set_axisbelow(True)
                if pairs:
                    axis.axhline(0, color=MUTED, linewidth=0.7)
            drawn.supylabel(label, fontsize=9)
        return drawn

    mistaken = "; red: the class read by mistake" if (labels != read).any() else ""
    winner = "pair with the largest contrast" if pairs else "brightest detector"
    share = ", ".join(f"{c:.2g}" for c in caught)
    caption = f"The same images; the {winner} wins. Green: the true class{mistaken}. Of the incoming light {share} % falls on the detectors."
    columns = {"class": classes} | {f"{label}, image {i + 1}: {title}": values[i] for i, title in enumerate(titles)}
    return picture("detectors", "Detector energy", caption, paint, text.table(columns))


def mean_scores(g: Geometry, scores: np.ndarray, labels: np.ndarray) -> Picture:
    """Mean over the test images of each true class of what each detector (or pair) reads."""
    pairs = g.detectors == "differential"
    return plots.mean_scores(scores, labels, "pair of detectors" if pairs else "detector", signed=pairs)


def _size(g: Geometry) -> float:
    """Metres in the unit that a mask is shown in: millimetres, or whatever suits it."""
    return units.scaled(g.pitch * g.size, "m")[0]


def _unit(g: Geometry) -> str:
    return units.scaled(g.pitch * g.size, "m")[1]


def _extent(g: Geometry) -> tuple[float, float, float, float]:
    half = g.pitch * g.size / 2 / _size(g)
    return -half, half, half, -half


def _plain(axis: Any) -> None:
    """An image without a frame, ticks at the edges and the axis only."""
    left, right, _, _ = axis.images[0].get_extent()
    axis.set(xticks=[left, 0, right], yticks=[left, 0, right])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_major_formatter("{x:g}")
