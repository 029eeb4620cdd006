"""Pictures of a network of resistors for the report: edges as wide and dark as they conduct, nodes in the colour of their voltage."""

from typing import Any

import numpy as np

from ..plots import BLUE, GREEN, INK, MUTED, ORANGE, RED, Picture, figure, png


def examples(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of up to three test samples: the first two of different classes that are read rightly, and the first that is not;
    for real targets the first, a middle and the last one.
    """
    if labels.ndim == 2:
        return np.unique(np.linspace(0, len(labels) - 1, min(3, len(labels))).round().astype(int))
    right = np.flatnonzero(scores.argmax(axis=1) == labels)
    wrong = np.flatnonzero(scores.argmax(axis=1) != labels)
    others = right[labels[right] != labels[right[0]]] if len(right) else right
    return np.concatenate([right[:1], others[:1], wrong[:1]])


def layout(edges: np.ndarray, n: int, k: np.ndarray) -> np.ndarray:
    """Positions (n, 2) for a graph that has none: the two slowest modes of its normalised Laplacian, spread by rank."""
    weight = np.zeros((n, n))
    weight[edges[:, 0], edges[:, 1]] = weight[edges[:, 1], edges[:, 0]] = k / k.mean()
    root = 1 / np.sqrt(weight.sum(axis=1))
    modes = np.linalg.eigh(np.eye(n) - root[:, None] * weight * root)[1][:, 1:3] * root[:, None]
    modes = modes * np.sign(modes[np.abs(modes).argmax(axis=0), [0, 1]])
    ranks = modes.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") / max(1, n - 1) - 0.5
    spread = modes / np.abs(modes).max(axis=0) / 2
    return np.asarray(0.75 * ranks + 0.25 * spread)


def titles(scores: np.ndarray, labels: np.ndarray, targets: np.ndarray) -> list[tuple[str, bool, int | None]]:
    """For each sample what to write above it, whether it is right, and which output is to be ringed, if one is."""
    if labels.ndim == 2:
        errors = np.sqrt(((scores - targets) ** 2).mean(axis=1))
        return [(f"sample {s + 1}, rms error {error:.2g}", True, None) for s, error in enumerate(errors)]
    read = scores.argmax(axis=1)
    return [(f"class {label}, read as {answer}", bool(label == answer), int(label)) for label, answer in zip(labels, read, strict=True)]


def network(system: Any, k: np.ndarray, states: np.ndarray, titles: list[tuple[str, bool, int | None]]) -> Picture:
    """The network with its conductances (E,), in the states (samples, n_nodes) of a few samples with their `titles`."""
    from matplotlib.collections import LineCollection

    edges, n = system.network.edges, system.network.n_nodes
    given = getattr(system, "positions", None)
    at = layout(edges, n, np.ones(len(k))) if given is None else np.asarray(given)
    strength = np.sqrt(k / k.max())
    plain = np.setdiff1d(np.arange(n), np.concatenate([system.source_nodes, system.target_nodes]))
    kinds = [(plain, "o", 14, "#ffffff"), (system.source_nodes, "s", 34, MUTED), (system.target_nodes, "D", 60, INK)]
    count = len(titles)
    with figure(1, count, size=(3.3 * count + 0.6, 3.5), squeeze=False) as (drawn, axes):
        for axis, v, (title, right, ringed) in zip(axes[0], states, titles, strict=True):
            lines = LineCollection(at[edges], linewidths=0.2 + 2.8 * strength**2, colors=[(0.3, 0.34, 0.4, 0.1 + 0.8 * s) for s in strength])
            axis.add_collection(lines)
            for nodes, marker, size, edge in kinds:
                shown = axis.scatter(*at[nodes].T, c=v[nodes], s=size, marker=marker, cmap="coolwarm", vmin=0, vmax=system.volts,
                                     edgecolors=edge, linewidths=0.8, zorder=3)  # fmt: skip
            if ringed is not None:
                axis.scatter(*at[system.target_nodes[ringed]], s=230, facecolors="none", edgecolors=GREEN, linewidths=1.6, zorder=4)
            axis.set_title(title, color=INK if right else RED)
            axis.set(xticks=[], yticks=[], aspect="equal")
            axis.spines[:].set_visible(False)
        drawn.colorbar(shown, ax=axes, label="voltage (V)", shrink=0.8, aspect=18, pad=0.01).outline.set_visible(False)
        picture = png(drawn)
    caption = (
        f"{n} nodes, {len(k)} edges, as wide and dark as they conduct ({1e3 * k.min():.2g} to {1e3 * k.max():.2g} mS). "
        f"Colour: voltage. Squares: sources; diamonds: outputs{'' if titles[0][2] is None else ', that of the true class ringed in green'}."
    )
    return Picture("network", "The network", caption, picture)


def conductances(k: np.ndarray, start: float, limits: tuple[float, float], what: str = "conductance", unit: str = "mS",
                 scale: float = 1e3) -> Picture:  # fmt: skip
    """How the conductances (E,) are distributed, or what else edges have, in the unit of which `scale` make one of SI."""
    bins = np.geomspace(limits[0], limits[1], 41)
    many = what + ("es" if what.endswith("s") else "s")
    with figure(1, 1, size=(5.2, 2.8)) as (drawn, axis):
        axis.hist(scale * k.clip(*limits), bins=scale * bins, color=BLUE)
        axis.axvline(scale * start, color=ORANGE, linewidth=1.2)
        place = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "top", "rotation": 90}
        axis.annotate("before training", (scale * start, 0.96), color=ORANGE, **place)
        axis.set(xscale="log", xlabel=f"{what} ({unit})", ylabel="edges")
        picture = png(drawn)
    at = [float((k <= limits[0] * 1.0001).mean()), float((k >= limits[1] * 0.9999).mean())]
    caption = f"Trained {many}. {at[0]:.0%} of the edges ended at the lower limit, {at[1]:.0%} at the upper one."
    return Picture(many, many.capitalize(), caption, picture)


def readings(scores: np.ndarray, labels: np.ndarray, high: float, low: float, what: str = "output voltage", unit: str = "mV",
             scale: float = 1e3) -> Picture:  # fmt: skip
    """Outputs (samples, classes) of all test samples: those of the true class beside the largest of the others."""
    own = scores[np.arange(len(labels)), labels]
    others = np.where(np.arange(scores.shape[1]) == labels[:, None], -np.inf, scores).max(axis=1)
    with figure(1, 1, size=(4.2, 3.8)) as (drawn, axis):
        axis.scatter(scale * others, scale * own, c=[BLUE if a > b else RED for a, b in zip(own, others, strict=True)], s=9, linewidths=0)
        ends = scale * np.array([min(own.min(), others.min()), max(own.max(), others.max())])
        axis.plot(ends, ends, color=MUTED, linewidth=0.8)
        axis.axhline(scale * high, color=GREEN, linewidth=0.8, linestyle=(0, (4, 3)))
        axis.axvline(scale * low, color=GREEN, linewidth=0.8, linestyle=(0, (4, 3)))
        axis.set(xlabel=f"largest other output ({unit})", ylabel=f"output of the true class ({unit})")
        picture = png(drawn)
    caption = "All test samples; above the line they are read rightly. Dashed: the targets."
    return Picture("readings", f"{what.capitalize()}s", caption, picture)


def parts(x: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Size of the mean, slope and curvature (..., 3) of errors (..., samples) at inputs (samples,), each as a root mean square.

    They are the parts along polynomials of degree 0, 1 and 2 that are orthogonal at these inputs, so their squares add up.
    """
    basis = np.linalg.qr(np.vander(x, 3, increasing=True))[0]
    return np.asarray(np.abs(errors @ basis) / np.sqrt(len(x)))


def modes(x: np.ndarray, target: np.ndarray, outputs: np.ndarray, steps: np.ndarray) -> Picture:
    """What was learned when: mean, slope and curvature of the error of outputs (runs, times, samples), and the curve at a few `steps`.

    x, target : (samples,), input in volts or as a fraction, target in volts. steps : (times,). Lines: median over the runs, bands: all.
    """
    sizes = 1e3 * parts(x, outputs - target)
    with figure(1, 2, size=(8.2, 3.2)) as (drawn, (left, right)):
        for m, (name, colour) in enumerate((("mean", BLUE), ("slope", ORANGE), ("curvature", GREEN))):
            left.plot(steps, np.median(sizes[..., m], axis=0), color=colour, label=name)
            left.fill_between(steps, sizes[..., m].min(axis=0), sizes[..., m].max(axis=0), color=colour, alpha=0.12, linewidth=0)
        left.set_xscale("symlog", linthresh=1)  # step 0 is shown too
        left.set(yscale="log", xlabel="training step", ylabel="part of the error, rms (mV)")
        left.legend()
        shown = np.unique(np.linspace(0, len(steps) - 1, 5).astype(int))
        for n, t in enumerate(shown):
            share = n / max(1, len(shown) - 1)
            right.plot(x, 1e3 * outputs[0, t], color=BLUE, alpha=0.2 + 0.8 * share, label=f"step {steps[t]:g}")
        right.plot(x, 1e3 * target, "o", color=INK, markersize=3.5, label="target")
        right.set(xlabel="input", ylabel="output of the first run (mV)")
        right.legend()
        picture = png(drawn)
    caption = f"Error by its mean, slope and curvature; median of {len(outputs)} runs, bands from the best to the worst."
    return Picture("modes", "Modes learned over time", caption, picture)
