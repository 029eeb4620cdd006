"""Networks that carry current: edges as wide and dark as they conduct, nodes in the colour of their voltage."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _array
from ..._classes import answers, shares
from ...learning import SquareError
from .. import text, units
from ..plots import BLUE, GREEN, INK, MUTED, ORANGE, RED, Picture, bar, bins, figure, grid, label, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """The network with a few samples, its conductances where it learns these, and what the outputs were."""
    system = trainer.system
    k = _array.to_numpy(system.conducting()).astype(np.float64)
    drawn = [network(system, k, *shown(trainer, scores))]
    if "conductance" in system.parameters:
        drawn.append(conductances(k, getattr(system, "start", None), system.bounds["conductance"]))
    if isinstance(trainer.rule.loss_on(system), SquareError) and not trainer.dataset.real:
        aim = system.natural_loss
        drawn.append(readings(scores, trainer.dataset.test_labels, aim.high, aim.low))
    return drawn


def shown(trainer: Any, scores: np.ndarray) -> tuple[np.ndarray, list[tuple[str, bool, int | None]]]:
    """States of a few test samples, and their titles."""
    system, data = trainer.system, trainer.dataset
    loss = trainer.rule.loss_on(system)
    at = examples(scores, data.test_labels, loss)
    states = _array.to_numpy(system.states(system.encode(data.test_images[at])))
    return states, titles(scores[at], data.test_labels[at], loss, system.output_unit)


def examples(scores: np.ndarray, labels: np.ndarray, loss: Any) -> np.ndarray:
    """Indices of up to three test samples: the first two of different classes that are read rightly, and the first that is not;
    for real targets the first, a middle and the last one.
    """
    if labels.ndim == 2:
        return np.unique(np.linspace(0, len(labels) - 1, min(3, len(labels))).round().astype(int))
    read = answers(scores, loss)
    right, wrong = np.flatnonzero(read == labels), np.flatnonzero(read != labels)
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


def titles(scores: np.ndarray, labels: np.ndarray, loss: Any, unit: str = "V") -> list[tuple[str, bool, int | None]]:
    """For each sample, with scores in an SI unit, what to write above it, whether it is right, and which output is to be ringed, if one is:
    that which is to be high.
    """
    if labels.ndim == 2:
        errors = np.sqrt(((scores - loss.targets(labels, scores)) ** 2).mean(axis=1))
        return [(f"sample {s + 1}, rms error {units.si(error, unit, 2)}", True, None) for s, error in enumerate(errors)]
    high = shares(labels, scores.shape[1], len(scores), np)
    rings = [int(row.argmax()) if row.any() else None for row in high]
    found = zip(labels, answers(scores, loss), rings, strict=True)
    return [(f"class {label}, read as {answer}", bool(label == answer), ring) for label, answer, ring in found]


def network(system: Any, k: np.ndarray, states: np.ndarray, titles: list[tuple[str, bool, int | None]]) -> Picture:
    """The network with its conductances (E,), in the states (samples, n_nodes) of a few samples with their `titles`."""
    from matplotlib.collections import LineCollection

    edges, n = system.network.edges, system.network.n_nodes
    given = getattr(system, "positions", None)
    at = layout(edges, n, np.ones(len(k))) if given is None else np.asarray(_array.to_numpy(given))
    strength = np.sqrt(k / k.max())
    plain = np.setdiff1d(np.arange(n), np.concatenate([system.source_nodes, system.target_nodes]))
    kinds = [(plain, "o", 14, "#ffffff"), (system.source_nodes, "s", 34, MUTED), (system.target_nodes, "D", 60, INK)]
    low, high = min(0.0, float(states.min())), max(system.volts, float(states.max()))
    size, name = units.scaled(max(-low, high), "V")
    # voltages of both signs are shown about 0
    colours = {"cmap": "viridis", "vmin": 0, "vmax": high / size} if low > -1e-6 * high else {
        "cmap": "coolwarm", "vmin": -max(-low, high) / size, "vmax": max(-low, high) / size
    }  # fmt: skip

    def paint(page: float) -> "Figure":
        shape = grid(len(titles), 2.8, page)
        with figure(*shape, size=(min(page, 3.3 * shape[1] + 0.6), 3.3 * shape[0]), squeeze=False) as (drawn, axes):
            for axis, v, (title, right, ringed) in zip(axes.flat, states / size, titles, strict=True):
                grey = [(0.3, 0.34, 0.4, 0.1 + 0.8 * s) for s in strength]
                axis.add_collection(LineCollection(at[edges], linewidths=0.2 + 2.8 * strength**2, colors=grey))
                for nodes, marker, area, edge in kinds:
                    shown = axis.scatter(*at[nodes].T, c=v[nodes], s=area, marker=marker, edgecolors=edge, linewidths=0.8, zorder=3, **colours)
                if ringed is not None:
                    axis.scatter(*at[system.target_nodes[ringed]], s=230, facecolors="none", edgecolors=GREEN, linewidths=1.6, zorder=4)
                axis.set_title(title, color=INK if right else RED)
                axis.set(xticks=[], yticks=[], aspect="equal")
                axis.spines[:].set_visible(False)
            bar(drawn, shown, axes, label("voltage", name), shrink=0.8, aspect=18)
        return drawn

    caption = (
        f"{n} nodes, {len(k)} edges, as wide and dark as they conduct ({units.span(k.min(), k.max(), 'S', 2)}). Where nodes are drawn "
        f"{'follows from who is joined to whom' if given is None else 'is where they lie'}. Colour: voltage. Squares: sources; diamonds: "
        f"outputs{'' if titles[0][2] is None else ', that of the true class ringed in green'}."
    )
    nodes = node_kinds(n, {"source": system.source_nodes, "output": system.target_nodes}) | {"x": at[:, 0], "y": at[:, 1]}
    nodes |= {f"voltage (V), {title}": v for v, (title, _, _) in zip(states, titles, strict=True)}
    tables = {"nodes": text.table(nodes), "edges": text.table({"from": edges[:, 0], "to": edges[:, 1], "conductance (S)": k})}
    return picture("network", "The network", caption, paint, tables)


def node_kinds(n: int, kinds: dict[str, np.ndarray]) -> dict[str, Any]:
    """Columns that say what each node is."""
    what = ["node"] * n
    for kind, nodes in kinds.items():
        for node in nodes:
            what[node] = kind
    return {"node": np.arange(n), "kind": what}


def conductances(k: np.ndarray, start: float | None, limits: tuple[float, float], what: str = "conductance", unit: str = "S") -> Picture:
    """How the conductances (E,) are distributed, or what else edges have, in an SI unit."""
    size, name = units.scaled(float(np.median(k)), unit)
    counts, edges = np.histogram(k.clip(*limits) / size, np.geomspace(*limits, 41) / size)
    many = what + ("es" if what.endswith("s") else "s")

    def paint(page: float) -> "Figure":
        with figure(1, 1, size=(min(page, 5.2), 2.8)) as (drawn, axis):
            axis.stairs(counts, edges, fill=True, color=BLUE)
            if start is not None:
                axis.axvline(start / size, color=ORANGE, linewidth=1.2)
                place = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "top", "rotation": 90}
                axis.annotate("before training", (start / size, 0.96), color=ORANGE, **place)
            axis.set(xscale="log", xlabel=label(what, name), ylabel="edges", xlim=np.array(limits) / size)
            axis.xaxis.set_major_formatter(lambda x, _: units.number(x, 3))
        return drawn

    at = [float((k <= limits[0] * 1.0001).mean()), float((k >= limits[1] * 0.9999).mean())]
    caption = f"Trained {many}. {units.percent(at[0], 0)} of the edges ended at the lower limit, {units.percent(at[1], 0)} at the upper one."
    return picture(many, many.capitalize(), caption, paint, text.table(bins(counts, edges, label(what, name), "edges")))


def readings(scores: np.ndarray, labels: np.ndarray, high: float, low: float, what: str = "output voltage", unit: str = "V") -> Picture:
    """Outputs (samples, classes) of all test samples, in an SI unit: those of the true class beside the largest of the others."""
    if scores.shape[1] == 1:
        return _single(scores[:, 0], labels, high, low, what, unit)
    own = scores[np.arange(len(labels)), labels]
    others = np.where(np.arange(scores.shape[1]) == labels[:, None], -np.inf, scores).max(axis=1)
    size, name = units.scaled(float(max(np.abs(own).max(), np.abs(others).max())), unit)

    def paint(page: float) -> "Figure":
        with figure(1, 1, size=(min(page, 4.2), 3.8)) as (drawn, axis):
            colours = [BLUE if a > b else RED for a, b in zip(own, others, strict=True)]
            axis.scatter(others / size, own / size, c=colours, s=9, linewidths=0)
            ends = np.array([min(own.min(), others.min()), max(own.max(), others.max())]) / size
            axis.plot(ends, ends, color=MUTED, linewidth=0.8)
            axis.axhline(high / size, color=GREEN, linewidth=0.8, linestyle=(0, (4, 3)))
            axis.axvline(low / size, color=GREEN, linewidth=0.8, linestyle=(0, (4, 3)))
            axis.set(xlabel=f"largest other output ({name})", ylabel=f"output of the true class ({name})")
        return drawn

    caption = "All test samples; above the line they are read rightly. Dashed: the targets."
    plain = units.scaled(1.0, unit)[1]
    columns = {"true class": labels, f"output of the true class ({plain})": own, f"largest other output ({plain})": others}
    return picture("readings", f"{what.capitalize()}s", caption, paint, text.table(columns))


def _single(outputs: np.ndarray, labels: np.ndarray, high: float, low: float, what: str, unit: str) -> Picture:
    """Readings (samples,) of one output that tells class 1 from class 0."""
    size, name = units.scaled(float(max(np.abs(outputs).max(), abs(high), abs(low))), unit)

    def paint(page: float) -> "Figure":
        with figure(1, 1, size=(min(page, 4.2), 3.2)) as (drawn, axis):
            right = labels == (outputs > (high + low) / 2)
            axis.scatter(labels, outputs / size, c=np.where(right, BLUE, RED), s=16, linewidths=0)
            for target in (low, high):
                axis.axhline(target / size, color=GREEN, linewidth=0.8, linestyle=(0, (4, 3)))
            axis.set(xlabel="true class", ylabel=label("output", name), xticks=[0, 1], xlim=(-0.5, 1.5))
        return drawn

    columns = {"true class": labels, f"output ({units.scaled(1.0, unit)[1]})": outputs}
    return picture("readings", f"{what.capitalize()}s", "All test samples. Dashed: the targets.", paint, text.table(columns))


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
    names = {"mean": BLUE, "slope": ORANGE, "curvature": GREEN}

    def paint(page: float) -> "Figure":
        shape = grid(2, 3.6, page)
        with figure(*shape, size=(min(page, 8.2), 3.2 * shape[0])) as (drawn, (left, right)):
            for m, (name, colour) in enumerate(names.items()):
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
        return drawn

    caption = f"Error by its mean, slope and curvature; median of {len(outputs)} runs, bands from the best to the worst."
    columns = {"step": steps} | {f"{name}, median (mV)": np.median(sizes[..., m], axis=0) for m, name in enumerate(names)}
    return picture("modes", "Modes learned over time", caption, paint, text.table(columns))
