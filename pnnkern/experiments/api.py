"""Training from Python, in memory or in a run folder: `train` a system by a rule on data, `run` a recipe, `load` what any run has trained."""

import contextlib
import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import _array, _declared
from .._array import Array, Key
from .._errors import CheckpointError, DataError
from ..communicator import alone
from ..learning import SGD, Adam
from ..learning.metrics import accuracy, ratings
from ..learning.rule import Batch, Rule
from ..systems.plugin import Plugin
from ..systems.system import System
from . import data as datasets
from . import progress, ranks, report, saved
from . import recipe as recipes
from . import run as runs
from .data import Dataset
from .loop import MEASUREMENT, Trainer, calibrate, stream
from .loop import train as train_loop
from .recipe import Recipe, RecipeError

GIVEN = datasets.GIVEN  # also the group of a checkpoint with the fields of a system that a script gave
_KEPT = ("parameters", "writers", "memory")  # fields of a system that a checkpoint has by themselves


@dataclass
class Trained:
    """A trained system, the rule that trained it with its state, and how it went.

    Parameters
    ----------
    metrics : dict[str, float]
        Of the last epoch, "test_accuracy" and others, with the controls there are.
    losses, accuracies : list[float]
        Of each step's batch.
    evaluations : list[tuple[float, float]]
        (test loss, test accuracy) after each epoch.
    passes : int
        Physical passes of single samples that training took.
    folder : Path | None
        Of the run, None where it was in memory only.
    """

    system: Any
    rule: Any
    state: dict[str, Array] = dataclasses.field(repr=False)
    metrics: dict[str, float]
    losses: list[float] = dataclasses.field(repr=False)
    accuracies: list[float] = dataclasses.field(repr=False)
    evaluations: list[tuple[float, float]] = dataclasses.field(repr=False)
    passes: int = 0
    folder: Path | None = None
    recipe: Recipe | None = dataclasses.field(default=None, repr=False)
    run: Any = dataclasses.field(default=None, repr=False)  # with its data; of one that was loaded None

    def predict(self, samples: Any, key: Key | None = None, *, batch: int = 64) -> np.ndarray:
        """Scores (samples, classes) of raw samples.

        Parameters
        ----------
        samples
            Images (n, height, width) or features (n, features), as those of training.
        key
            Of the noise of the measurement, by default that of a run's seed 0.
        batch : int
            Samples that are measured at once.
        """
        key = stream(0, MEASUREMENT) if key is None else key
        scores = []
        for first in range(0, len(samples), batch):
            piece = samples[first : first + batch]
            index = np.arange(first, first + len(piece))
            labels = np.zeros(len(piece), np.int64)
            scores.append(_array.to_numpy(self.rule.predict(self.system, self.state, Batch(piece, labels, index, self.system.encode), key)))
        return np.concatenate(scores)

    def accuracy(self, samples: Any, labels: Any, key: Key | None = None, *, batch: int = 64) -> float:
        """The share of raw samples whose class it tells; for real targets (n, outputs) 1 less the rms error. Arguments as of `predict`."""
        labels = np.asarray(labels)
        if len(labels) != len(samples):
            raise ValueError(f"there must be as many labels as samples, got {len(labels)} and {len(samples)}")
        rated = ratings(self.rule.loss_on(self.system), self.predict(samples, key, batch=batch), labels)
        return float(accuracy(rated.mean(), labels.ndim == 2))

    def report(self) -> Path:
        """Make the report of the run and return the path of its page.

        Raises
        ------
        ValueError
            For a run in memory.
        """
        if self.folder is None:
            raise ValueError("a report is of a run in a folder: train with out=FOLDER")
        return report.write(self.run or runs.load(self.folder))


def run(recipe: str | Path, settings: Mapping[str, Any] | None = None, *, out: str | Path | None = None, quiet: bool = False) -> Trained:
    """Run a recipe, as `pnnkern run` does.

    Parameters
    ----------
    recipe
        The name of one that comes with the package (`pnnkern list`), or a .toml file.
    settings : Mapping[str, Any] | None
        Other values of its keys: {"training.epochs": 2, "rule.kind": "spsa"}.
    out
        Folder of the run, with its checkpoints and controls. One that holds this run already is gone on with. None: in memory only, without
        controls.

    Raises
    ------
    PnnError
        In one line, for what does not fit.
    """
    wanted = runs.absolute(recipes.find(str(recipe), [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]))
    return _carried_out(wanted, None if out is None else Path(out), quiet, runs.assemble)


def train(
    system: Any, rule: Any, data: Any, *, out: str | Path | None = None, epochs: int = 5, batch: int = 50, lr: float = 0.05,
    seed: int = 0, optimizer: str = "adam", validation: int = 0, controls: bool = False, quiet: bool = False, **training: Any,
) -> Trained:  # fmt: skip
    """Train a system by a rule on data.

    Parameters
    ----------
    system
        From `pnnkern.systems`, `from_callable`, `chain`; its parameters change.
    rule
        From `pnnkern.learning`, or the name of a kind.
    data
        The name of a data set, a file or folder of your own, (x_train, y_train, x_test, y_test), or a `Dataset`.
    out : str | Path | None
        Folder of the run: config, checkpoints, and a report when it is asked for. One that holds this run already is gone on with: call again
        with the same system, rule and data, and more epochs if wanted. None: in memory only.
    validation : int
        N holds every n-th training sample of each class out and tests on those.
    controls : bool
        The linear and the exact-gradient control beside it.
    training
        Other keys of [training]: momentum, schedule, halve_every, decay.

    Notes
    -----
    Raises `PnnError`, in one line, for what does not fit.
    """
    dataset, named = _dataset(data)
    dataset = dataset.held_out(validation)
    chosen = _begun(_rule(rule), None if out is None else Path(out))
    settings = {"epochs": epochs, "batch": batch, "lr": lr, "seed": seed, "optimizer": optimizer, **training}
    recipe = _recipe(system, chosen, named | {"validation": validation}, settings, controls and out is not None, Path(out).name if out else "")
    recipe = recipe if out is None else runs.absolute(recipe)
    start = {name: _array.namespace(p).array(p) for name, p in system.parameters.items()}
    given = _given(system) if out is not None else {}

    def make(wanted: Recipe, folder: Path) -> runs.Run:
        same = wanted.rule == recipe.rule and wanted.system == recipe.system
        own = system if same else _again(system, wanted, given, start)
        how = chosen if same else _declared.made(wanted.rule.of, wanted.rule.values())
        trainer = _trainer(own, how, dataset, wanted, given)
        return runs.Run(folder, runs.resolved(wanted, trainer.rule, own), trainer, {"seconds": 0.0}, make=make)

    return _carried_out(recipe, None if out is None else Path(out), quiet, make)


def evaluate(system: Any, rule: Any, data: Any, *, seed: int = 0, validation: int = 0) -> dict[str, float]:
    """{"test_accuracy", "test_loss"} of a system as it is, untrained too, as a run by this rule would find them. Its parameters stay.

    Parameters
    ----------
    system, rule, data, validation
        As of `train`.
    seed : int
        Of the noise of the measurement.
    """
    dataset, named = _dataset(data)
    chosen = _rule(rule)
    recipe = _recipe(system, chosen, named | {"validation": validation}, {"seed": seed}, False, "")
    loss, share = _trainer(system, chosen, dataset.held_out(validation), recipe, {}).evaluate()
    return {"test_accuracy": share, "test_loss": loss}


def _trainer(system: Any, rule: Rule, dataset: Dataset, recipe: Recipe, given: dict[str, np.ndarray]) -> Trainer:
    """What trains a script's system by its rule, when both have been looked at. Raises `PnnError` for what does not fit."""
    runs.refuse_misfit(recipe, system, rule)
    if dataset.real:
        runs.refuse_real(dataset, system, rule)
    settings = recipe.training
    if hasattr(system, "try_out"):
        system.try_out(dataset.train_images[: min(8, settings.batch)], stream(settings.seed, MEASUREMENT))
    calibrate(system, dataset)
    by = Adam(lr=settings.lr) if settings.optimizer == "adam" else SGD(lr=settings.lr, momentum=settings.momentum)
    return Trainer(system, rule, by, dataset, settings, chunk=recipe.compute.chunk, graph=recipe.compute.graph, given=given)


def _carried_out(recipe: Recipe, folder: Path | None, quiet: bool, make: runs.Make) -> Trained:
    """The run of a recipe, in memory or in a folder, from its beginning or from where it stands."""
    with ranks.taking_part(recipe.compute) as here:
        if folder is None:
            done = make(recipe, Path())
            with progress.watcher(quiet or here.rank > 0) as watch:
                train_loop(done.trainer, save=lambda: None, stop=lambda: False, watch=watch)
        elif alone(here, lambda: saved.exists(folder) or (folder / saved.CONFIG).exists()):
            _refuse_other(recipes.read_run(folder), make(recipe, folder).recipe, folder)
            done = runs.resume(folder, _overrides(recipe), quiet=quiet, make=make)
        else:
            done = runs.start(recipe, folder, quiet=quiet, make=make)
    return _trained(done, folder)


def load(folder: str | Path, system: Any = None) -> Trained:
    """What the run in `folder` has trained: the system with its parameters, the rule with its state, and the metrics.

    Data are not needed, but by a system that is calibrated: it is by the same samples as in the run; where these are not there, calibrate it
    yourself.

    Parameters
    ----------
    system
        As it was given to `train`, for one that was made by a script's own functions.

    Raises
    ------
    CheckpointError, RecipeError
        In one line, for a folder that holds no run, or one that does not fit.
    """
    folder = Path(folder)
    recipe, found = saved.read(folder)
    group = {kind: _group(found.state, kind) for kind in ("parameters", "memory", "rule", GIVEN)}
    try:
        if system is None:
            given = {name: value.item() if value.ndim == 0 else value for name, value in group[GIVEN].items()}
            system = runs.build(recipe, saved.outputs(found), **given)
        for name, values in group["parameters"].items():
            if system.parameters[name].shape != values.shape:
                raise ValueError(f"{name} is {values.shape} in the checkpoint, and {system.parameters[name].shape} in the system")
            system.parameters[name][...] = _array.namespace(system.parameters[name]).asarray(values)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the system of {folder} cannot be made again: {error}") from error
    system.memory.update(group["memory"])
    if hasattr(system, "touch"):
        system.touch()
    if hasattr(system, "calibrate") and getattr(system, "reference", None) is None:
        with contextlib.suppress(DataError):
            calibrate(system, datasets.of_table(recipe.data))
    rule = _declared.made(recipe.rule.of, recipe.rule.values())
    losses, accuracies, evaluations = (found.state[f"progress/{name}"] for name in ("loss", "accuracy", "evaluations"))
    metrics = {"test_loss": float(evaluations[-1][0]), "test_accuracy": float(evaluations[-1][1])} if len(evaluations) else {}
    return Trained(
        system, rule, group["rule"], metrics, losses.tolist(), accuracies.tolist(), [(float(a), float(b)) for a, b in evaluations],
        int(found.meta.get("passes_per_epoch", 0)) * len(evaluations), folder, recipe,
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------------- what a script gives
def _dataset(data: Any) -> tuple[Dataset, dict[str, Any]]:
    """The data set, and how a recipe says where it is."""
    if isinstance(data, Dataset):
        return data, {"name": GIVEN}
    if isinstance(data, str | Path):
        path = Path(data)
        own = path.suffix in (".npz", ".h5", ".hdf5") or path.is_dir()
        return (datasets.load(path=path), {"path": str(path)}) if own else (datasets.load(str(data)), {"name": str(data)})
    if isinstance(data, Sequence) and len(data) == 4:
        return datasets.from_arrays(*data), {"name": GIVEN}
    raise TypeError("data must be a name, a file, a Dataset, or the four arrays x_train, y_train, x_test, y_test")


def _rule(rule: Any) -> Rule:
    if isinstance(rule, str):
        known = recipes.kinds("rule")
        if rule not in known:
            raise RecipeError(f"no rule is of kind {rule!r:.80}: {recipes.nearest(rule, sorted(known))}")
        return known[rule]()
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be a rule of pnnkern.learning or the name of a kind, got {type(rule).__name__}")
    return rule


def _begun(rule: Rule, folder: Path | None) -> Rule:
    """The rule, with what it leaves to the system as the run in the folder began with it, if there is one: systems change as they learn."""
    if folder is None or not (folder / saved.CONFIG).exists():
        return rule
    there = recipes.read_run(folder).rule
    if there.kind != rule.kind:
        return rule
    return replace(rule, **{name: getattr(there, name) for name in rule.natural if not getattr(rule, name)})


def _recipe(system: Any, rule: Rule, data: dict[str, Any], training: dict[str, Any], controls: bool, name: str) -> Recipe:
    """The recipe that says what a script does, as far as it can be said."""
    if not isinstance(system, System):
        raise TypeError(f"system must be one of pnnkern.systems, such as from_callable makes, got {type(system).__name__}")
    own = dict(kind=system.kind, **_listed(_declared.values(system))) if system.kind else {"kind": Plugin.kind}
    told = _declared.values(rule)
    if "loss" in told and not isinstance(told["loss"], str):
        told |= {"loss": "auto"} | ({"loss": told["loss"].kind} if hasattr(told["loss"], "kind") else {})
    compute = {"device": system.device, "dtype": getattr(system, "dtype", "float32"), "chunk": getattr(system, "chunk", 64)}
    return recipes.read(
        {
            "recipe": name if recipes.is_name(name) else "script", "summary": "", "data": data, "system": own,
            "rule": {"kind": rule.kind, **_listed(told)}, "training": training, "compute": compute,
            "control": {"linear": controls, "exact": controls},
        }
    )  # fmt: skip


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    """Plain values as TOML has them."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        return [plain(v) for v in value] if isinstance(value, tuple | list | np.ndarray) else value

    return {name: plain(value) for name, value in values.items()}


def _given(system: System) -> dict[str, np.ndarray]:
    """Fields of a system that no recipe has a key for, as arrays for the checkpoint. Raises TypeError for one that is none."""
    if not system.kind:
        return {}  # made by a script's own functions: it must give it again
    told = {key.path[0] for key in _declared.keys(type(system))}
    found = {}
    for field in dataclasses.fields(system):
        value = getattr(system, field.name)
        if not field.init or field.name in (*told, *_KEPT, *(system.given - {"key"})) or value is None:
            continue
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if value is default or (default is not dataclasses.MISSING and np.ndim(value) == 0 and value == default):
            continue
        array = np.asarray(_array.to_numpy(value) if _array.is_array(value) else value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{field.name} of {type(system).__name__} cannot be kept in a run folder: say it by the system's own keys instead")
        found[field.name] = array
    return found


def _again(system: Any, recipe: Recipe, given: dict[str, np.ndarray], start: dict[str, Array]) -> Any:
    """The system as it was when it was given, with the keys of another recipe."""
    fresh = {name: _array.namespace(p).array(p) for name, p in start.items()}
    if system.kind:
        others = {name: value.item() if value.ndim == 0 else value for name, value in given.items()}
        outputs = getattr(system, "outputs", 0)
        return recipe.system.of.build(
            recipe.system.values(), **others, parameters=fresh, outputs=outputs, device=system.device, dtype=recipe.compute.dtype,
            chunk=recipe.compute.chunk,
        )  # fmt: skip
    again = copy.copy(system)
    again.parameters, again.writers, again.memory = fresh, {}, {}
    return again


# --------------------------------------------------------------------------------------------------------------- going on
def _refuse_other(there: Recipe, wanted: Recipe, folder: Path) -> None:
    others = recipes.fixed(recipes.differences(there, replace(wanted, recipe=there.recipe, summary=there.summary)))
    if others:
        raise RecipeError(f"{folder} holds another run: {', '.join(others)} differ; choose another folder, or give what it was begun with")


def _overrides(recipe: Recipe) -> tuple[str, ...]:
    return (f"training.epochs={recipe.training.epochs}", f"training.lr={recipe.training.lr!r}")


def _group(state: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{kind}/"): array for name, array in state.items() if name.startswith(f"{kind}/")}


def _trained(run: runs.Run, folder: Path | None) -> Trained:
    trainer = run.trainer
    return Trained(
        trainer.system, trainer.rule, trainer.state, run.summary["metrics"], trainer.losses, trainer.accuracies, trainer.evaluations,
        trainer.passes, folder, run.recipe, run,
    )  # fmt: skip


__all__ = ["Trained", "evaluate", "load", "run", "train"]
