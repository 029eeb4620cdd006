"""Every cell of `pnnkern list --matrix`: from the system's recipe, made small, with `rule.kind` changed and nothing else, the rule learns."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_recipes import QUICK, SMALL

from pnnkern import random
from pnnkern._errors import ConvergenceError
from pnnkern._updates import Move, Set, dense
from pnnkern.experiments import matrix, recipe
from pnnkern.experiments.recipe import RecipeError, kinds
from pnnkern.experiments.run import assemble, described
from pnnkern.learning import InSilico
from pnnkern.learning._curvature import curvature
from pnnkern.learning.rule import one_step
from pnnkern.systems.protocols import Modelled, lacks

CELLS = matrix.collect()
STEPS = {"spsa": 40, "pepg": 12, "agnostic-ep": 8, "continual-ep": 8, "direct-feedback": 40, "fitted-readout": 1, "contrastive-divergence": 150}
LESS = {("frequency-propagation", "transistor-network"): 4}
# Of -log P(inputs, labels), which no twin has; of each layer's own loss, which is none of the outputs; and what moves no parameter.
NO_GRADIENT = ("contrastive-divergence", "forward-forward", "fitted-readout")
TOY = {"spring-network": ["system.nodes=24"], "d2nn": ["system.size=48", "system.layers=2"]}
EVERY = {"resistor-network": 6, "spring-network": 6, "transistor-network": 6}  # of the samples, which are sorted by class


def trained(rule: str, system: str, *others: str) -> Any:
    """The trainer of a cell, every step of which sees the same samples."""
    few = ["data.test=16", *([] if system in EVERY else ["data.train=16"]), "training.batch=16", "training.schedule=constant"]
    changed = [*QUICK, *SMALL[system], *TOY.get(system, ()), *few, f"rule.kind={rule}", *others]
    one = assemble(recipe.find(kinds("system")[system].recipe, changed), Path("nowhere")).trainer  # type: ignore[attr-defined]
    every = slice(0, 16 * EVERY.get(system, 1), EVERY.get(system, 1))
    one.dataset = replace(one.dataset, train_images=one.dataset.train_images[every], train_labels=one.dataset.train_labels[every])
    return one


def first(trainer: Any) -> Any:
    """The samples of the first step."""
    return trainer.batch_of(*trainer.training_feed.take(trainer.batch(0)))


def loss_of(trainer: Any) -> float:
    """On these samples."""
    batch = first(trainer)
    scores = trainer.rule.predict(trainer.system, trainer.state, batch, random.key(1))
    return float(trainer.rule.loss_on(trainer.system).value(scores, batch.labels))


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
    batch = first(trainer)
    exact = descent(one_step(InSilico(rule.loss_on(system)), system, batch)[0], parameters)
    found = sum(descent(rule.step(system, trainer.state, batch, random.key(n))[0], parameters) for n in range(draws))
    return float(found @ exact / np.linalg.norm(found) / np.linalg.norm(exact))


def wanted(needs: str) -> list[str]:
    """The first value that a cell says it needs, as an override."""
    return [key.replace("'", "") for key in re.findall(r"system\.\w+='[\w-]+'", needs)[:1]]


@pytest.mark.parametrize(("rule", "system"), [(r, s) for r, row in CELLS.items() for s, cell in row.items() if not cell.reason])
def test_a_cross_learns(rule: str, system: str) -> None:
    """The loss falls; what the rule does first is less than 90 degrees off the exact gradient, where there is a twin."""
    one = trained(rule, system, *wanted(CELLS[rule][system].needs))
    if not lacks(one.system, Modelled) and rule not in NO_GRADIENT:
        assert cosine(one) > 0
    before = loss_of(one)
    for _ in range(LESS.get((rule, system), STEPS.get(rule, 16))):
        one.advance()
    if rule == "fitted-readout":  # whose first step is its last
        assert loss_of(one) < 0.9 * before
    else:
        quarter = len(one.losses) // 4
        assert np.mean(one.losses[-quarter:]) < np.mean(one.losses[:quarter])


def test_what_a_rule_finds_for_itself() -> None:
    """Values with a unit are the system's own, positive, and go into the recipe of the run; given ones stay as they are."""
    for system in kinds("system"):
        if system == "plugin":
            continue
        one = trained("spsa", system)
        assert one.rule.c == pytest.approx(one.system.natural_step)
        n = sum(p.size for p in one.system.parameters.values())
        assert one.rule.shrink == pytest.approx(n**-0.5)
    run = assemble(recipe.find("coupled-iris", [*QUICK, "rule.kind=equilibrium-propagation"]), Path("nowhere"))
    bound = run.trainer.system._response().nudge_bound
    assert run.recipe.rule.values()["beta"] == run.trainer.rule.beta == pytest.approx(0.1 * bound)
    given = assemble(recipe.find("coupled-iris", [*QUICK, "rule.kind=equilibrium-propagation", "rule.beta=1e-5"]), Path("nowhere"))
    assert given.recipe.rule.values()["beta"] == given.trainer.rule.beta == 1e-5
    assert described(run.recipe, run.trainer.system).startswith("equilibrium-propagation, beta 0.000")
    assert described(run.recipe, run.trainer.system).endswith(" S, variant centred, loss mse")
    assert assemble(recipe.find("ep-digits", [*QUICK]), Path("nowhere")).recipe.rule.values()["beta"] == 0.2
    assert described(recipe.find("ep-digits"), run.trainer.system) == ""


def test_curvature_is_that_of_the_energy() -> None:
    """Against second differences of the energy of a network of resistors, for each pair of its conductances: the largest eigenvalue."""
    system = trained("agnostic-ep", "resistor-network", "system.nodes=14", "system.degree=3").system
    inputs = np.random.default_rng(0).random((5, system.entrances))

    def energy(k: np.ndarray) -> float:
        i, j = system.network.edges.T
        v = system.network.solve(k, system.source_nodes, inputs)
        return float((k * (v[:, i] - v[:, j]) ** 2 / 2).sum() / len(inputs))

    k = system.parameters["conductance"].astype(np.float64)
    step, one = 1e-6, np.eye(len(k))
    hessian = np.array([
        [
            (energy(k + step * (a + b)) - energy(k + step * (a - b)) - energy(k - step * (a - b)) + energy(k - step * (a + b)))
            / (4 * step**2) for b in one
        ] for a in one
    ])  # fmt: skip
    assert curvature(system, inputs) == pytest.approx(-np.linalg.eigvalsh(hessian)[0], rel=0.05)


@pytest.mark.parametrize("system", ["drn", "hopfield", "hopfield-conv"])
def test_rates_beyond_the_largest_are_refused(system: str) -> None:
    """With the largest in the line, just below which a rate is taken."""
    with pytest.raises(RecipeError, match=r"rate=1000 is too large.* it must stay below .* here") as refused:
        trained("continual-ep", system, "rule.rate=1000")
    most = float(str(refused.value).split("below ")[1].split()[0])
    assert trained("continual-ep", system, f"rule.rate={0.99 * most}").rule.rate == pytest.approx(0.99 * most)
    assert trained("continual-ep", system).rule.rate == pytest.approx(0.2 * most, rel=0.01)


@pytest.mark.parametrize("system", ["resistor-network", "hopfield", "drn"])
def test_the_largest_rate_is_where_nothing_settles(system: str) -> None:
    """By the curvature at the start: agnostic steps settle well below it, and well above it they are refused with the largest that holds."""
    most = 5 * trained("agnostic-ep", system).rule.rate
    trained("agnostic-ep", system, f"rule.rate={0.4 * most}").advance()
    with pytest.raises(ConvergenceError, match=r"rate = .* must stay below"):
        trained("agnostic-ep", system, f"rule.rate={2 * most}").advance()


def test_cells_that_need_a_value_say_which() -> None:
    """With its own sign; the recipe's values are asked, not the class."""
    cell = CELLS["holomorphic-ep"]["hopfield"]
    assert (cell.reason, cell.trains) == ("", False)
    assert cell.needs.startswith("system.activation='sigmoid' or 'tanh'")
    text = matrix.table(CELLS, matrix.populations())
    assert "  trains it, but needs system.activation='sigmoid' or 'tanh'" in text
    assert "  trains it, but needs system.between='photodetector'" in text
    (row,) = (row for row in matrix.rows(CELLS) if (row["rule"], row["system"]) == ("holomorphic-ep", "hopfield"))
    assert row == {
        "rule": "holomorphic-ep", "system": "hopfield", "recipe": "ep-digits", "trains": False, "needs": cell.needs, "reason": "",
    }  # fmt: skip
