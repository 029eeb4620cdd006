"""Runs side by side: what they came to, and where their recipes differ."""

from pathlib import Path
from typing import Any

from . import checkpoint
from . import recipe as recipes
from .run import CHECKPOINT


def collect(folders: list[Path]) -> list[dict[str, Any]]:
    """For each run {"run", "recipe", "epochs", "test_accuracy", "linear_control_accuracy", "seconds", "device", "differs"}.

    "differs" holds the keys of the recipe that are not the same in all of these runs. Nothing is computed: all comes from the checkpoints.
    """
    configs = [dict(recipes.leaves(recipes.read_run(folder).table())) for folder in folders]
    keys = dict.fromkeys(k for config in configs for k in config if k not in ("recipe", "summary"))
    differing = [k for k in keys if any(config.get(k) != configs[0].get(k) for config in configs)]
    rows = []
    for folder, config in zip(folders, configs, strict=True):
        saved = checkpoint.load(folder / CHECKPOINT)
        evaluations = saved.state["progress/evaluations"]
        rows.append(
            {
                "run": str(folder),
                "recipe": config["recipe"],
                "epochs": len(evaluations),
                "test_accuracy": float(evaluations[-1, 1]) if len(evaluations) else None,
                "linear_control_accuracy": saved.meta.get("control", {}).get("test_accuracy"),
                "seconds": round(saved.meta["seconds"], 3),
                "device": config["compute.device"],
                "differs": {k: config.get(k) for k in differing},
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    heads = ("run", "recipe", "epochs", "test", "linear", "seconds", "device", "differs in")
    lines = [heads]
    for row in rows:
        test, linear = ("-" if row[k] is None else f"{row[k]:.2%}" for k in ("test_accuracy", "linear_control_accuracy"))
        differs = ", ".join(f"{k}={v}" for k, v in row["differs"].items())
        lines.append(
            (row["run"], row["recipe"], str(row["epochs"]), test, linear, f"{row['seconds']:.0f}", row["device"], differs)
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
