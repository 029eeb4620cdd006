"""What a sweep has come to: a row for each point, whatever its state; means and spreads over seeds; a picture and tables of what there is."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from . import compare, comparison, plots, status, sweep, text
from .plots import INK, Picture, figure
from .recipe import RecipeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEED = "training.seed"


def collect(out: Path) -> list[dict[str, Any]]:
    """Rows as those of `compare.collect`, in the order of the points, with {"point", "number", "values", "tries"} of the sweep.

    "state" is that of `status.of_point`: "finished", "running", "stopped", "pending" or "failed", and then "problem" says by what.
    """
    there = sweep.points(out)
    if not there:
        raise RecipeError(f"{out} has no points yet: write them with `pnnkern sweep {out / sweep.SWEEP} --out {out}`")
    rows = [compare.row_of(point.folder) | status.of_point(point) for point in there]
    compare.confront(rows)
    return rows


def groups(rows: list[dict[str, Any]], by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Finished points with the same values of the keys `by` put together, as `compare.groups` gives them.

    by : keys that the sweep chose values for, "training.lr" or "lr"; none: all but the seed. Raises `RecipeError` for another key.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    chosen = [compare.key_named(name, keys) for name in by] or [key for key in keys if key != SEED]
    over = [key for key in keys if key not in chosen]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(repr([row["values"].get(key) for key in chosen]), []).append(row)
    return [compare.group(members, over, chosen) for members in found.values()]


def table(rows: list[dict[str, Any]], width: int | None = None) -> str:
    """How many points are in which state, and, of those that are not finished, which."""
    left = [row for row in rows if row["state"] != "finished"]
    counts = {state: sum(row["state"] == state for row in rows) for state in status.STATES}
    head = f"{len(rows)} points: {status.told({state: count for state, count in counts.items() if count})}"
    return "\n".join([head, *([status.table(left, width)] if left else [])])


def picture(rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> Picture:
    """Accuracies against the first key that the groups differ in by numbers, a line for each value of the others; else runs by rank."""
    numeric = [key for key in found[0]["differs"] if all(_is_number(group["differs"][key]) for group in found)]
    shown = [group for group in found if group["test_accuracy"] is not None]
    if not numeric or len({group["differs"][numeric[0]] for group in shown}) < 2:
        return comparison.picture([row for row in rows if row["curve"]], found)
    key = numeric[0]
    lines: dict[str, list[dict[str, Any]]] = {}
    for group in shown:
        lines.setdefault(", ".join(f"{k} {v}" for k, v in group["differs"].items() if k != key), []).append(group)

    def paint(page: float) -> "Figure":
        with figure(1, 1, size=(page, 3.6)) as (drawn, axes):
            for colour, (name, members) in zip(comparison.colours(len(lines)), lines.items(), strict=True):
                _line(axes, sorted(members, key=lambda group: group["differs"][key]), key, name, colour)
            places = [float(group["differs"][key]) for group in shown]
            axes.set(xlabel=key, ylabel="test accuracy (%)", xscale="log" if _wide(places) else "linear")
            if not _wide(places) and all(place.is_integer() for place in places):
                axes.locator_params(axis="x", integer=True)
            if len(lines) > 1:
                axes.legend(frameon=False, fontsize=8)
            axes.grid(True, axis="y")
        return drawn

    over = ", ".join(shown[0]["values"]) or "single runs"
    caption = f"Test accuracy against {key}; dots: mean over {over}, bars: standard deviation of the sample."
    return plots.picture("collected", f"Accuracy against {key}", caption, paint, compare.csv(found))


def _line(axes: "Axes", members: list[dict[str, Any]], key: str, name: str, colour: str) -> None:
    x = [float(group["differs"][key]) for group in members]
    y = [100 * group["test_accuracy"] for group in members]
    bars = [100 * (group["test_accuracy_deviation"] or 0.0) for group in members]
    axes.errorbar(x, y, bars, fmt="o" if key == SEED else "o-", ms=4, lw=1.2, capsize=2, color=colour if name else INK, label=text.drawn(name))


def _wide(places: list[float]) -> bool:
    """Whether a logarithmic axis shows them better."""
    return min(places) > 0 and max(places) >= 8 * min(places) and len(set(places)) > 2


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def hdf5(rows: list[dict[str, Any]]) -> bytes:
    """Rows as an HDF5 file: a data set for each column, and "curves/POINT" with passes and test accuracy after each epoch."""
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    names = ("point", "number", "state", "epochs", "passes", "seconds", *compare.SHARES)
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
    columns |= {f"values/{key}": [row["values"].get(key) for row in rows] for key in keys}
    unit = {"seconds": "s"} | dict.fromkeys(compare.SHARES, "1")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
        file.attrs["description"] = "a sweep of pnnkern: one entry of each data set for each point"
        for name, values in columns.items():
            held = file.create_dataset(name, data=_column(values))
            held.attrs["units"] = unit.get(name, "")
        for row in rows:
            held = file.create_dataset(f"curves/{row['point']}", data=np.array(row["curve"], np.float64).reshape(-1, 2))
            held.attrs["columns"] = "passes, test accuracy"
    return buffer.getvalue()


def _column(values: list[Any]) -> Any:
    """Numbers as they are, with NaN for what is missing; else text."""
    if all(value is None or _is_number(value) for value in values):
        whole = all(type(value) is int for value in values)
        return np.array([np.nan if value is None else value for value in values], np.int64 if whole else np.float64)
    return np.array(["" if value is None else str(value) for value in values], dtype=h5py.string_dtype())


def write(rows: list[dict[str, Any]], found: list[dict[str, Any]], *, out: Path, csv: Path | None = None, h5: Path | None = None) -> list[str]:
    """Write the picture, where there is anything to draw, and tables. Returns what was written, in words."""
    written = []
    if any(row["curve"] for row in rows):
        compare.save(picture(rows, found), out)
        written.append(f"picture: {out}")
    for path, content in ((csv, _flat), (h5, hdf5)):
        if path is not None:
            compare.write(path, content(rows))
            written.append(f"table: {path}")
    return written


def _flat(rows: list[dict[str, Any]]) -> bytes:
    """Rows as CSV, chosen values in columns of their own."""
    first = [{"point": row["point"], "state": row["state"]} | row | {"differs": row["values"]} for row in rows]
    return compare.csv([{key: value for key, value in row.items() if key not in ("values", "run")} for row in first])


__all__ = ["collect", "groups", "hdf5", "picture", "table", "write"]
