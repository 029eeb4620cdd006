"""Runs side by side: what they came to, after how many physical passes, and where their recipes differ."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import CheckpointError, PnnError
from . import controls, files, saved, text, units
from . import recipe as recipes
from .recipe import Recipe, RecipeError

if TYPE_CHECKING:
    from .plots import Picture

SHARES = {
    "test_accuracy": "test", "at_equal_passes": "at equal passes", "linear_control_accuracy": "linear", "exact_gradient_accuracy": "exact",
    "deployed_accuracy": "deployed",
}  # fmt: skip
# on a narrow terminal, in turn
_SPARED = ("device", "recipe", "time", "passes", "over", "exact", "linear", "deployed", "at equal passes", "epochs")
_NAMES = ("recipe", "summary")  # of recipes, which are the same under another name
_ELSEWHERE = ("data.folder", "data.path", "compute.threads", "checkpoint.seconds", "checkpoint.steps")  # and with these set otherwise


def collect(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """For each folder {"run", "state", "problem", "recipe", "epochs", "of", "passes", "test_accuracy", "at_equal_passes",
    "linear_control_accuracy", "exact_gradient_accuracy", "deployed_accuracy", "seconds", "device", "differs", "curve", "warning", "config"}.

    "state" is "finished", "unfinished" (fewer epochs than "of" are done), or "broken", and then "problem" says why: the folder holds no
    run, or one that cannot be read; all else is None or empty. "passes" counts physical passes of single samples while training; "curve"
    holds (passes, test accuracy) after each epoch, and "at_equal_passes" is the accuracy where the run with the fewest passes ends, by
    linear interpolation between epochs (None for rules that take no pass). "config" is the flat recipe, and "differs" what in it is not
    the same in all runs. Nothing is computed anew: all comes from the checkpoints; "warning" is that of the checkpoint (see `saved.read`).
    Raises `CheckpointError` where no folder can be read.
    """
    rows = [row_of(folder) for folder in folders]
    whole = [row for row in rows if row["state"] != "broken"]
    if not whole:
        more = f" (nor can the other {len(rows) - 1})" if len(rows) > 1 else ""
        raise CheckpointError(f"{rows[0]['run']} cannot be compared: {rows[0]['problem']}{more}")
    confront(rows)
    return rows


def confront(rows: list[dict[str, Any]]) -> None:
    """Say of each row where its recipe differs, and what it reached after as many passes as the run with the fewest took."""
    whole = [row for row in rows if row["config"]]
    keys = dict.fromkeys(key for row in whole for key in row["config"] if key not in _NAMES)
    differing = [key for key in keys if any(row["config"].get(key) != whole[0]["config"].get(key) for row in whole)]
    budget = min((row["passes"] for row in whole if row["passes"]), default=0)
    for row in whole:
        row["differs"] = {key: row["config"].get(key) for key in differing}
        x, y = np.array(row["curve"], float).reshape(-1, 2).T
        row["at_equal_passes"] = float(np.interp(budget, x, y)) if row["passes"] and budget >= x[0] else None


def row_of(folder: Path) -> dict[str, Any]:
    """What is known of one folder, as `collect` says it."""
    row: dict[str, Any] = {
        "run": str(folder), "state": "broken", "problem": None, "recipe": None, "epochs": None, "of": None, "passes": None,
        **dict.fromkeys(SHARES), "seconds": None, "device": None, "differs": {}, "curve": [], "warning": None, "config": {},
    }  # fmt: skip
    try:
        config = recipes.read_run(folder)
        if not saved.exists(folder):
            return row | _described(config) | {"state": "unfinished", "problem": "there is no checkpoint yet", "epochs": 0}
        config, found = saved.read(folder)
        return row | _described(config) | _reached(config, found)
    except (PnnError, OSError) as error:
        return row | {"problem": " ".join(str(error).replace(f"{folder}/", "").removeprefix(f"{folder} ").split())}
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # a checkpoint of something else
        return row | {"problem": f"its checkpoint is not that of a run ({type(error).__name__}: {error})"}


def _described(config: Recipe) -> dict[str, Any]:
    flat = dict(recipes.leaves(config.table()))
    return {"recipe": config.recipe, "of": config.training.epochs, "device": config.compute.device, "config": flat}


def _reached(config: Recipe, found: Any) -> dict[str, Any]:
    accuracies = [float(a) for a in found.state["progress/evaluations"][:, 1]]
    per_epoch = int(found.meta.get("passes_per_epoch", 0))
    reached = {what: found.meta.get(name, {}).get("test_accuracy") for name, what in controls.ACCURACIES.items()}
    return {
        "state": "finished" if len(accuracies) >= config.training.epochs else "unfinished", "epochs": len(accuracies),
        "passes": per_epoch * len(accuracies), "test_accuracy": accuracies[-1] if accuracies else None,
        **{what: None if value is None else float(value) for what, value in reached.items()}, "seconds": round(float(found.meta["seconds"]), 3),
        "curve": [(per_epoch * (i + 1), a) for i, a in enumerate(accuracies)], "warning": found.warning,
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------- groups
def groups(rows: list[dict[str, Any]], over: Sequence[str]) -> list[dict[str, Any]]:
    """Finished runs that differ only in the keys `over` ("training.seed", or "seed"), put together.

    Each {"recipe", "n", "left_out", "differs", "values", "runs", "unfinished"} and, of each accuracy, its mean and "..._deviation", the
    standard deviation of the sample (n - 1), None for one run. "differs": what tells the groups apart; "values": of the keys `over`, run by
    run. Runs that are not finished count as left out. Names, places of data, threads and intervals of checkpoints may differ. Raises
    `RecipeError` for a key that no run has.
    """
    whole = [row for row in rows if row["state"] != "broken"]
    keys = list(dict.fromkeys(key for row in whole for key in row["config"] if key not in _NAMES))
    chosen = [key_named(name, keys) for name in over]
    apart = [key for key in keys if key not in (*chosen, *_ELSEWHERE)]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in whole:
        found.setdefault(repr([row["config"].get(key) for key in apart]), []).append(row)
    firsts = [members[0]["config"] for members in found.values()]
    telling = [key for key in apart if any(config.get(key) != firsts[0].get(key) for config in firsts)]
    return [group(members, chosen, telling) for members in found.values()]


def key_named(name: str, keys: list[str]) -> str:
    """The key of that name, or whose last part it is."""
    if name in keys:
        return name
    same = [key for key in keys if key.rpartition(".")[2] == name]
    if len(same) == 1:
        return same[0]
    told = f"it may be {' or '.join(same)}" if same else recipes.nearest(name, keys)
    raise RecipeError(f"no single key of these runs is {name!r}: {told}")


def group(members: list[dict[str, Any]], over: list[str], telling: list[str]) -> dict[str, Any]:
    """Runs put together, as `groups` gives them: over some keys, told apart from others by the keys `telling`."""
    done = [row for row in members if row["state"] == "finished"]
    config = members[0]["config"]
    result: dict[str, Any] = {
        "recipe": members[0]["recipe"], "n": len(done), "left_out": len(members) - len(done), "differs": {k: config.get(k) for k in telling},
        "values": {key: [row["config"].get(key) for row in done] for key in over}, "runs": [row["run"] for row in done],
        "unfinished": [row["run"] for row in members if row["state"] != "finished"],
    }  # fmt: skip
    for share in SHARES:
        values = np.array([row[share] for row in done if row[share] is not None])
        result[share] = float(values.mean()) if len(values) else None
        result[f"{share}_deviation"] = float(values.std(ddof=1)) if len(values) > 1 else None
    return result


# ------------------------------------------------------------------------------------------------------------------------ show
def names(rows: list[dict[str, Any]]) -> list[str]:
    """Runs without the path that all have in common."""
    paths = [row["run"] for row in rows]
    if len(paths) < 2 or len({os.path.isabs(path) for path in paths}) > 1:
        return paths
    common = os.path.commonpath([os.path.dirname(path) or "." for path in paths])
    return paths if common in ("", ".") else [os.path.relpath(path, common) for path in paths]


def table(rows: list[dict[str, Any]], width: int | None = None) -> str:
    """The rows as text, at most so many characters wide (None: as wide as they are). What differs: keys of all, and of each rule."""
    shares = _shown(rows)
    lines = [("run", "recipe", "epochs", "passes", *shares.values(), "time", "device", "differs in")]
    whole = [row["config"] for row in rows if row["state"] != "broken"]
    for row, name in zip(rows, names(rows) if width else [row["run"] for row in rows], strict=True):
        if row["state"] == "broken":
            lines.append((text.plain(name), "-", "broken", *"-" * (len(shares) + 3), text.plain(row["problem"])))
            continue
        epochs = str(row["epochs"]) if row["state"] == "finished" else f"{row['epochs']} of {row['of']}"
        note = [] if row["state"] == "finished" else [f"unfinished{': ' * bool(row['problem'])}{row['problem'] or ''}"]
        shared = {
            key: value for key, value in row["differs"].items()
            if all(key in config for config in whole) or (key.startswith("rule.") and key in row["config"])
        }  # fmt: skip
        lines.append(
            (
                text.plain(name), text.plain(row["recipe"]), epochs, "-" if row["passes"] is None else units.count(row["passes"]),
                *(_share(row[name]) for name in shares), "-" if row["seconds"] is None else units.duration(row["seconds"]), row["device"],
                text.plain(", ".join([*note, *_told(shared, bool(width))])),
            )
        )  # fmt: skip
    return _fitted(lines, width)


def group_table(found: list[dict[str, Any]], width: int | None = None) -> str:
    """Groups as text: mean ± standard deviation."""
    shown = _shown(found)
    lines = [("recipe", "n", *shown.values(), "over", "differs in")]
    for group in found:
        shares = (_share(group[name], group[f"{name}_deviation"]) for name in shown)
        values = [f"{key}={','.join(map(str, values))}" for key, values in group["values"].items()]
        left = [f"{group['left_out']} unfinished left out"] if group["left_out"] else []
        cells = (group["recipe"], str(group["n"]), *shares, " ".join(values), ", ".join([*left, *_told(group["differs"], bool(width))]))
        lines.append(tuple(text.plain(cell) for cell in cells))
    return _fitted(lines, width)


def _shown(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The columns of accuracies; none of deployed networks where there is none."""
    return {name: word for name, word in SHARES.items() if name != "deployed_accuracy" or any(row[name] is not None for row in rows)}


def _share(value: float | None, deviation: float | None = None) -> str:
    if value is None:
        return "-"
    return units.percent(value) if deviation is None else f"{100 * value:.2f} ± {100 * deviation:.2f} %"


def _told(differs: dict[str, Any], briefly: bool) -> list[str]:
    """briefly : by the last parts of keys, where these are enough."""
    last = [key.rpartition(".")[2] for key in differs]
    short = briefly and len(set(last)) == len(last)
    return [f"{name}={value}" for name, value in zip(last if short else differs, differs.values(), strict=True)]


def _fitted(lines: list[tuple[str, ...]], width: int | None) -> str:
    """Lines of cells, the heads first, in columns; where that is too wide, columns without news are left out, and the first of `_SPARED`."""
    heads, body = lines[0], lines[1:]
    kept = list(range(len(heads)))
    widths = [max(len(line[i]) for line in lines) for i in kept]
    longest = {i: widths[i] for i in kept}

    def total() -> int:
        return sum(longest[i] + 2 for i in kept) - 2

    notes = []
    if width is not None and total() > width:
        values = {i: {line[i] for line in body} - {"-"} for i in kept}
        same = [i for i in kept if i and heads[i] not in ("test", "n", "differs in") and len(values[i]) <= (len(body) > 1)]
        notes = [f"{heads[i]}: {value}" for i in same for value in values[i]]
        kept = [i for i in kept if i not in same]
        least = max(16, width // 4)  # of names and of what differs
        for i in (0, len(heads) - 1):
            longest[i] = min(longest[i], least)
        dropped = []
        for place in [heads.index(name) for name in _SPARED if name in heads]:
            if total() > width and place in kept:
                kept.remove(place)
                dropped.append(heads[place])
        for i in (len(heads) - 1, 0):  # what is left over goes to them
            if i in kept:
                longest[i] = max(8, min(widths[i], longest[i] + width - total()))
        if dropped:
            notes.append(f"not shown: {', '.join(dropped)}; --csv has all")
    end = len(heads) - 1  # what differs, or a problem: its beginning tells most
    shown = ["  ".join(text.short(line[i], longest[i], 1 if i == end else 0.5).ljust(longest[i]) for i in kept).rstrip() for line in lines]
    return "\n".join([*shown, *(text.short(note, width or len(note)) for note in notes)])


def csv(rows: list[dict[str, Any]]) -> bytes:
    """Rows, or groups, as CSV: what differs in a column of its own for each key, accuracies as shares of 1."""
    columns: dict[str, list[Any]] = {}
    for n, row in enumerate(rows):
        flat = {key: value for key, value in row.items() if key not in ("differs", "curve", "config", "values", "runs", "unfinished")}
        flat |= row["differs"] | {f"{key} (each)": " ".join(map(str, values)) for key, values in row.get("values", {}).items()}
        for key, value in flat.items():
            columns.setdefault(key, [None] * n).append(value)
        for column in columns.values():
            column.extend([None] * (n + 1 - len(column)))
    return text.table(columns)


def write(out: Path, content: bytes) -> None:
    """Put a table or a picture into a file. Raises `CheckpointError` where that cannot be."""
    try:
        files.put(out, content)
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error.strerror or error}") from error


def draw(rows: list[dict[str, Any]], out: Path, found: list[dict[str, Any]] | None = None) -> None:
    """Test accuracy against physical passes and, of all runs in their order, where it ended, as a .png or .svg with a .csv beside it.

    found : groups (see `groups`), each in a colour of its own. Raises `RecipeError` for another suffix.
    """
    from . import comparison

    save(comparison.picture(rows, found), out)


def save(picture: "Picture", out: Path) -> None:
    """Write a picture as .png or .svg, with its numbers in a .csv beside it. Raises `RecipeError` for another suffix."""
    suffix = out.suffix.lower()
    if suffix not in (".png", ".svg"):
        raise RecipeError(f"a picture must end in .png or .svg, got {out.name!r}")
    write(out, picture.png if suffix == ".png" else picture.svg)
    write(out.with_suffix(".csv"), picture.tables[""])
