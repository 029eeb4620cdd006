"""Runs: one directory with `config.toml`, `checkpoint.h5`, `checkpoint.prev.h5`, and `report/` when it was asked for."""

import contextlib
import functools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from .. import _array, _declared
from .._errors import CheckpointError, PnnError, out_of_memory
from ..communicator import alone, any_of, here, same
from ..systems import writers
from ..systems.protocols import lacks, replaced
from . import (
    checkpoint,
    controls,
    data,
    derived,
    files,
    machine,
    matrix,
    memory,
    origin,
    progress,
    ranks,
    saved,
    shared,
    signals,
    text,
    units,
)
from . import recipe as recipes
from .loop import CALIBRATION, Stopped, TrainingError, calibrate, rate
from .recipe import Recipe, RecipeError
from .saved import CHECKPOINT, CONFIG
from .signals import Stop

T = TypeVar("T")
Make = Callable[[Recipe, Path], "Run"]
EXACT = "exact"  # folder of the exact-gradient control
STOPPED = 75  # exit code of a run that was stopped by a signal and can be resumed (EX_TEMPFAIL: try again)
AGAIN = 5.0  # seconds between two tries to write to a full disk


@dataclass
class Run:
    """A run in memory: its recipe, data, trained system and progress, and what its checkpoint says besides (`meta`)."""

    folder: Path
    recipe: Recipe = field(repr=False)
    trainer: Any = field(repr=False)
    meta: dict[str, Any] = field(repr=False)
    unsaved: bool = False  # where a signal ended the waiting for a full disk
    make: "Make | None" = None  # what made it, and makes its control
    shared: Path | None = None  # folder of controls that several runs have in common (see `shared`)

    @property
    def finished(self) -> bool:
        """True when the training has come to its end and is saved, and so has that of the exact-gradient control, if there is one."""
        return self.trainer.finished and not self.unsaved and ("exact" in self.meta or not self.wants_exact)

    @property
    def wants_exact(self) -> bool:
        """True if an exact-gradient control belongs to this run: where the rule is not exact itself, and the system has a twin."""
        from ..systems.protocols import Modelled

        recipe = self.recipe
        return recipe.control.exact and recipe.rule.kind != "in-silico" and not lacks(self.trainer.system, Modelled)

    @property
    def summary(self) -> dict[str, Any]:
        """What `--json` prints: recipe, metrics, epochs, seconds, device, out."""
        trainer = self.trainer
        done = len(trainer.evaluations)
        metrics: dict[str, float] = {}
        if done:
            loss, accuracy = trainer.evaluations[-1]
            last = slice((done - 1) * trainer.steps_per_epoch, done * trainer.steps_per_epoch)
            seen = trainer.accuracies[last]
            metrics = {"test_accuracy": accuracy, "test_loss": loss, "train_accuracy": sum(seen) / len(seen)}
        for name, what in controls.ACCURACIES.items():
            if name in self.meta:
                metrics[what] = self.meta[name]["test_accuracy"]
        metrics |= trainer.system.costs()
        passes = trainer.passes
        return {
            "recipe": self.recipe.recipe, "metrics": metrics, "epochs": done, "steps": trainer.step, "passes": passes,
            "finished": self.finished, "ranks": trainer.communicator.size,
            "seconds": round(self.meta["seconds"], 3), "device": self.recipe.compute.device, "out": str(self.folder),
        }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------------- build
def assemble(recipe: Recipe, folder: Path) -> Run:
    """Load the data and build the system, rule and optimiser of a recipe. Raises `PnnError` in one line for what does not fit."""
    from ..learning import SGD, Adam
    from .loop import Trainer

    ranks.use_threads(recipe.compute.threads)
    try:
        dataset = data.of_table(recipe.data)
    except MemoryError as error:
        raise out_of_memory(error, "give a smaller data set") from error
    training, compute = recipe.training, recipe.compute
    _array.device_namespace(compute.device)
    try:
        if dataset.real and recipe.system.of.measured == "powers":
            raise RecipeError(_real_targets(dataset, _way_to_real(recipe.system.of, None)))
        system = build(recipe, dataset.classes)
        rule = _declared.made(recipe.rule.of, recipe.rule.values())
        refuse_misfit(recipe, system, rule)
        if dataset.real:
            refuse_real(dataset, system, rule)
        rule.check_samples(system, dataset.train_images[:CALIBRATION])
        system.encode(dataset.train_images[:CALIBRATION])  # which refuses what does not fit
        calibrate(system, dataset)
        optimizer = Adam(lr=training.lr) if training.optimizer == "adam" else SGD(lr=training.lr, momentum=training.momentum)
        trainer = Trainer(system, rule, optimizer, dataset, training, chunk=compute.chunk, graph=compute.graph)
        recipe = resolved(recipe, trainer.rule, system)
    except ValueError as error:
        if isinstance(error, PnnError):
            raise
        raise RecipeError(str(error)) from error
    except MemoryError as error:
        raise out_of_memory(error, "make what is large in [system] smaller, or lower training.batch or compute.chunk") from error
    return Run(folder, recipe, trainer, {"seconds": 0.0})


def build(recipe: Recipe, outputs: int, **given: Any) -> Any:
    """The system of a recipe, for so many outputs, with parameters drawn by the recipe's seed. Raises ValueError if it cannot be.

    given : fields of the system that are no keys of a recipe; parameters among them.
    """
    from .loop import PARAMETERS, stream

    cls, compute, values = recipe.system.of, recipe.compute, recipe.system.values()
    supplied = {
        "key": stream(recipe.training.seed, PARAMETERS), "device": compute.device, "dtype": compute.dtype, "chunk": compute.chunk,
        "outputs": outputs,
    }  # fmt: skip
    return cls.build(values, **supplied | given)


def resolved(recipe: Recipe, rule: Any, system: Any) -> Recipe:
    """The recipe with the loss that its rule has settled on, and with numbers where it left them to the system."""
    found: dict[str, Any] = {name: getattr(rule, name) for name in rule.natural}
    if "loss" in type(recipe.rule).model_fields and isinstance(rule.loss, str):
        loss = rule.loss_on(system)
        found |= {"loss": loss.kind} | ({"scale": loss.scale} if hasattr(loss, "scale") else {})
    return replace(recipe, rule=recipe.rule.model_copy(update=found)) if found else recipe


def described(recipe: Recipe, system: Any) -> str:
    """A line on the rule of a resolved recipe, with the keys in which it differs from the recipe that comes with the package by that name."""
    shipped = recipes.find(recipe.recipe).rule.model_dump() if recipe.recipe in recipes.names() else {}
    values = recipe.rule.model_dump()
    differs = {key: value for key, value in values.items() if shipped.get(key) != value}
    if not differs:
        return ""
    of = _declared.made(recipe.rule.of, recipe.rule.values())
    units_of = {"natural_nudge": system.nudge_unit, "natural_step": system.step_unit}
    parts = [values["kind"]]
    for key in (key for key in differs if key != "kind"):
        unit = units_of.get(of.natural.get(key, ""), "1")
        parts.append(f"{key} {differs[key]:.4g}" if isinstance(differs[key], float) else f"{key} {differs[key]}")
        parts[-1] += "" if unit == "1" else f" {unit}"
    if "loss" not in values:
        parts.append(f"loss {of.loss_on(system).kind}")
    return ", ".join(parts)


def refuse_misfit(recipe: Recipe, system: Any, rule: Any) -> None:
    """Raise `RecipeError` for a rule that cannot train the system, naming the keys to set, or the kinds that it can train."""
    missing = lacks(system, *rule.needs)
    if missing and not lacks(type(system), *rule.needs):
        raise RecipeError(f"rule.kind={recipe.rule.kind!r} needs {missing}")
    if missing:
        able = ", ".join(matrix.able(rule))
        raise RecipeError(
            f"the rule {recipe.rule.kind!r} cannot train a system of kind {recipe.system.kind!r}, which lacks {missing}; it trains {able}"
        )


def refuse_real(dataset: data.Dataset, system: Any, rule: Any) -> None:
    """Raise `RecipeError` for real targets where they mean nothing, and for labels that look like them."""
    if not hasattr(rule.loss_on(system), "targets"):
        raise RecipeError(_real_targets(dataset, _way_to_real(system, rule)))
    if getattr(system, "hinge", False):
        labels = _like_labels(dataset)
        way = f"set system.hinge=false{'; ' if labels else ''}{labels}"
        raise RecipeError(f"{dataset.source} has real targets, which are to be met from both sides: {way}")


def _real_targets(dataset: data.Dataset, way: str) -> str:
    return f"{dataset.source} has real targets, which need a square error: {_like_labels(dataset) or way}"


def _like_labels(dataset: data.Dataset) -> str:
    """What to do about real targets that look like labels of classes; "" if they do not."""
    y = dataset.train_labels
    if ((y == 0) | (y == 1)).all() and (y.shape[1] == 1 or (y.sum(axis=1) == 1).all()):
        return f"labels of classes are given as integers, y{'.argmax(1)' if y.shape[1] > 1 else '.astype(int)'}"
    return ""


def _way_to_real(system: Any, rule: Any) -> str:
    """What to do about real targets where outputs are measured by classes."""
    if getattr(system, "measured", "signed") == "powers":
        return f"system.kind={system.kind!r} measures powers of light, which have none, as only their ratios count"
    if getattr(system, "readout", "state") == "softmax":
        return "a softmax has none: set system.readout='state'"
    if not system.natural_loss.real:
        return f"outputs of system.kind={system.kind!r} are chances of classes, which have none"
    if getattr(rule, "targets", "one-hot") != "one-hot":
        return "set rule.targets='one-hot'"
    return "set rule.loss='mse'" if hasattr(rule, "loss") else f"rule.kind={rule.kind!r} tells classes apart"


def load(folder: Path, overrides: tuple[str, ...] = ()) -> Run:
    """The run in `folder` as its last good checkpoint left it, for looking at; nothing is written. Says when it had to go back one.

    overrides : of what may change while a run goes on (`recipe.CHANGEABLE`).
    """
    _, found = saved.read(folder)
    run = assemble(recipes.read_run(folder, overrides), folder)
    _restore(run, found)
    return run


def environment(device: str) -> dict[str, str]:
    """What a run must find again to repeat to the bit: versions, FFT library, threads and the machine, and on "cuda" the GPU."""
    from ..optics import _fft

    here = {"fft": _fft.described(), "threads": str(_array.threads()), "machine": f"{platform.system()} {platform.machine()}"}
    return checkpoint.versions() | here | machine.describe() | _array.gpu(device)


def _restore(run: Run, found: checkpoint.Checkpoint) -> None:
    if found.warning:
        _say(f"warning: {found.warning}")
    if found.meta["data"] != run.trainer.dataset.digest():
        raise CheckpointError(
            f"the data in {run.trainer.dataset.source} are not those that the run in {run.folder} was started with"
        )
    try:
        run.trainer.restore(found.state)
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{found.path} does not fit {run.folder / CONFIG}: {error}") from error
    run.meta = dict(found.meta)


# ------------------------------------------------------------------------------------------------------------------------- run
def start(recipe: Recipe, folder: Path, *, quiet: bool = False, make: Make | None = None) -> Run:
    """Start a run in a new `folder` and carry it through; see `_carry`. Refuses a folder that holds a run.

    make : what makes the run of the recipe, in the place of `assemble`.
    """
    with ranks.taking_part(recipe.compute) as own, signals.noted(own.rank > 0) as stop, memory.bounded(recipe.compute.device):
        return _start(recipe, folder, quiet, stop, make=make or assemble)


def _start(recipe: Recipe, folder: Path, quiet: bool, stop: Stop, patience: float = 0.0, *, make: Make) -> Run:
    recipe = absolute(recipe)
    _alone(recipe, lambda: _refuse_used(folder))
    _of_all(recipe, folder)
    run = make(recipe, folder)  # before anything is written

    def make_folder() -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make the folder {folder}: {error.strerror}") from error

    def begin() -> None:
        _refuse_used(folder)
        checkpoint.clean(folder)
        _patiently(lambda: recipes.write(run.recipe, folder / CONFIG), patience, stop)

    _alone(recipe, make_folder)
    with _locked(recipe, folder):
        _alone(recipe, begin)
        if not quiet and (line := described(run.recipe, run.trainer.system)):
            _say(f"rule: {line}")
        return _carry(run, quiet, stop)


def _refuse_used(folder: Path) -> None:
    if os.path.lexists(folder / CONFIG) or saved.exists(folder):
        raise RecipeError(f"{folder} already holds a run: go on with `pnnkern resume {folder}`, or choose another --out")


def resume(
    folder: Path, overrides: tuple[str, ...] = (), *, quiet: bool = False, make: Make | None = None, shared: Path | None = None
) -> Run:
    """Go on with the run in `folder` from its last good checkpoint, or begin it where there is none.

    overrides : of what may change while a run goes on (`recipe.CHANGEABLE`): more epochs, another device. make : as for `start`.
    shared : folder of controls that this run has in common with others.
    """
    compute = recipes.read_run(folder, overrides).compute
    with ranks.taking_part(compute) as own, signals.noted(own.rank > 0) as stop, memory.bounded(compute.device):
        return _resume(folder, overrides, quiet, stop, make=make or assemble, shared=shared)


def _resume(folder: Path, overrides: tuple[str, ...], quiet: bool, stop: Stop, *, make: Make, shared: Path | None = None) -> Run:
    recipe = recipes.read_run(folder)  # a folder that holds no run gets no lock

    def begin() -> tuple[Any, ...] | None:
        checkpoint.clean(folder)
        recipes.read_run(folder, overrides)  # which may refuse them
        if not saved.exists(folder):
            return None
        found = saved.read(folder)[1]
        return found.state, found.meta, str(found.path), found.warning

    with _locked(recipe, folder):
        last = _alone(recipe, begin)
        changed = _data_absolute(recipes.read_run(folder, overrides))
        _of_all(changed, folder)
        run = make(changed, folder)
        run.shared = shared
        if last:
            found = checkpoint.Checkpoint(last[0], last[1], Path(last[2]), last[3])
            newest = folder / CHECKPOINT
            _restore(run, found)
            _drop_stale_controls(run.meta, recipes.differences(saved.made_by(found), changed))
            _note_changes(run, found.meta["environment"])
            _note_rate(run, saved.made_by(found).training)
            if found.path != newest:
                _alone(changed, lambda: os.path.lexists(newest) and bool(checkpoint.set_aside(newest)))
        elif shared is None:
            _say(f"note: there is no checkpoint in {folder}: the run begins with its first step")
        now = changed if last else run.recipe  # what the rule has settled on goes into the first checkpoint
        if now != recipe:
            _alone(now, lambda: _patiently(lambda: recipes.write(now, folder / CONFIG), 0.0, stop))
        return _carry(run, quiet, stop)


def _alone(recipe: Recipe, function: Callable[[], T], doing: str = "what rank 0 reads and writes") -> T:
    """What a function gives that rank 0 calls for all, who wait for a full disk as it does. A signal that ends it is one for all."""

    def work() -> tuple[bool, Any]:
        try:
            return False, function()
        except Stopped:
            return True, None

    if here().size == 1:
        return function()
    with ranks.waiting(here(), doing, recipe.checkpoint.patience):
        stopped, result = alone(here(), work)
    if stopped:
        raise Stopped
    made: T = result
    return made


@contextlib.contextmanager
def _locked(recipe: Recipe, folder: Path) -> Iterator[None]:
    """Hold a folder, by rank 0. Raises `Locked`, on all ranks, if another process holds it."""
    with contextlib.ExitStack() as held:

        def hold() -> str | None:
            try:
                held.enter_context(checkpoint.lock(folder))
            except checkpoint.Locked as error:
                return error.holder
            return None

        if (holder := _alone(recipe, hold)) is not None:
            raise checkpoint.Locked(folder, holder)
        yield


def _of_all(recipe: Recipe, folder: Path) -> None:
    """See that all ranks were given one run, and that what is fetched from elsewhere is here, before all of them ask for it."""
    if here().size == 1:
        return
    what = "another run than rank 0: give all of them the same recipe and folder, or set compute.ranks='off' for a run by each process"
    same(here(), what, [recipe.dumps(), str(folder.absolute())])
    if recipe.data.name.startswith("openml:") and not recipe.data.path:
        _alone(recipe, lambda: data.load(recipe.data.name).name)


def _drop_stale_controls(meta: dict[str, Any], changed: dict[str, Any]) -> None:
    """Forget the results of controls that had another budget."""
    if any(key.startswith("training.") for key in changed):
        meta.pop("exact", None)
        meta.pop("deployed", None)
    if "control.iterations" in changed:
        meta.pop("control", None)


def _note_changes(run: Run, then: dict[str, str]) -> None:
    """Say what decides on the last bits and is not as it was."""
    if machine.PLANS in then:
        run.trainer.try_out()
    changed = machine.changes(then, environment(run.recipe.compute.device) | ranks.sums(run.recipe.compute) | machine.plans())
    if changed:
        _say(f"note: changed since the checkpoint: {', '.join(changed)}; the run goes on, but need not repeat to the bit")


def _note_rate(run: Run, then: Any) -> None:
    """Say that more, or fewer, epochs under a cosine are another cosine, and by how much the learning rate jumps for it."""
    trainer, now = run.trainer, run.recipe.training
    if now.schedule != "cosine" or now.epochs == then.epochs or not 0 < trainer.step < trainer.steps:
        return
    last = rate(then, trainer.step - 1, trainer.steps_per_epoch)
    following = rate(now, trainer.step, trainer.steps_per_epoch)
    _say(
        f"note: a cosine over {now.epochs} epochs, not {then.epochs}: the learning rate jumps from {last:.3g} to {following:.3g}, which is not "
        f"what {now.epochs} epochs straight through come to"
    )


def absolute(recipe: Recipe) -> Recipe:
    """Paths of files made absolute, and the environment's folder of data written down: the run may be resumed from elsewhere."""
    recipe = _data_absolute(recipe)
    values = recipe.system.values()
    found = {"file": _real(values["file"])} if values.get("file") else {}
    if recipe.system.kind == "plugin" and values["plugin"]:
        file, _, function = values["plugin"].rpartition(":")
        found["plugin"] = f"{_real(file) if file else file}:{function}"
    return replace(recipe, system=recipe.system.model_copy(update=found)) if found else recipe


def _data_absolute(recipe: Recipe) -> Recipe:
    given = {"path": recipe.data.path, "folder": recipe.data.folder}
    if recipe.data.name in data.IN_FOLDERS and not any(given.values()):
        given["folder"] = os.environ.get("PNNKERN_DATA", "")
    paths = {key: _real(value) for key, value in given.items() if value}
    return replace(recipe, data=recipe.data.model_copy(update=paths)) if paths else recipe


def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _carry(run: Run, quiet: bool, stop: Stop) -> Run:
    """Train to the end or until a signal, with checkpoints; the caller holds the folder's lock."""
    from .loop import train

    recipe, trainer = run.recipe, run.trainer
    before, began = run.meta["seconds"], time.monotonic()
    run.meta |= {
        "data": trainer.dataset.digest(),
        "source": trainer.dataset.source,
        "outputs": trainer.dataset.classes,
        "config": recipe.table(),
        "environment": environment(recipe.compute.device) | ranks.sums(recipe.compute),
        "passes_per_epoch": trainer.rule.passes * len(trainer.dataset.train_labels),
        "sessions": [*run.meta.get("sessions", []), origin.here() | {"step": trainer.step, "ranks": here().size}],
    }

    def save() -> None:
        run.unsaved = _alone(recipe, write, "saving")

    def write() -> bool:
        run.meta["seconds"] = before + time.monotonic() - began
        run.meta["environment"] |= machine.plans()
        run.meta["way"] = trainer.way or run.meta.get("way", "")
        run.meta["finished"] = trainer.finished and ("exact" in run.meta or not run.wants_exact)
        if trainer.finished and recipe.rule.kind == "in-silico" and not trainer.system.perfect:
            run.meta["deployed"] = {"test_accuracy": trainer.evaluations[-1][1], "how": "this run, as its model knows no imperfections"}
        state = trainer.saved()
        with contextlib.suppress(Stopped):
            _patiently(lambda: checkpoint.save(run.folder / CHECKPOINT, state, run.meta), recipe.checkpoint.patience, stop)
            return False
        return True

    for line in ranks.remarks(recipe, trainer.rule):
        _say(f"note: {line}")
    if recipe.control.linear and "control" not in run.meta:
        with contextlib.suppress(Stopped):
            name = f"linear-{run.meta['data'][:12]}-{recipe.control.iterations}"
            once = functools.partial(shared.linear, run.shared, name, lambda: _linear_control(run, quiet, stop), stop)
            run.meta["control"] = _alone(recipe, once, "the linear control")
    if not quiet and "control" in run.meta:
        _say(f"linear control: {units.percent(run.meta['control']['test_accuracy'])} ({run.meta['control']['how']})")
    with progress.watcher(quiet or here().rank > 0) as watch, _room(run):
        train(trainer, save=save, stop=stop, watch=watch, seconds=recipe.checkpoint.seconds, steps=recipe.checkpoint.steps)
    if not run.finished and trainer.finished and not any_of(here(), [stop()])[0]:
        with contextlib.suppress(Stopped):
            _exact_control(run, quiet, stop)
        save()
    return run


def _linear_control(run: Run, quiet: bool, stop: Stop) -> dict[str, Any]:
    if not quiet:
        _say(f"linear control on {len(run.trainer.dataset.train_labels)} images ...")
    with stop.at_once():
        return controls.linear(run.trainer.dataset, run.recipe.control.iterations)


def _patiently(write: Callable[[], object], patience: float, stop: Stop) -> None:
    """Write, and where the disk is full try again for `patience` seconds. Raises `Stopped` when a signal ends the waiting."""
    end = None
    while True:
        try:
            write()
            return
        except PnnError as error:
            tried = time.monotonic()
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in files.FULL or tried >= (end or tried + patience):
                raise
            if end is None:
                waits = f"trying again for {units.duration(patience)} (checkpoint.patience), or until a signal"
                _say(f"warning: {error}{'' if stop() else f'; {waits}'}")
                end = tried + patience
        while time.monotonic() < min(tried + AGAIN, end):
            if stop():
                raise Stopped
            time.sleep(0.05)


@contextlib.contextmanager
def _room(run: Run) -> Iterator[None]:
    """An array that memory does not hold ends a run in one line that says how to go on from its last checkpoint.

    So does a step that the system refuses: its values validated, and training moved its parameters to where it cannot be.
    """
    try:
        yield
    except ValueError as error:
        if isinstance(error, PnnError):
            raise
        advice = "lower training.lr, or what [rule] moves the parameters by"
        raise TrainingError(f"step {run.trainer.step} of {run.folder} cannot be done: {error}; {advice}") from error
    except MemoryError as error:
        how = f"compute.chunk (now {run.recipe.compute.chunk}) or training.batch (now {run.recipe.training.batch})"
        advice = f"lower {how} in a new run, or resume this one on another device"
        raise out_of_memory(error, f"at step {run.trainer.step} of {run.folder}: {advice}") from error


def _exact_control(run: Run, quiet: bool, stop: Stop) -> None:
    """Train the same network with the same budget by exact gradients: an ordinary run in the folder `exact` of this one, or one that other
    runs share with it.

    A network that can be misbuilt is trained, and tested, without imperfections; what comes of it is then deployed on the one of this run.
    """
    from ..learning import InSilico

    recipe, make = run.recipe, run.make or assemble
    control = recipe.control.model_copy(update={"linear": False, "exact": False})
    rule = derived.table(InSilico)(**{name: value for name, value in recipe.rule.values().items() if name in ("loss", "scale")})
    system = recipe.system.model_copy(update=recipe.system.of.without_imperfections() | dict(recipe.system.of.exact))
    exact = replace(recipe, recipe=f"{recipe.recipe}-exact", rule=rule, system=system, control=control)
    if not quiet:
        _say("exact-gradient control, the same network and budget ...")
    above, name = (run.folder, EXACT) if run.shared is None else (run.shared, f"{EXACT}-{recipes.digest(exact)}")

    def place() -> str:
        _patiently(lambda: shared.made(above, name), recipe.checkpoint.patience, stop)
        return str(above / name if run.shared is None else shared.made(above / name, "run"))

    folder = Path(_alone(recipe, place))

    def trained() -> Run:
        if not _alone(recipe, lambda: os.path.lexists(folder / CONFIG)):
            return _start(exact, folder, quiet, stop, recipe.checkpoint.patience, make=make)
        differ = recipes.differences(exact, recipes.read_run(folder))
        settled = {f"rule.{name}" for name, key in type(rule).model_fields.items() if getattr(rule, name) == key.default}  # by the system
        others = [key for key in recipes.fixed(differ) if key not in settled]
        if others:
            raise CheckpointError(f"{folder} is not the exact-gradient control of its run: {', '.join(others)} differ; remove it")
        same = {key: value for key, value in recipes.leaves(exact.table()) if not recipes.fixed([key])}
        return _resume(folder, tuple(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in same.items()), quiet, stop, make=make)

    def in_turn() -> Run:
        with _locked(recipe, above / name):  # not that of the run: what comes second must find it begun
            return trained()

    done = trained() if run.shared is None else shared.in_turn(in_turn, lambda: any_of(here(), [stop()])[0], _say)
    if done.trainer.finished:
        accuracy = done.summary["metrics"]["test_accuracy"]
        run.meta["exact"] = {"test_accuracy": accuracy, "seconds": done.meta["seconds"], "how": "in-silico, the same network and budget"}
        if not quiet:
            _say(f"exact-gradient control: {units.percent(accuracy)}")
        if not run.trainer.system.perfect:
            _deploy(run, done, quiet, stop)


def _deploy(run: Run, exact: Run, quiet: bool, stop: Stop) -> None:
    """Test what exact gradients of the model came to on the misbuilt network of this run, with no further training."""
    system = run.trainer.system
    with replaced(system, exact.trainer.system.parameters):
        writers.touched(system)
        accuracy = replace(exact.trainer, system=system).evaluate(stop)[1]
    writers.touched(system)
    run.meta["deployed"] = {"test_accuracy": accuracy, "how": "parameters of the exact-gradient control on this network, without training"}
    if not quiet:
        trained = run.trainer.evaluations[-1][1]
        _say(f"deployed without training: {units.percent(accuracy)}; trained in place: {units.percent(trained)}")


def _say(message: str) -> None:
    if here().rank == 0:
        files.say(text.lines(message))

