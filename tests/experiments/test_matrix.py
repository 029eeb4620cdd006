"""Every cell of `pnnkern list --matrix`: from the system's recipe, made small, with `rule.kind` changed and nothing else, the rule learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_recipes import QUICK, SMALL

from pnnkern import random
from pnnkern._updates import Move, Set, dense
from pnnkern.experiments import matrix, recipe
from pnnkern.experiments.recipe import kinds
from pnnkern.experiments.run import assemble
from pnnkern.learning import InSilico
from pnnkern.learning.rule import one_step
from pnnkern.systems.protocols import Modelled, lacks

CELLS = matrix.collect()
STEPS = 24
LONGER = {"spsa": 60}
SHORTER = {("frequency-propagation", "transistor-network"): 6}
NO_GRADIENT = ("contrastive-divergence",)  # of -log P(inputs, labels), which no twin has
WHOLE = ("resistor-network", "spring-network", "transistor-network")  # their data are few


def trained(rule: str, system: str, *others: str) -> Any:
    """The trainer of a cell: every step sees the same samples."""
    few = ["data.train=16", "training.batch=16"] if system not in WHOLE else ["training.batch=150"]
    changed = [*QUICK, *SMALL[system], *few, "data.test=16", "training.epochs=1000", "training.schedule=constant", f"rule.kind={rule}"]
    return assemble(recipe.find(kinds("system")[system].recipe, [*changed, *others]), Path("nowhere")).trainer  # type: ignore[attr-defined]


def descent(updates: dict[str, Any], parameters: dict[str, np.ndarray]) -> np.ndarray:
    """All that is to be subtracted, in one row."""
    rows = []
    for name, p in sorted(parameters.items()):
        update = updates.get(name, np.zeros_like(p))
        value = -update.value if isinstance(update, Move) else p - update.value if isinstance(update, Set) else dense(update)
        rows.append(np.asarray(value, np.float64).ravel())
    return np.concatenate(rows)


def cosine(trainer: Any, draws: int = 4) -> float:
    """Of the mean of a few first steps with the exact gradient of the system's own loss."""
    system, rule, parameters = trainer.system, trainer.rule, trainer.system.parameters
    batch = trainer._samples(trainer.dataset.train_images, trainer.dataset.train_labels, trainer.batch(0))
    exact = descent(one_step(InSilico(), system, batch)[0], parameters)
    found = sum(descent(rule.step(system, trainer.state, batch, random.key(n))[0], parameters) for n in range(draws))
    return float(found @ exact / np.linalg.norm(found) / np.linalg.norm(exact))


@pytest.mark.parametrize(("rule", "system"), [(r, s) for r, row in CELLS.items() for s, cell in row.items() if not cell.reason])
def test_a_cross_learns(rule: str, system: str) -> None:
    """The loss falls; what the rule does first is less than 90 degrees off the exact gradient, where there is a twin."""
    import time
    t0=time.time()
    needs = CELLS[rule][system].needs
    one = trained(rule, system, *(["system.activation=sigmoid"] if needs else []))
    if not lacks(one.system, Modelled) and rule not in NO_GRADIENT:
        c = cosine(one)
    else: c=float("nan")
    for _ in range(SHORTER.get((rule, system), LONGER.get(rule, STEPS))):
        one.advance()
    q = max(1, len(one.losses) // 4)
    print(f"CELL {rule:25} {system:20} cos {c:.4f} loss {np.mean(one.losses[:q]):.5g} {np.mean(one.losses[-q:]):.5g} {time.time()-t0:.2f} s")
    assert not c <= 0
    assert np.mean(one.losses[-q:]) < np.mean(one.losses[:q])
