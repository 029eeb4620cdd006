"""Where the points of a sweep stand, by what lies in their folders; nobody is asked, and nothing is kept of it."""

from collections import Counter
from pathlib import Path
from typing import Any

from .._errors import PnnError
from . import advance, checkpoint, compare, saved, sweep, text, units
from . import recipe as recipes

STATES = ("finished", "running", "stopped", "pending", "failed")


def collect(out: Path) -> list[dict[str, Any]]:
    """A row for each point in the order of their numbers: `of_point`, with {"epochs", "of", "test_accuracy", "seconds"} so far."""
    rows = []
    for point in sweep.points(out):
        row = compare.row_of(point.folder)
        rows.append(of_point(point) | {key: row[key] for key in ("epochs", "of", "test_accuracy", "seconds")})
    return rows


def tally(out: Path) -> dict[str, int]:
    """How many points are in which state."""
    counts = Counter(of_point(point)["state"] for point in sweep.points(out))
    return {state: counts[state] for state in STATES if counts[state]}


def told(counts: dict[str, int]) -> str:
    """A tally in words."""
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "no points"


def table(rows: list[dict[str, Any]], width: int | None = None) -> str:
    """The rows as text, at most so many characters wide."""
    lines = [("point", "state", "epochs", "test", "time", "values", "note")]
    for row in rows:
        values = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in row["values"].items())
        note = row["problem"] if row["state"] == "failed" else row["holder"]
        lines.append(
            (
                row["point"], row["state"], f"{row['epochs'] or 0} of {row['of'] or '?'}",
                "-" if row["test_accuracy"] is None else units.percent(row["test_accuracy"]),
                "-" if row["seconds"] is None else units.duration(row["seconds"]), text.plain(values), text.plain(note or ""),
            )
        )  # fmt: skip
    return text.columns(lines, width)


def of_point(point: sweep.Point) -> dict[str, Any]:
    """{"point", "number", "values", "state", "problem", "holder", "tries"}: "running" (by `holder`), "finished", "failed" (by `problem`),
    "stopped" (begun, and nobody works on it), or "pending"."""
    folder = point.folder
    found: dict[str, Any] = {"point": folder.name, "number": point.number, "values": point.values, "problem": None, "tries": 0}
    found["holder"] = checkpoint.holder(folder)
    failed = advance.failure(folder)
    if failed:
        found |= {"problem": failed.message, "tries": failed.tries}
    if found["holder"]:
        return found | {"state": "running"}
    try:
        if advance.is_done(folder):
            return found | {"state": "finished"}
        recipes.read_run(folder)
    except (PnnError, OSError) as error:
        return found | {"state": "failed", "problem": found["problem"] or " ".join(str(error).split())}
    return found | {"state": "failed" if failed else "stopped" if saved.exists(folder) else "pending"}
