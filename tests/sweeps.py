"""Small sweeps for tests."""

from pathlib import Path
from typing import Any

from pnnkern.experiments import status, sweep

IRIS = """
recipe = "coupled-iris"
[set]
"training.epochs" = 2
"control.iterations" = 20
"""
GRID = IRIS + """
[grid]
"training.seed" = "0..2"
"training.lr" = [0.01, 0.03]
"""


def values(folder: Path) -> list[dict[str, Any]]:
    """What was chosen for each point."""
    return [point.values for point in sweep.points(folder)]


def state(folder: Path) -> str:
    """Of a point."""
    found: str = status.of_point(sweep.read_point(folder))["state"]
    return found
