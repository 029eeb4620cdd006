"""Pictures that any run has, and the style all of them share."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, BLUE, ORANGE, GREEN, RED = "#1b1f24", "#6b7480", "#2563a8", "#d9730d", "#2a8a57", "#b3261e"
_STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#9aa3ad", "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "grid.color": "#e3e7eb",
    "grid.linewidth": 0.6, "legend.frameon": False, "figure.dpi": 130, "savefig.facecolor": "white", "image.interpolation": "nearest",
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure as PNG bytes, with the name of its file, a title, and a caption that says what is seen."""

    name: str
    title: str
    caption: str
    png: bytes

    @property
    def inline(self) -> str:
        """As a data address for HTML."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@contextmanager
def figure(*shape: int, size: tuple[float, float], **options: Any) -> Iterator[tuple["Figure", Any]]:
    """A figure of `shape` (rows, columns) axes and `size` inches in the report's style, drawn without a display."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        drawn = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn, drawn.subplots(*shape, **options)


def png(drawn: "Figure") -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png")
    return buffer.getvalue()


def _smooth(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(positions, running mean over `width`), positions at the middle of each window."""
    if len(values) < width:
        width = max(1, len(values))
    total = np.cumsum(np.concatenate([[0.0], values]))
    return np.arange(len(values) - width + 1) + (width + 1) / 2, (total[width:] - total[:-width]) / width


def curves(trainer: Any, controls: dict[str, float]) -> Picture:
    """Loss and accuracy of each batch (thin), their running means, the test set after each epoch, and the accuracies of controls."""
    from matplotlib.ticker import LogLocator, NullLocator

    per_epoch = trainer.steps_per_epoch
    width = max(1, min(50, per_epoch // 4))
    epochs = np.arange(1, len(trainer.evaluations) + 1)
    with figure(1, 2, size=(9.2, 3.2)) as (drawn, axes):
        for axis, values, k, label in ((axes[0], trainer.losses, 0, "loss"), (axes[1], trainer.accuracies, 1, "accuracy")):
            scale = 100 if k else 1
            at = np.arange(1, len(values) + 1) / per_epoch
            axis.plot(at, scale * np.asarray(values), color=BLUE, alpha=0.18, linewidth=0.6, rasterized=True)
            middle, mean = _smooth(np.asarray(values), width)
            axis.plot(middle / per_epoch, scale * mean, color=BLUE, linewidth=1.4, label=f"training, mean of {width} batches")
            tested = scale * np.array([e[k] for e in trainer.evaluations])
            axis.plot(epochs, tested, "o-" if len(epochs) <= 60 else "-", color=ORANGE, linewidth=1.0, markersize=4.5, label="test set")
            axis.set(xlabel="epoch", ylabel=label + (" (%)" if k else ""), xlim=(0, max(1.0, at[-1] if len(at) else 1.0) * 1.02))
            axis.grid(True, axis="y")
            if k:
                for (name, accuracy), style in zip(controls.items(), ("--", ":"), strict=False):
                    axis.axhline(100 * accuracy, color=MUTED, linestyle=style, linewidth=1.1, label=f"{name}, test set")
                marks = [*tested, *(100 * accuracy for accuracy in controls.values())]
                axis.set_ylim(max(0.0, min([*marks, 90.0]) - 15) if marks else 0.0, 100.5)
            else:
                axis.set_yscale("log")
                axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.yaxis.set_major_formatter("{x:g}")
                axis.yaxis.set_minor_locator(NullLocator())
            axis.legend(loc="lower right" if k else "upper right")
        picture = png(drawn)
    final = f" It ends at {100 * trainer.evaluations[-1][1]:.2f} % on the test set." if trainer.evaluations else ""
    return Picture(
        "curves", "Learning", "Thin: every batch. The test set is measured after each epoch and chooses nothing." + final, picture
    )


def confusion(scores: np.ndarray, labels: np.ndarray) -> Picture:
    """Which class (row) was taken for which (column): counts of test images."""
    classes = scores.shape[1]
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, scores.argmax(axis=1)), 1)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    with figure(1, 1, size=(5.2, 4.6)) as (drawn, axis):
        shown = axis.imshow(100 * share, cmap="Blues", vmin=0, vmax=100)
        for i, j in np.ndindex(counts.shape):
            if counts[i, j] and classes <= 20:
                axis.text(
                    j, i, str(counts[i, j]), ha="center", va="center", fontsize=7.5, color="white" if share[i, j] > 0.5 else INK
                )
        axis.set(xlabel="class read from the detectors", ylabel="true class", xticks=range(classes), yticks=range(classes))
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        drawn.colorbar(shown, ax=axis, label="% of the true class", shrink=0.85).outline.set_visible(False)
        picture = png(drawn)
    wrong = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    most = f" Most often confused: {i} read as {j}, {wrong[i, j]} times." if wrong.any() else ""
    return Picture("confusion", "Confusion matrix", f"Counts of {len(labels)} test images." + most, picture)


def answers(outputs: np.ndarray, targets: np.ndarray) -> Picture:
    """Outputs (samples, outputs) against what they should be, each output in a colour of its own."""
    with figure(1, 1, size=(4.6, 4.2)) as (drawn, axis):
        for o in range(targets.shape[1]):
            colour = (BLUE, ORANGE, GREEN, RED)[o] if targets.shape[1] <= 4 else BLUE
            axis.scatter(targets[:, o], outputs[:, o], s=16, color=colour, linewidths=0, label=f"output {o + 1}", zorder=3)
        ends = np.array([min(targets.min(), outputs.min()), max(targets.max(), outputs.max())])
        axis.plot(ends, ends, color=MUTED, linewidth=0.8)
        axis.set(xlabel="target", ylabel="output")
        if 1 < targets.shape[1] <= 4:
            axis.legend()
        picture = png(drawn)
    error = np.sqrt(((outputs - targets) ** 2).mean())
    caption = f"{len(targets)} test samples, {targets.shape[1]} outputs each; rms error {error:.2g}. On the line they are as they should be."
    return Picture("answers", "Outputs and targets", caption, picture)
