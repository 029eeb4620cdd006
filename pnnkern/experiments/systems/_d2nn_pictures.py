"""Pictures of a diffractive network for the report. Planes are shown in millimetres about the axis, first row on top, as images are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..plots import BLUE, GREEN, INK, MUTED, RED, Picture, figure, png

if TYPE_CHECKING:
    from .d2nn import D2NNTable


def examples(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of up to three test images: the first two of different classes that are read rightly, and the first that is not."""
    right = np.flatnonzero(scores.argmax(axis=1) == labels)
    wrong = np.flatnonzero(scores.argmax(axis=1) != labels)
    others = right[labels[right] != labels[right[0]]] if len(right) else right
    return np.concatenate([right[:1], others[:1], wrong[:1]])


def masks(table: "D2NNTable", phase: np.ndarray) -> Picture:
    """Phases (layers, y, x) modulo 2 pi."""
    columns = min(5, len(phase))
    rows = -(-len(phase) // columns)
    with figure(rows, columns, size=(9.6, 2.0 * rows + 0.25), squeeze=False, sharex=True, sharey=True) as (drawn, axes):
        for i, axis in enumerate(axes.flat):
            if i >= len(phase):
                axis.set_visible(False)
                continue
            shown = axis.imshow(np.mod(phase[i], 2 * np.pi), cmap="twilight", vmin=0, vmax=2 * np.pi, extent=_extent(table))
            axis.set_title(f"mask {i + 1}")
            _plain(axis)
        axes[-1, 0].set(xlabel="x (mm)", ylabel="y (mm)")
        bar = drawn.colorbar(shown, ax=axes, shrink=0.8, aspect=16, pad=0.01, ticks=[0, np.pi, 2 * np.pi])
        bar.set_ticklabels(["0", "π", "2π"])
        bar.set_label("phase (rad)")
        bar.outline.set_visible(False)
        picture = png(drawn)
    caption = (
        f"The trained phases, modulo 2π: {table.size} x {table.size} neurons of {1e3 * table.pitch:g} mm, "
        f"{table.pitch / table.wavelength:.2g} wavelengths each."
    )
    return Picture("masks", "Masks", caption, picture)


def fields(table: "D2NNTable", planes: list[np.ndarray], boxes: Any, labels: np.ndarray, read: np.ndarray) -> Picture:
    """Amplitudes along the network, one row for each image: incoming, right after each mask, and on the detectors."""
    rows, columns, extent = len(labels), len(planes), _extent(table)
    with figure(rows, columns, size=(9.8, 9.8 / columns * rows + 0.35), squeeze=False, sharex=True, sharey=True) as (drawn, axes):
        for i, j in np.ndindex(rows, columns):
            amplitude = np.abs(planes[j][i])
            axes[i, j].imshow(
                amplitude, cmap="inferno", vmin=0, vmax=max(float(np.quantile(amplitude, 0.999)), 1e-30), extent=extent
            )
            _plain(axes[i, j])
            axes[i, j].tick_params(labelleft=False)
        for j, name in enumerate(["input", *(f"after mask {k}" for k in range(1, columns - 1)), "on the detectors"]):
            axes[0, j].set_title(name)
        for i in range(rows):
            _outline(table, axes[i, -1], boxes, int(labels[i]), int(read[i]))
            verdict = "" if labels[i] == read[i] else f", read as {read[i]}"
            axes[i, 0].set_ylabel(f"a {labels[i]}{verdict}", color=INK if labels[i] == read[i] else RED, fontsize=10)
        axes[-1, 0].set_xlabel("x (mm)")
        picture = png(drawn)
    mistaken = ", those read by mistake in red" if (labels != read).any() else ""
    pairs = " (solid: positive, dashed: negative)" if table.detectors == "differential" else ""
    caption = (
        f"Amplitude |u| of the light, each plane on its own scale; the planes are {1e3 * table.spacing:g} mm apart. "
        f"Right: the detectors, those of the true class in green{mistaken}{pairs}."
    )
    return Picture("fields", "Light along the network", caption, picture)


def _outline(table: "D2NNTable", axis: Any, boxes: Any, label: int, read: int) -> None:
    """Draw the detectors; those of the true class stand out, and those of the class that was read."""
    from matplotlib.patches import Rectangle

    unit, (left, _, _, top) = 1e3 * table.pitch / table.oversample, _extent(table)
    for k, (y0, y1, x0, x1) in enumerate(boxes):
        colour = {read: "#ff5a4f", label: "#59f0a0"}.get(k % table.classes)
        box = Rectangle(
            (left + x0 * unit, top + y0 * unit), (x1 - x0) * unit, (y1 - y0) * unit, fill=False, linewidth=1.5 if colour else 0.6,
            linestyle="-" if k < table.classes else (0, (2, 1.2)), edgecolor=colour or "#ffffffa0",
        )  # fmt: skip
        axis.add_patch(box)


def energies(table: "D2NNTable", incoming: np.ndarray, powers: np.ndarray, labels: np.ndarray, read: np.ndarray) -> Picture:
    """What the detectors read for each image: shares of the power on them, or the contrast of each pair."""
    pairs = table.detectors == "differential"
    if pairs:
        plus, minus = powers[:, : table.classes], powers[:, table.classes :]
        values, label = 100 * (plus - minus) / (plus + minus), "(p₊ − p₋) / (p₊ + p₋)  (%)"
    else:
        values, label = 100 * powers / powers.sum(axis=1, keepdims=True), "share of the detected power (%)"
    caught = 100 * powers.sum(axis=1) / (np.abs(incoming.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    classes = np.arange(table.classes)
    with figure(1, len(labels), size=(9.2, 2.7), squeeze=False, sharey=True) as (drawn, axes):
        for i, axis in enumerate(axes[0]):
            colours = [GREEN if c == labels[i] else RED if c == read[i] else BLUE for c in classes]
            axis.bar(classes, values[i], color=colours, width=0.78)
            axis.set(xticks=classes, xlabel="class")
            axis.set_title(f"a {labels[i]}, read as {read[i]}")
            axis.grid(True, axis="y")
            axis.set_axisbelow(True)
            if pairs:
                axis.axhline(0, color=MUTED, linewidth=0.7)
        axes[0, 0].set_ylabel(label)
        picture = png(drawn)
    mistaken = "; red: the class read by mistake" if (labels != read).any() else ""
    winner = "pair with the largest contrast" if pairs else "brightest detector"
    share = ", ".join(f"{c:.2g}" for c in caught)
    caption = f"The same images; the {winner} wins. Green: the true class{mistaken}. Of the incoming light {share} % falls on the detectors."
    return Picture("detectors", "Detector energy", caption, picture)


def mean_scores(table: "D2NNTable", scores: np.ndarray, labels: np.ndarray) -> Picture:
    """Mean over the test images of each true class of what each detector (or pair) reads."""
    mean = np.stack(
        [scores[labels == c].mean(axis=0) if (labels == c).any() else np.zeros(scores.shape[1]) for c in range(table.classes)]
    )
    largest = float(np.abs(mean).max()) or 1.0
    pairs = table.detectors == "differential"
    with figure(1, 1, size=(5.2, 4.4)) as (drawn, axis):
        shown = axis.imshow(mean / largest, cmap="RdBu_r" if pairs else "inferno", vmin=-1 if pairs else 0, vmax=1)
        axis.set(xlabel="pair of detectors" if pairs else "detector", ylabel="true class")
        axis.set(xticks=range(table.classes), yticks=range(table.classes))
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        drawn.colorbar(shown, ax=axis, label="mean score, largest = 1", shrink=0.85).outline.set_visible(False)
        picture = png(drawn)
    caption = "Averages over all test images of a class; a perfect network shows the diagonal."
    return Picture("scores", "Mean reading of each detector", caption, picture)


def _extent(table: "D2NNTable") -> tuple[float, float, float, float]:
    half = 1e3 * table.pitch * table.size / 2
    return -half, half, half, -half


def _plain(axis: Any) -> None:
    """An image without a frame, ticks at the edges and the axis only."""
    left, right, _, _ = axis.images[0].get_extent()
    axis.set(xticks=[left, 0, right], yticks=[left, 0, right])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_major_formatter("{x:g}")
