"""A run goes on as it began: what may change is named, what else differs is refused, and a signal stops it wherever it is."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import script

import pnnkern
from pnnkern._errors import CheckpointError
from pnnkern.cli import main
from pnnkern.experiments import checkpoint, compare, controls, export, files, loop, recipe, run
from pnnkern.experiments.recipe import RecipeError
from pnnkern.experiments.report import write
from pnnkern.experiments.run import CHECKPOINT, CONFIG


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(run, "_say", said.append)
    return said


def edit(folder: Path, before: str, after: str) -> None:
    text = (folder / CONFIG).read_text()
    assert before in text
    (folder / CONFIG).write_text(text.replace(before, after))


# ----------------------------------------------------------------------------------------------------------------- what may change
@pytest.mark.parametrize(
    "override",
    [
        "training.seed=1", "training.batch=5", "training.optimizer='sgd'", "training.schedule='halve'", "system.layers=3",
        "system.index=1.5", "system.kind=drn", "rule.scale=3.0", "rule.kind=spsa", "data.train=40", "data.name='digits'",
        "compute.dtype='float64'", "compute.chunk=8", "recipe='other'",
    ],
)  # fmt: skip
def test_nothing_else_changes(copied_run: Path, override: str) -> None:
    before = (copied_run / CONFIG).read_bytes(), (copied_run / CHECKPOINT).read_bytes()
    key = override.partition("=")[0]
    message = rf"{key}.* cannot change while a run goes on: only training\.epochs, training\.lr, .* can; start a new one"
    with pytest.raises(RecipeError, match=message):
        run.resume(copied_run, ("training.epochs=4", override), quiet=True)
    with pytest.raises(RecipeError, match=message):
        run.load(copied_run, (override,))
    assert ((copied_run / CONFIG).read_bytes(), (copied_run / CHECKPOINT).read_bytes()) == before


def test_what_is_named_changes(copied_run: Path) -> None:
    first = recipe.read_run(copied_run)
    named = (
        "training.epochs=4", "training.lr=0.01", "checkpoint.seconds=0", "control.iterations=3",
        f"training.seed={first.training.seed}",
    )  # fmt: skip
    done = run.resume(copied_run, named, quiet=True)
    assert (done.trainer.step, done.trainer.training.lr) == (28, 0.01)
    assert "3 of at most 3 iterations" in done.meta["control"]["how"]  # of the budget that is now the recipe's
    assert set(recipe.differences(first, recipe.read_run(copied_run))) == {n.partition("=")[0] for n in named[:-1]}


def test_other_data_are_refused(copied_run: Path, tmp_path: Path) -> None:
    """Where they lie may change, what they are may not."""
    images, labels = np.zeros((50, 8, 8), np.uint8), np.arange(50) % 10
    np.savez(tmp_path / "mine.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(CheckpointError, match=r"the data in .*mine.npz are not those that the run in .* was started with"):
        run.resume(copied_run, (f"data.path={tmp_path / 'mine.npz'}",), quiet=True)


def test_another_batch_is_no_state_to_go_on_from(copied_run: Path) -> None:
    """21 steps with 3 evaluations never meet an end of 10 steps an epoch: such a loop would not end."""
    trainer = run.load(copied_run).trainer
    trainer.training = trainer.training.model_copy(update={"batch": 5})
    with pytest.raises(ValueError, match="21 steps with 3 evaluations are not of epochs of 10 steps"):
        trainer.restore(checkpoint.load(copied_run / CHECKPOINT).state)


# ------------------------------------------------------------------------------------------------- a checkpoint and its config.toml
def readers(folder: Path) -> list[Callable[[], Any]]:
    return [
        lambda: run.resume(folder, quiet=True), lambda: run.load(folder), lambda: export.write(folder, "height", folder / "h.npz"),
        lambda: compare.collect([folder]), lambda: script("record_run").record(folder),
    ]  # fmt: skip


def assert_refused_by_all(folder: Path, message: str) -> None:
    for read in readers(folder):
        with pytest.raises(CheckpointError, match=message):
            read()


@pytest.mark.parametrize(
    ("key", "now", "was"),
    [("training.seed", "3", "0"), ("system.spacing", "0.07", "0.0[0-9]+"), ("system.index", "1.5", "1.7227"), ("data.train", "40", "50")],
)
def test_an_edited_recipe_is_named(copied_run: Path, key: str, now: str, was: str) -> None:
    table, _, name = key.partition(".")
    text = (copied_run / CONFIG).read_text()
    text, count = re.subn(rf"(?ms)(^\[{table}\].*?^{name} = )[^\n]+", rf"\g<1>{now}", text)
    assert count == 1
    (copied_run / CONFIG).write_text(text)
    assert_refused_by_all(copied_run, rf"checkpoint\.h5 does not belong to .*config\.toml: there {key} is {now}, was {was}; ")


def test_a_checkpoint_of_another_run_is_named(copied_run: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """Of the same shapes, so that nothing else would tell."""
    run.start(recipe.find("d2nn-digits", (*tiny, "training.seed=7", "control.linear=false")), tmp_path / "other", quiet=True)
    shutil.copy(tmp_path / "other" / CHECKPOINT, copied_run / CHECKPOINT)
    message = r"does not belong to .*: there training\.seed is 0, was 7; one of the two was edited or is of another run"
    assert_refused_by_all(copied_run, message)


def test_what_may_change_is_said_and_taken(copied_run: Path, say: list[str]) -> None:
    edit(copied_run, "epochs = 3", "epochs = 4")
    expected = "config.toml is not what checkpoint.h5 was made with: training.epochs is 4, was 3"
    assert export.write(copied_run, "phase", copied_run / "p.npz")["warning"] == expected
    assert compare.collect([copied_run])[0]["warning"] == expected
    run.load(copied_run)
    done = run.resume(copied_run, quiet=True)
    assert [line for line in say if line.startswith("warning")] == [f"warning: {expected}"] * 2
    assert done.summary["epochs"] == 4
    assert compare.collect([copied_run])[0]["warning"] is None


def rate_notes(say: list[str]) -> list[str]:
    return [line for line in say if "learning rate" in line]


def test_more_epochs_of_a_cosine_raise_the_rate_again(copied_run: Path, say: list[str]) -> None:
    """21 steps of a cosine from 0.05 are done: the last at 0.05/2 (1 + cos(20 pi / 21)), the next of 28 at 0.05/2 (1 + cos(21 pi / 28))."""
    run.resume(copied_run, ("training.epochs=4",), quiet=True)
    assert rate_notes(say) == [
        "note: a cosine over 4 epochs, not 3: the learning rate jumps from 0.000279 to 0.00732, which is not what 4 epochs straight through "
        "come to"
    ]
    run.resume(copied_run, quiet=True)
    assert len(rate_notes(say)) == 1  # nothing has changed since


def test_a_schedule_that_knows_no_end_goes_on_as_it_was(tmp_path: Path, tiny: tuple[str, ...], say: list[str]) -> None:
    plain = recipe.find("d2nn-digits", (*tiny, "training.epochs=1", "training.schedule=decay", "control.linear=false"))
    run.start(plain, tmp_path / "r", quiet=True)
    run.resume(tmp_path / "r", ("training.epochs=2",), quiet=True)
    assert rate_notes(say) == []


def test_a_missing_checkpoint_is_said(copied_run: Path, say: list[str]) -> None:
    whole = checkpoint.load(copied_run / CHECKPOINT).state
    (copied_run / CHECKPOINT).unlink()
    run.resume(copied_run, quiet=True)
    assert say == [f"note: there is no checkpoint in {copied_run}: the run begins with its first step"]
    again = checkpoint.load(copied_run / CHECKPOINT).state
    assert all(again[name].tobytes() == array.tobytes() for name, array in whole.items())


def test_a_checkpoint_alone_is_a_run(copied_run: Path, tiny: tuple[str, ...]) -> None:
    """Also if it is the one before: a new run there would push it out."""
    (copied_run / CONFIG).unlink()
    os.replace(copied_run / CHECKPOINT, checkpoint.previous(copied_run / CHECKPOINT))
    with pytest.raises(RecipeError, match="already holds a run"):
        run.start(recipe.find("d2nn-digits", tiny), copied_run, quiet=True)


def test_a_checkpoint_of_no_run(copied_run: Path) -> None:
    checkpoint.save(copied_run / CHECKPOINT, {"a": np.zeros(3)}, {})
    assert_refused_by_all(copied_run, "is of no run: it does not hold the recipe that it was made by")
    checkpoint.save(copied_run / CHECKPOINT, {"a": np.zeros(3)}, {"config": {"system": {"kind": "abacus"}}})
    assert_refused_by_all(copied_run, "was made by a recipe that is none to this pnnkern: no system is of kind 'abacus'")


# ------------------------------------------------------------------------------------------------------------------------- signals
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


def signalled(number: int, work: Callable[..., Any], when: int = 1) -> tuple[Callable[..., Any], list[bool]]:
    """`work` whose call number `when` begins with a signal to this process, and a list of the calls that came to an end."""
    ended: list[bool] = []
    calls: list[int] = []

    def wrapped(*arguments: Any, **options: Any) -> Any:
        calls.append(0)
        if len(calls) == when:
            os.kill(os.getpid(), number)
        result = work(*arguments, **options)
        ended.append(True)
        return result

    return wrapped, ended


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_linear_control(
    finished_run: Path, tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It is not waited for, which may be minutes; it is made when the run goes on."""
    wrapped, ended = signalled(number, controls.linear)
    with monkeypatch.context() as patch:
        patch.setattr(controls, "linear", wrapped)
        stopped = run.start(recipe.find("d2nn-digits", tiny), tmp_path / "r", quiet=True)
    assert not ended
    assert not stopped.summary["finished"]
    assert (stopped.trainer.step, "control" in stopped.meta) == (0, False)
    done = run.resume(tmp_path / "r", quiet=True)
    whole = checkpoint.load(finished_run / CHECKPOINT)
    assert done.meta["control"]["test_accuracy"] == whole.meta["control"]["test_accuracy"]
    assert all(checkpoint.load(tmp_path / "r" / CHECKPOINT).state[k].tobytes() == v.tobytes() for k, v in whole.state.items())


EXACT = ("rule.kind='direct-feedback'", "control.linear=false", "training.epochs=1")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("where", ["between", "within"])
def test_a_signal_at_the_exact_control(
    tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    handlers = [signal.getsignal(n) for n in SIGNALS]
    whole = run.start(recipe.find("d2nn-digits", (*tiny, *EXACT)), tmp_path / "whole", quiet=True)
    with monkeypatch.context() as patch:
        if where == "between":
            patch.setattr(run, "_exact_control", signalled(number, run._exact_control)[0])
        else:
            patch.setattr(loop, "train", signalled(number, loop.train, 2)[0])
        stopped = run.start(recipe.find("d2nn-digits", (*tiny, *EXACT)), tmp_path / "r", quiet=True)
    assert stopped.trainer.finished
    assert not stopped.summary["finished"]
    assert checkpoint.load(tmp_path / "r" / run.EXACT / CHECKPOINT).state["progress/step"] < 7
    assert [signal.getsignal(n) for n in SIGNALS] == handlers
    done = run.resume(tmp_path / "r", quiet=True)
    assert done.summary["finished"]
    assert done.meta["exact"]["test_accuracy"] == whole.meta["exact"]["test_accuracy"]


def test_a_signal_before_the_exact_control(tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """While the last checkpoint of the main run is written: the control is not begun."""
    patched, _ = signalled(signal.SIGTERM, checkpoint.save)
    monkeypatch.setattr(checkpoint, "save", patched)
    stopped = run.start(recipe.find("d2nn-digits", (*tiny, *EXACT)), tmp_path / "r", quiet=True)
    assert stopped.trainer.finished
    assert not stopped.summary["finished"]
    assert not (tmp_path / "r" / run.EXACT).exists()


def test_the_exact_control_has_the_budget_of_its_run(tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """More epochs for a finished run are more epochs for its control, whose old result is not kept beside the new one."""
    run.start(recipe.find("d2nn-digits", (*tiny, *EXACT)), tmp_path / "r", quiet=True)
    done = run.resume(tmp_path / "r", ("training.epochs=2", "training.lr=0.02"), quiet=True)
    exact = run.load(tmp_path / "r" / run.EXACT)
    assert (exact.trainer.step, exact.trainer.training.lr) == (done.trainer.step, 0.02)
    assert done.meta["exact"]["test_accuracy"] == exact.summary["metrics"]["test_accuracy"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_a_report(
    copied_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    wrapped, ended = signalled(number, loop.Trainer.test_scores)
    monkeypatch.setattr(loop.Trainer, "test_scores", wrapped)
    assert main(["report", str(copied_run), "--images", "4"]) == run.STOPPED
    assert not ended
    captured = capsys.readouterr()
    assert captured.err.endswith(f"stopped; make the report with: pnnkern report {copied_run}\n")
    assert captured.out == ""
    assert not (copied_run / "report").exists()
    assert main(["report", str(copied_run), "--images", "4"]) == 0


def test_a_signal_while_a_report_is_written(copied_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is whole, and nothing half made is left."""
    before = write(run.load(copied_run), images=4).read_bytes()
    wrapped, _ = signalled(signal.SIGTERM, os.fsync, 3)
    monkeypatch.setattr(files.os, "fsync", wrapped)
    assert main(["report", str(copied_run), "--images", "4"]) == run.STOPPED
    assert (copied_run / "report" / "index.html").read_bytes() == before
    assert not list((copied_run / "report").glob(".*"))


# ------------------------------------------------------------------------------------------------------------------ older versions
def test_a_folder_of_an_older_version_is_refused_with_the_one_that_can_go_on(copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line with all keys that this one does not have. pnnkern 0.1.0 did not write down in config.toml which it was."""
    here = pnnkern.__version__
    text = (copied_run / CONFIG).read_text()
    assert text.startswith(f"# Written by pnnkern {here}.\n")
    old = text.split("\n", 1)[1].replace("[rule]\n", "[rule]\nstrength = 0.1\n").replace("[system]\n", "[system]\nedges = 'a.txt'\n")
    for head, version in (("", "0.1.0"), ("# Written by pnnkern 0.7.3.\n", "0.7.3")):
        (copied_run / CONFIG).write_text(head + old)
        for command in (["resume", str(copied_run)], ["report", str(copied_run)]):
            assert main(command) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert line == (
                f"pnnkern: error: {copied_run / CONFIG} was written by pnnkern {version}, whose keys system.edges and rule.strength this "
                f"version ({here}) does not have: resume it with pnnkern {version} (pip install pnnkern=={version})"
            )
    old = old.replace("strength = 0.1\n", "").replace("edges = 'a.txt'\n", "").replace('kind = "in-silico"', 'kind = "gone"')
    (copied_run / CONFIG).write_text(old)
    assert main(["resume", str(copied_run)]) == 2
    assert capsys.readouterr().err == (
        f"pnnkern: error: {copied_run / CONFIG} was written by pnnkern 0.1.0, and this version ({here}) cannot follow it: no rule is of kind "
        f"'gone': the nearest is 'agnostic-ep': resume it with pnnkern 0.1.0 (pip install pnnkern==0.1.0)\n"
    )


def test_a_typing_error_is_one_whatever_version_wrote_the_file(copied_run: Path) -> None:
    edit(copied_run, "[rule]\n", "[rule]\nstrength = 0.1\n")
    with pytest.raises(RecipeError, match=r"^unknown key 'rule.strength': "):
        run.resume(copied_run, quiet=True)


def test_a_folder_of_an_older_version_with_known_keys_goes_on(copied_run: Path) -> None:
    text = (copied_run / CONFIG).read_text()
    (copied_run / CONFIG).write_text(text.split("\n", 1)[1])
    before = len(run.load(copied_run).trainer.evaluations)
    run.resume(copied_run, (f"training.epochs={before + 1}",), quiet=True)
    assert len(run.load(copied_run).trainer.evaluations) == before + 1


def test_a_control_whose_rule_settled_on_its_loss_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own rule has no loss to hand on, so that the control's is worked out by its system: that is no other recipe."""
    settings = ["training.epochs=2", "control.linear=false"]
    trained = loop.train
    calls: list[int] = []

    def stopped(trainer: Any, **given: Any) -> bool:
        calls.append(1)
        if len(calls) == 2:  # the control's
            given["stop"] = lambda: trainer.step == 2
        return trained(trainer, **given)

    monkeypatch.setattr(loop, "train", stopped)
    first = run.start(recipe.find("coupled-iris", settings), tmp_path / "r", quiet=True)
    assert "exact" not in first.meta
    assert int(checkpoint.load(tmp_path / "r" / run.EXACT / CHECKPOINT).state["progress/step"]) == 2
    monkeypatch.undo()
    second = run.resume(tmp_path / "r", quiet=True)
    whole = run.start(recipe.find("coupled-iris", settings), tmp_path / "whole", quiet=True)
    assert second.meta["exact"]["test_accuracy"] == whole.meta["exact"]["test_accuracy"]
