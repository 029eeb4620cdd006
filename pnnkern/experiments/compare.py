"""Runs side by side: what they came to, after how many physical passes, and where their recipes differ."""

from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError
from . import files, saved
from . import recipe as recipes
from .recipe import RecipeError


def collect(folders: list[Path]) -> list[dict[str, Any]]:
    """For each run {"run", "recipe", "epochs", "passes", "test_accuracy", "at_equal_passes", "linear_control_accuracy", "exact_...",
    "seconds", "device", "differs", "curve", "warning"}.

    "passes" counts physical passes of single samples while training; "curve" holds (passes, test accuracy) after each epoch, and
    "at_equal_passes" is the accuracy where the run with the fewest passes ends, by linear interpolation between epochs (None for rules
    that take no pass). "differs" holds the keys of the recipe that are not the same in all runs. Nothing is computed anew: all comes
    from the checkpoints; "warning" is that of the checkpoint (see `saved.read`), or None.
    """
    held = [saved.read(folder) for folder in folders]
    configs = [config for config, _ in held]
    keyed = [dict(recipes.leaves(config.table())) for config in configs]
    keys = dict.fromkeys(k for config in keyed for k in config if k not in ("recipe", "summary"))
    differing = [k for k in keys if any(config.get(k) != keyed[0].get(k) for config in keyed)]
    rows = []
    for folder, (config, found), flat in zip(folders, held, keyed, strict=True):
        accuracies = found.state["progress/evaluations"][:, 1].tolist()
        per_epoch = int(found.meta.get("passes_per_epoch", 0))
        rows.append(
            {
                "run": str(folder),
                "recipe": config.recipe,
                "epochs": len(accuracies),
                "passes": per_epoch * len(accuracies),
                "test_accuracy": accuracies[-1] if accuracies else None,
                "linear_control_accuracy": found.meta.get("control", {}).get("test_accuracy"),
                "exact_gradient_accuracy": found.meta.get("exact", {}).get("test_accuracy"),
                "seconds": round(found.meta["seconds"], 3),
                "device": config.compute.device,
                "differs": {k: flat.get(k) for k in differing},
                "curve": [(per_epoch * (i + 1), a) for i, a in enumerate(accuracies)],
                "warning": found.warning,
            }
        )
    budget = min((r["passes"] for r in rows if r["passes"]), default=0)
    for r in rows:
        x, y = np.array(r["curve"], float).reshape(-1, 2).T
        r["at_equal_passes"] = float(np.interp(budget, x, y)) if r["passes"] and budget >= x[0] else None
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    heads = ("run", "recipe", "epochs", "passes", "test", "at equal passes", "linear", "exact", "seconds", "device", "differs in")
    lines = [heads]
    for row in rows:
        shares = ("test_accuracy", "at_equal_passes", "linear_control_accuracy", "exact_gradient_accuracy")
        test, equal, linear, exact = ("-" if row[k] is None else f"{row[k]:.2%}" for k in shares)
        differs = ", ".join(f"{k}={v}" for k, v in row["differs"].items())
        passes = f"{row['passes']:,}".replace(",", " ")
        lines.append(
            (row["run"], row["recipe"], str(row["epochs"]), passes, test, equal, linear, exact, f"{row['seconds']:.0f}", row["device"], differs)
        )  # fmt: skip
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    """Test accuracy against physical passes, one line for each run, as a PNG. Raises `RecipeError` for another suffix."""
    from . import plots

    if out.suffix != ".png":
        raise RecipeError(f"--out of compare must end in .png, got {out.name!r}")
    with plots.figure(1, 1, size=(7.2, 4.2)) as (drawn, axis):
        for i, row in enumerate(rows):
            x, y = np.array(row["curve"], float).reshape(-1, 2).T
            colour = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.RED, plots.INK)[i % 5]
            if row["passes"]:
                axis.plot(x, 100 * y, "o-", color=colour, linewidth=1.2, markersize=4, label=row["run"])
            elif len(y):
                axis.axhline(100 * y[-1], color=colour, linestyle="--", linewidth=1.1, label=f"{row['run']} (no physical pass)")
        axis.set(xlabel="physical passes of single samples while training", ylabel="test accuracy (%)")
        axis.grid(True, axis="y")
        axis.legend(loc="lower right")
        picture = plots.png(drawn)
    try:
        files.replace(out, picture)
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error.strerror or error}") from error
