"""Pictures that any run has, and the style all of them share."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import text, units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, BLUE, ORANGE, GREEN, RED = "#1b1f24", "#5b6470", "#2563a8", "#d9730d", "#2a8a57", "#b3261e"
WIDE, NARROW = 9.4, 4.0  # inches: of a page on a desk and on a telephone
_STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#9aa3ad", "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "grid.color": "#e3e7eb",
    "grid.linewidth": 0.6, "legend.frameon": False, "figure.dpi": 130, "savefig.facecolor": "white", "image.interpolation": "nearest",
    "svg.fonttype": "none", "svg.hashsalt": "pnnkern",
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure as PNG and SVG, as PNG for a narrow page, with its numbers, a title, and a caption that says what is seen.

    name : of its files. tables : CSV by what is added to that name, "" for the only one.
    """

    name: str
    title: str
    caption: str
    png: bytes
    svg: bytes
    narrow: bytes
    tables: Mapping[str, bytes]

    @property
    def files(self) -> dict[str, bytes]:
        """What lies beside the page, by the names of files."""
        return {f"{self.name}.png": self.png, f"{self.name}.svg": self.svg} | {
            f"{self.name}{'-' if part else ''}{part}.csv": content for part, content in self.tables.items()
        }


def inline(content: bytes) -> str:
    """A PNG as a data address for HTML."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def picture(
    name: str, title: str, caption: str, paint: Callable[[float], "Figure"], tables: Mapping[str, bytes] | bytes
) -> Picture:
    """The picture that `paint` makes for a page of a width, inches: it is asked for a wide and for a narrow one."""
    with _styled():
        wide = paint(WIDE)
        held = {"": tables} if isinstance(tables, bytes) else dict(tables)
        return Picture(name, title, caption, png(wide), svg(wide), png(paint(NARROW), dpi=220), held)


@contextmanager
def _styled() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


@contextmanager
def figure(*shape: int, size: tuple[float, float], **options: Any) -> Iterator[tuple["Figure", Any]]:
    """A figure of `shape` (rows, columns) axes and `size` inches in the report's style, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _styled():
        drawn = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn, drawn.subplots(*shape, **options)


def grid(count: int, panel: float, width: float) -> tuple[int, int]:
    """(rows, columns) of so many panels of a width on a page of another one."""
    columns = max(1, min(count, int(width / panel)))
    rows = -(-count // columns)
    return rows, -(-count // rows)


def png(drawn: "Figure", dpi: float | None = None) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=dpi or "figure")
    return buffer.getvalue()


def svg(drawn: "Figure") -> bytes:
    """The figure as SVG, its text as text; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def bar(drawn: "Figure", shown: Any, axes: Any, label: str, **options: Any) -> Any:
    """A colour bar with what its colours mean, below axes that are stacked in one column."""
    stacked = np.ndim(axes) == 2 and len(axes) > 1 and len(axes[0]) == 1
    placed = {"location": "bottom", "aspect": 30, "pad": 0.01} if stacked else {"shrink": 0.85, "pad": 0.01} | options
    made = drawn.colorbar(shown, ax=axes, label=label, **placed)
    made.outline.set_visible(False)
    return made


def label(what: str, unit: str) -> str:
    """Of an axis: "voltage (mV)"; `what` alone for a pure number."""
    return f"{what} ({unit})" if unit else what


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Running mean over `width` values about each one, fewer at the ends."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    at = np.arange(len(values))
    low, high = np.maximum(0, at - width // 2), np.minimum(len(values), at - width // 2 + width)
    return np.asarray((total[high] - total[low]) / (high - low))


def _thin(axis: Any, x: np.ndarray, values: np.ndarray, seen: np.ndarray) -> None:
    """All values as a thin line; of very many the band that such a line fills, between places `seen` of them."""
    if len(seen) == len(values):
        axis.plot(x, values, color=BLUE, alpha=0.22, linewidth=0.6, rasterized=True)
        return
    low, high = (edge.reduceat(values, seen) for edge in (np.minimum, np.maximum))
    axis.fill_between(x[seen], low, high, color=BLUE, alpha=0.22, linewidth=0)


def curves(trainer: Any, controls: dict[str, float], unit: str = "1") -> Picture:
    """Loss and accuracy of each batch (thin), their running means, the test set after each epoch, and the accuracies of controls.

    unit : SI unit of the loss. The axes hold all of it, from the first batch to the last.
    """
    from matplotlib.ticker import MaxNLocator

    per_epoch = trainer.steps_per_epoch
    width = max(1, min(50, max(per_epoch // 4, trainer.step // 40)))
    batches = {"loss": np.array(trainer.losses), "accuracy": np.array(trainer.accuracies)}
    tests = dict(zip(batches, np.array(trainer.evaluations, float).reshape(-1, 2).T, strict=True))
    at = np.arange(1, len(trainer.losses) + 1) / per_epoch
    seen = np.unique(np.linspace(0, len(at) - 1, min(len(at), 4000)).astype(int))  # of a smooth line, as many points as a page can show
    epochs = np.arange(1, len(trainer.evaluations) + 1)
    size, name = units.scaled(float(np.median(np.abs(batches["loss"]))), unit)
    quality = "1 − rms error" if trainer.dataset.real else "accuracy"

    def line(axis: Any, what: str, scale: float) -> None:
        _thin(axis, at, scale * batches[what], seen)
        mean = f"training, mean of {width} batches" if width > 1 else "training, each batch"
        axis.plot(at[seen], scale * _smooth(batches[what], width)[seen], color=BLUE, linewidth=1.4, label=mean)
        dots = "o-" if len(epochs) <= 60 else "-"
        axis.plot(epochs, scale * tests[what], dots, color=ORANGE, linewidth=1.0, markersize=4.5, label="test set")
        axis.set(xlabel="epoch", xlim=(0, max(1.0, at[-1]) * 1.02))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axis.grid(True, axis="y")

    def paint(page: float) -> "Figure":
        shape = grid(2, 4.0, page)
        with figure(*shape, size=(page, 3.1 * shape[0])) as (drawn, (left, right)):
            line(left, "loss", 1 / size)
            left.set_ylabel(label("loss", name))
            logarithmic(left)
            left.legend(loc="upper right")
            line(right, "accuracy", 100)
            for (control, reached), style in zip(controls.items(), ("--", ":"), strict=False):
                right.axhline(100 * reached, color=INK, linestyle=style, linewidth=1.1, label=f"{control}, test set")
            every = 100 * np.concatenate([batches["accuracy"], tests["accuracy"], [*controls.values()]])
            margin = 0.04 * max(float(np.ptp(every)), 5.0)
            right.set(ylabel=f"{quality} (%)", ylim=(every.min() - margin, every.max() + margin))
            right.legend(loc="lower right")
        return drawn

    zeros = " Losses of 0 have no place on their axis." if (batches["loss"] <= 0).any() else ""
    final = f" It ends at {units.percent(tests['accuracy'][-1])} on the test set." if len(epochs) else ""
    about = "Thin: every batch. " if width > 1 else ""
    caption = f"{about}The test set is measured after each epoch and chooses nothing.{final}{zeros}"
    return picture("curves", "Learning", caption, paint, _history(batches, tests, per_epoch, controls, unit))


def _history(
    batches: dict[str, np.ndarray], tests: dict[str, np.ndarray], per_epoch: int, controls: dict[str, float], unit: str
) -> bytes:
    """CSV of a run's losses and accuracies, step by step; of a long run means over a few batches each, 20 000 rows or so."""
    steps = len(batches["loss"])
    block = min(-(-steps // 20_000), per_epoch)
    first = np.arange(0, steps, block)
    last = np.minimum(first + block, steps)
    columns: dict[str, Sequence[Any] | np.ndarray] = {"step": last, "epoch": last / per_epoch}
    of = f", mean of {block} batches" if block > 1 else ""
    for what, values in batches.items():
        name = label(what, units.scaled(1.0, unit)[1] if what == "loss" else "")
        tested = np.full(len(first), None)
        tested[(np.arange(1, len(tests[what]) + 1) * per_epoch - 1) // block] = tests[what]
        columns |= {f"training {name}{of}": np.add.reduceat(values, first) / (last - first), f"test {name}": tested}
    columns |= {f"{control}, test accuracy": np.full(len(first), reached) for control, reached in controls.items()}
    return text.table(columns)


def logarithmic(axis: Any) -> None:
    """Make the y axis logarithmic, with ticks that can be read over one decade as over many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,), numticks=8))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda x, _: units.number(x, 3).removeprefix("1 × ")))
    axis.yaxis.set_minor_locator(NullLocator())


def scale_bar(axis: Any, unit: str = "m") -> None:
    """A length to compare with, in the lower left corner of axes without ticks whose coordinates are in `unit`."""
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    most = (right - left) / 4
    decade = 10.0 ** np.floor(np.log10(most))
    length = decade * max(n for n in (1, 2, 5) if n * decade <= most * (1 + 1e-9))
    y = bottom + 0.02 * (top - bottom)
    axis.plot([left, left + length], [y, y], color=INK, linewidth=2, solid_capstyle="butt", zorder=6)
    axis.annotate(units.si(length, unit), (left + length / 2, y), (0, 3), textcoords="offset points", ha="center", fontsize=8, zorder=6)


def receptive_fields(w: np.ndarray, side: int, name: str, title: str, caption: str, what: str = "weight", unit: str = "1") -> Picture:
    """Weights (inputs, nodes), in an SI unit, into some nodes, as pictures of the input, blue below 0 and red above."""
    shown, top = w.shape[1], float(np.abs(w).max()) or 1.0
    size, unit_name = units.scaled(top, unit)

    def paint(page: float) -> "Figure":
        columns = min(shown, 12 if page > NARROW else 5)
        rows = -(-shown // columns)
        with figure(rows, columns, size=(page, 0.2 + 0.93 * (page - 0.7) / columns * rows), squeeze=False) as (drawn, axes):
            for axis, column in zip(axes.flat, w.T, strict=False):
                image = axis.imshow(column.reshape(side, side) / size, cmap="RdBu_r", vmin=-top / size, vmax=top / size)
            for axis in axes.flat:
                axis.set_axis_off()
            bar(drawn, image, axes, label(what, unit_name), aspect=12 * rows)
        return drawn

    columns = {label(f"{what} into {k + 1}", units.scaled(1.0, unit)[1]): w[:, k] for k in range(shown)}
    return picture(name, title, caption, paint, text.table({"pixel": np.arange(len(w))} | columns))


def bins(counts: np.ndarray, edges: np.ndarray, what: str, of: str) -> dict[str, Any]:
    """Columns of a histogram as `numpy.histogram` gives it."""
    return {f"{what}, from": edges[:-1], f"{what}, to": edges[1:], of: counts}


def matrix(drawn: "Figure", axis: Any, values: np.ndarray, meaning: str, x: str, y: str, **colours: Any) -> None:
    """A square table of classes as colours."""
    shown = axis.imshow(values, **colours)
    ticks = range(0, len(values), -(-len(values) // 20))
    axis.set(xlabel=x, ylabel=y, xticks=ticks, yticks=ticks)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    bar(drawn, shown, axis, meaning)


def confusion(read: np.ndarray, labels: np.ndarray, classes: int) -> Picture:
    """Which class (row) was taken for which (column), of so many `classes`: counts of test samples."""
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, read), 1)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))

    def paint(page: float) -> "Figure":
        side = min(page, 5.2)
        with figure(1, 1, size=(side, 0.88 * side)) as (drawn, axis):
            matrix(drawn, axis, 100 * share, "share of the true class (%)", "class that was read", "true class", cmap="Blues", vmin=0, vmax=100)
            for i, j in np.ndindex(counts.shape):
                if counts[i, j] and classes <= 20:
                    colour = "white" if share[i, j] > 0.5 else INK
                    axis.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=7.5, color=colour)
        return drawn

    wrong = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    most = f" Most often confused: {i} read as {j}, {wrong[i, j]} times." if wrong.any() else ""
    columns = {"true class": np.arange(classes)} | {f"read as {k}": counts[:, k] for k in range(classes)}
    return picture("confusion", "Confusion matrix", f"Counts of {len(labels)} test samples.{most}", paint, text.table(columns))


def mean_scores(scores: np.ndarray, labels: np.ndarray, what: str = "output", signed: bool = True) -> Picture:
    """Mean over the test images of each true class of what each output reads."""
    classes = scores.shape[1]
    mean = np.stack([scores[labels == c].mean(axis=0) if (labels == c).any() else np.zeros(classes) for c in range(classes)])
    largest = float(np.abs(mean).max()) or 1.0
    colours = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1} if signed else {"cmap": "inferno", "vmin": 0, "vmax": 1}

    def paint(page: float) -> "Figure":
        side = min(page, 5.2)
        with figure(1, 1, size=(side, 0.86 * side)) as (drawn, axis):
            matrix(drawn, axis, mean / largest, "mean score (largest = 1)", what, "true class", **colours)
        return drawn

    columns = {"true class": np.arange(classes)} | {f"{what} {k}": mean[:, k] for k in range(classes)}
    caption = f"Averages over all test samples of a class; the largest is {units.number(largest, 3)}. A perfect network shows the diagonal."
    return picture("scores", f"Mean reading of each {what}", caption, paint, text.table(columns))


def answers(outputs: np.ndarray, targets: np.ndarray, unit: str = "1") -> Picture:
    """Outputs (samples, outputs), in an SI unit, against what they should be, each output in a colour of its own."""
    count = targets.shape[1]
    size, name = units.scaled(float(max(np.abs(targets).max(), np.abs(outputs).max())), unit)

    def paint(page: float) -> "Figure":
        side = min(page, 4.6)
        with figure(1, 1, size=(side, 0.9 * side)) as (drawn, axis):
            for o in range(count):
                colour = (BLUE, ORANGE, GREEN, RED)[o] if count <= 4 else BLUE
                axis.scatter(targets[:, o] / size, outputs[:, o] / size, s=16, color=colour, linewidths=0, label=f"output {o + 1}", zorder=3)
            ends = np.array([min(targets.min(), outputs.min()), max(targets.max(), outputs.max())]) / size
            axis.plot(ends, ends, color=MUTED, linewidth=0.8)
            axis.set(xlabel=label("target", name), ylabel=label("output", name))
            if 1 < count <= 4:
                axis.legend()
        return drawn

    error = float(np.sqrt(((outputs - targets) ** 2).mean()))
    caption = (
        f"{len(targets)} test samples, {count} outputs each; rms error {units.si(error, unit, 2)}. On the line they are as they should be."
    )
    plain = units.scaled(1.0, unit)[1]
    columns = {
        label(f"{what} {o + 1}", plain): held[:, o] for o in range(count) for what, held in (("target", targets), ("output", outputs))
    }
    return picture("answers", "Outputs and targets", caption, paint, text.table(columns))


def plane(values: np.ndarray, extent: tuple[float, float, float, float], unit: str) -> bytes:
    """CSV of an image (y, x) that is drawn in an extent (left, right, bottom, top) in a unit, of at most 256 values on a side."""
    (ny, nx), (left, right, bottom, top) = values.shape, extent
    x, y = (a + (b - a) * (np.arange(n) + 0.5) / n for a, b, n in ((left, right, nx), (top, bottom, ny)))
    sy, sx = (-(-n // 256) for n in (ny, nx))
    return text.plane(values[::sy, ::sx], x[::sx], y[::sy], f"y \\ x ({unit})")
