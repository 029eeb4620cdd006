"""Networks of springs: nodes at rest and displaced, springs as wide as they are stiff, in the colour of their strain."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _array
from .. import text, units
from ..plots import BLUE, GREEN, INK, MUTED, ORANGE, RED, Picture, bar, figure, grid, picture, scale_bar
from .circuits import conductances, node_kinds, readings, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARROW = 4  # displacements that would be hard to see are drawn this many times as large


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """The network with a few samples, its stiffnesses, and what the outputs were."""
    system = trainer.system
    k = _array.to_numpy(system.parameters["stiffness"])
    drawn = [shapes(system, k, *shown(trainer, scores)), conductances(k, system.start, system.bounds["stiffness"], "stiffness", "N/m")]
    if not trainer.dataset.real:
        drawn.append(readings(scores, trainer.dataset.test_labels, system.high, system.low, "displacement", "m"))
    return drawn


def springs(axis: Any, edges: np.ndarray, k: np.ndarray, before: np.ndarray, after: np.ndarray, most: float, times: float = 1.0,
            margin: float = 0.06) -> tuple[Any, np.ndarray]:  # fmt: skip
    """Springs of stiffness k (E,) between nodes at rest, in grey, and displaced, in the colour of their strain up to +-most, with a scale bar.

    times : displacements are drawn so many times as large. Returns the drawn lines and the positions they were drawn at.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("strain", [BLUE, "#7f93ab", "#8a9097", "#c08d84", RED])
    width = 0.3 + 2.9 * np.sqrt(k / k.max())
    r, l = (np.linalg.norm(x[edges[:, 0]] - x[edges[:, 1]], axis=1) for x in (after, before))
    axis.add_collection(LineCollection(before[edges], linewidths=0.6, colors="#dfe3e7", zorder=1))
    shown = before + times * (after - before)
    lines = LineCollection(shown[edges], linewidths=width, cmap=colours, capstyle="round", zorder=2)
    lines.set_array(100 * (r / l - 1))
    lines.set_clim(-100 * most, 100 * most)
    axis.add_collection(lines)
    low, high = before.min(axis=0), before.max(axis=0)
    (left, bottom), (right, top) = low - margin * (high - low), high + margin * (high - low)
    axis.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(bottom, top))
    axis.spines[:].set_visible(False)
    scale_bar(axis)
    return lines, shown


def allostery(edges: np.ndarray, k: np.ndarray, before: np.ndarray, after: np.ndarray, sources: np.ndarray, targets: np.ndarray,
              wanted: np.ndarray, got: np.ndarray, errors: np.ndarray) -> Picture:  # fmt: skip
    """What far pairs of nodes do when others are strained, one panel for each of some cases, and the errors (steps, cases) on the way.

    edges, k : of the springs. before, after : positions (n_nodes, 2) and (cases, n_nodes, 2). sources : (cases, 2) nodes, targets : (pairs, 2).
    wanted, got : strains (cases, pairs).
    """
    cases = len(after)
    r, l = (np.linalg.norm(x[..., edges[:, 0], :] - x[..., edges[:, 1], :], axis=-1) for x in (after, before))
    most = float(np.quantile(np.abs(r / l - 1), 0.98))

    def paint(page: float) -> "Figure":
        wide = page + 1.5 if page > 5 else page
        shape = grid(cases + 1, 3.3, wide)
        with figure(*shape, size=(wide, 3.6 * shape[0]), squeeze=False) as (drawn, axes):
            panels = list(axes.flat)
            for axis, x, pair, asked, found in zip(panels, after, sources, wanted, got.round(6) + 0.0, strict=False):
                lines, x = springs(axis, edges, k, before, x, most, ARROW, 0.14)
                axis.plot(*x[pair].T, "s-", color=ORANGE, markersize=6, linewidth=1.6, zorder=4)
                for ends, want, is_ in zip(targets, asked, found, strict=True):
                    axis.plot(*x[ends].T, "D:", color=INK, markerfacecolor="white", markersize=6, linewidth=1.4, zorder=4)
                    place = x[ends].mean(axis=0)
                    out = (place - before.mean(axis=0)) / np.linalg.norm(place - before.mean(axis=0))
                    axis.annotate(f"{100 * is_:.2f} %\n({100 * want:.3g} %)", place, (38, 27) * out, textcoords="offset points", ha="center",
                                  va="center", fontsize=8, zorder=5)  # fmt: skip
            bar(drawn, lines, panels[:cases], "strain (%)", shrink=0.8, aspect=18)
            last = panels[cases]
            for case, colour in zip(range(cases), (BLUE, ORANGE, GREEN, RED) * cases, strict=False):
                last.plot(100 * errors[:, case], color=colour, linewidth=1.2, label=f"source {case + 1} strained")
            last.set(yscale="log", xlabel="step", ylabel="largest error of a target's strain (%)")
            last.legend()
            for axis in panels[cases + 1 :]:
                axis.set_visible(False)
        return drawn

    caption = (
        f"{len(before)} nodes, {len(k)} springs, as wide as they are stiff; grey: before a source (orange) is strained, with displacements "
        f"drawn {ARROW} times as large. Diamonds: target pairs, which no spring joins, with the strain they answer with, and in brackets the "
        "wanted one."
    )
    columns = {"step": np.arange(len(errors))} | {f"source {c + 1}: largest error of a strain": errors[:, c] for c in range(cases)}
    return picture("allostery", "Allostery", caption, paint, text.table(columns))


def shapes(system: Any, k: np.ndarray, states: np.ndarray, titles: list[tuple[str, bool, int | None]]) -> Picture:
    """The network with its stiffnesses (E,), at the positions (samples, n_nodes, 2) of a few samples with their titles."""
    edges, at = system.network.edges, _array.to_numpy(system.positions)
    sources, targets, anchors = system.source_nodes, system.target_nodes, system.anchor_nodes
    apart = system.reads == "distances"
    strain = system.network.lengths(states) / system.network.lengths(at[None]) - 1
    most = float(np.quantile(np.abs(strain), 0.98))

    def paint(page: float) -> "Figure":
        shape = grid(len(titles), 2.8, page)
        with figure(*shape, size=(min(page, 3.3 * shape[1] + 1.0), 3.3 * shape[0]), squeeze=False) as (drawn, axes):
            for axis, x, (title, right, ringed) in zip(axes.flat, states, titles, strict=True):
                lines, _ = springs(axis, edges, k, at, x, most)
                axis.scatter(*x[sources].T, marker="s", s=26, color=MUTED, zorder=3)
                axis.scatter(*x[anchors].T, marker="^", s=38, color=INK, zorder=3)
                axis.scatter(*x[targets].T, marker="D", s=30, color="white", edgecolors=INK, linewidths=1.2, zorder=4)
                if ringed is not None and not apart:
                    axis.scatter(*x[targets[ringed]], s=190, facecolors="none", edgecolors=GREEN, linewidths=1.6, zorder=4)
                if apart:
                    axis.plot(*x[targets.reshape(-1, 2)].transpose(2, 1, 0), ":", color=INK, linewidth=1.2, zorder=3)
                else:
                    moved = ARROW * (x - at)[targets, 0]
                    axis.quiver(*x[targets].T, moved, 0 * moved, angles="xy", scale_units="xy", scale=1, color=INK, width=0.008, zorder=5)
                axis.set_title(title, color=INK if right else RED)
            bar(drawn, lines, axes, "strain (%)", shrink=0.8, aspect=18)
        return drawn

    caption = (
        f"{len(at)} nodes, {len(k)} springs, as wide as they are stiff ({units.span(k.min(), k.max(), 'N/m')}); grey: before the sources "
        "move. Squares: sources; triangles: anchors; diamonds: targets"
    ) + (
        ", dotted from one node of a pair to the other." if apart else
        " (that of the true class ringed in green), with their displacements along the first axis as arrows, "
        f"{ARROW} times as long."
    )  # fmt: skip
    kinds = node_kinds(len(at), {"source": sources, "anchor": anchors, "target": targets})
    for x, (title, _, _) in zip(states, titles, strict=True):
        kinds |= {f"{axis} (m), {title}": x[:, i] for i, axis in enumerate("xy")}
    ends = {"from": edges[:, 0], "to": edges[:, 1], "stiffness (N/m)": k}
    ends |= {f"strain, {title}": s for s, (title, _, _) in zip(strain, titles, strict=True)}
    tables = {"nodes": text.table(kinds), "springs": text.table(ends)}
    return picture("network", "The network", caption, paint, tables)
