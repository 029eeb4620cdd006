"""What one training step of every recipe asks of a GPU: launches, operations, waits and copies, as numbers that only go down.

Counted on the stand-in for CuPy (tests/strict_cupy), for whole steps: encoding, rule, writers. After a deliberate change:
PNNKERN_UPDATE_SNAPSHOT=1 pytest tests/experiments/test_step_events.py, and look at the diff.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern import crossbar
from pnnkern.experiments import recipe, run
from pnnkern.experiments.data import IDX_FOLDERS

TABLE = Path(__file__).with_name("step_events.json")
WARM = 3  # steps before the one that is counted: tables are on the device then, and moments of the optimiser exist
FOLDER = Path(recipe.__file__).parent / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.toml"))
# kernels do not run: their number does not follow from what they find
DIFFRACTIVE = {name for name in RECIPES if recipe.find(name, []).system.kind == "d2nn"}
# Conjugate gradients end by a tolerance, so rounding, which differs between machines, may decide for one iteration more.
ITERATING, ITERATION = "coupled-", 0.06


def images(folder: Path, name: str) -> Path:
    """A data set in the shape of one that is not shipped."""
    rng = np.random.default_rng(0)
    shape, classes = ((28, 28), 10) if name in IDX_FOLDERS else ((10,), 11)
    sets = {}
    for part, count in (("train", 1024), ("test", 32)):
        x = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
        sets |= {f"x_{part}": x if len(shape) == 2 else x / 255.0, f"y_{part}": np.arange(count) % classes}
    path = folder / f"{name}.npz"
    np.savez(path, **sets)
    return path


def recorded(name: str, events: Any) -> None:
    """Hold counts against the table, or write them there."""
    now = strict_cupy.totals(events)
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    if os.environ.get("PNNKERN_UPDATE_SNAPSHOT"):
        table[name] = now
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(table.items()))
        TABLE.write_text("{\n" + lines + "\n}\n")
    assert name in table, f"{name} is not in {TABLE.name}: update it"
    for kind, count in now.items():
        where = "\n  ".join(strict_cupy.places(events, kind)[:20])
        most = table[name][kind] * (1 + ITERATION * name.startswith(ITERATING))
        assert count <= most, f"{name}: {count} {kind} in a step, {table[name][kind]} are recorded:\n  {where}"


@pytest.mark.parametrize("name", RECIPES)
def test_a_training_step(cupy: Any, name: str, tmp_path: Path) -> None:
    wanted = recipe.find(name, ["compute.device=cuda"])
    if wanted.data.name in (*IDX_FOLDERS, "vowel"):
        wanted = recipe.find(name, ["compute.device=cuda", f"data.path={images(tmp_path, wanted.data.name)}"])
    with strict_cupy.dry(name in DIFFRACTIVE):
        trainer = run.assemble(wanted, tmp_path).trainer
        for _ in range(WARM):
            trainer.advance()
        with strict_cupy.counted() as events:
            trainer.advance()
    recorded(name, events)


def test_the_table_is_of_these_recipes() -> None:
    assert {name for name in json.loads(TABLE.read_text()) if " " not in name} == set(RECIPES)


@pytest.mark.parametrize("derivative", [False, True])
def test_effective_conductance(cupy: Any, derivative: bool, rng: np.random.Generator) -> None:
    """Of one array of 256 x 256 cells, after a first call."""
    g = cupy.asarray(rng.uniform(1e-6, 1e-4, (256, 256)))
    with strict_cupy.dry():
        for _ in range(2):
            with strict_cupy.counted() as events:
                crossbar.effective_conductance_vjp(g, g, wires=1.0) if derivative else crossbar.effective_conductance(g, wires=1.0)
    recorded("effective conductance of 256 x 256" + ", derivative" * derivative, events)


def test_more_than_recorded_says_what_and_where(cupy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PNNKERN_UPDATE_SNAPSHOT", raising=False)
    monkeypatch.setitem(globals(), "TABLE", tmp_path / "table.json")
    (tmp_path / "table.json").write_text('{"coupled-x": {"launches": 0, "operations": 20, "syncs": 0, "copies": 0}}')
    with strict_cupy.counted() as events:
        for _ in range(21):
            cupy.zeros(3)
    recorded("coupled-x", events)  # an iteration of rounding
    with pytest.raises(AssertionError, match=r"coupled-x: 42 operations in a step, 20 are recorded:\s+42 x memset zeros at tests/exp"):
        recorded("coupled-x", events + events)
    with pytest.raises(AssertionError, match="another is not in table"):
        recorded("another", events)
