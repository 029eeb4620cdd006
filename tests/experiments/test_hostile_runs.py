"""The folder of a run may be somebody else's: nothing outside of it is read, written or deleted through what is in it, and nothing hangs."""

import hashlib
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import script

from pnnkern._errors import CheckpointError
from pnnkern.cli import main
from pnnkern.experiments import checkpoint, recipe, run
from pnnkern.experiments.run import CHECKPOINT, CONFIG

SECRET = "what is mine\n"
READERS = (["resume", "--quiet"], ["report", "--images", "4"], ["export", "--what", "phase"], ["compare"])


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file outside of the run, which must stay as it is."""
    path = tmp_path / "mine" / "victim.toml"
    path.parent.mkdir()
    path.write_text(SECRET)
    yield path
    assert path.read_text() == SECRET
    assert [p.name for p in path.parent.iterdir()] == ["victim.toml"]


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """A minute for everything here: a pipe would be waited for."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: pytest.fail("it hangs"))
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def call(command: list[str], folder: Path) -> int:
    return main([command[0], str(folder), *command[1:]])


# --------------------------------------------------------------------------------------------------------- what is no file of its own
def link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.parent / "new")


def pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, victim: Path) -> None:
    path.mkdir()
    (path / "something").touch()


def device(path: Path, victim: Path) -> None:
    path.symlink_to("/dev/zero")


STRANGE = [link, dangling, pipe, folder, device]


@pytest.mark.parametrize("make", STRANGE)
def test_in_the_place_of_the_lock(copied_run: Path, victim: Path, make: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    (copied_run / ".lock").unlink()
    make(copied_run / ".lock", victim)
    assert main(["resume", str(copied_run)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_lock_that_has_another_name_is_not_written(copied_run: Path, victim: Path) -> None:
    (copied_run / ".lock").unlink()
    (copied_run / ".lock").hardlink_to(victim)
    assert main(["resume", str(copied_run), "--quiet"]) == 0


@pytest.mark.parametrize("make", STRANGE)
def test_in_the_place_of_the_checkpoint(copied_run: Path, victim: Path, make: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """The one before it is used, and the strange thing is set aside."""
    newest = copied_run / CHECKPOINT
    newest.rename(checkpoint.previous(newest))
    make(newest, victim)
    for command in READERS[::-1]:
        assert call(command, copied_run) == 0
        assert "warning: checkpoint.h5 is damaged (it is" in capsys.readouterr().err.replace(f"{copied_run}: ", "")
    assert newest.is_file()
    assert not newest.is_symlink()


@pytest.mark.parametrize("make", STRANGE)
@pytest.mark.parametrize("name", [CONFIG, "both checkpoints"])
def test_in_the_place_of_what_cannot_be_done_without(
    copied_run: Path, victim: Path, make: Callable[..., None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (copied_run / CONFIG,) if name == CONFIG else (copied_run / CHECKPOINT, checkpoint.previous(copied_run / CHECKPOINT)):
        path.unlink(missing_ok=True)
        make(path, victim)
    for command in READERS:
        assert call(command, copied_run) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1, captured.err
        assert "mine\n" not in captured.err


def test_a_link_to_a_whole_checkpoint_of_another_run_is_not_followed(copied_run: Path, finished_run: Path) -> None:
    (copied_run / CHECKPOINT).unlink()
    (copied_run / CHECKPOINT).symlink_to(finished_run / CHECKPOINT)
    with pytest.raises(CheckpointError, match="it is a link, and no link in the folder of a run is followed"):
        run.load(copied_run)


@pytest.mark.parametrize("make", STRANGE[:4])
def test_in_the_place_of_files_of_the_report(copied_run: Path, victim: Path, make: Callable[..., None]) -> None:
    (copied_run / "report").mkdir()
    for name in ("curves.png", "metrics.json", "index.html"):
        make(copied_run / "report" / name, victim)
    make(copied_run / "phase.npz", victim)
    for command in READERS[1:3]:
        assert call(command, copied_run) == (2 if make is folder else 0)


@pytest.mark.parametrize("name", ["report", run.EXACT])
@pytest.mark.parametrize("make", STRANGE[:3])
def test_in_the_place_of_folders(
    tmp_path: Path, victim: Path, tiny: tuple[str, ...], make: Callable[..., None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = ("rule.kind='direct-feedback'", "control.linear=false", "training.epochs=1", "control.exact=false")
    run.start(recipe.find("d2nn-digits", (*tiny, *exact)), tmp_path / "r", quiet=True)
    (tmp_path / "r" / name).symlink_to(victim.parent) if make is link else make(tmp_path / "r" / name, victim)
    command = READERS[1] if name == "report" else ["resume", "--quiet", "--set", "control.exact=true"]
    assert call(command, tmp_path / "r") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("pnnkern: error: cannot ")


def test_an_exact_control_of_another_run_is_named(tmp_path: Path, tiny: tuple[str, ...]) -> None:
    own = (*tiny, "rule.kind='direct-feedback'", "control.linear=false", "training.epochs=1", "control.exact=false")
    run.start(recipe.find("d2nn-digits", own), tmp_path / "r", quiet=True)
    (tmp_path / "r" / run.EXACT).mkdir()
    recipe.write(recipe.find("d2nn-digits", (*own, "training.seed=3")), tmp_path / "r" / run.EXACT / CONFIG)
    with pytest.raises(CheckpointError, match=r"exact is not the exact-gradient control of its run: .*training\.seed"):
        run.resume(tmp_path / "r", ("control.exact=true",), quiet=True)


# ------------------------------------------------------------------------------------------------------------------- what is written
def test_only_our_own_temporaries_go(tmp_path: Path, victim: Path) -> None:
    ours = [".checkpoint.h5.tmp12345", ".config.toml.tmp0a1b2c3d4e5f6071"]
    others = [".notes.tmp1", ".thesis.tex.tmp~", "checkpoint.h5.tmp1", ".checkpoint.h5.tmp1.bak", ".checkpoint.h5.tmpx", ".checkpoint.h5.tmp-1"]
    for name in (*ours, *others):
        (tmp_path / name).write_text("x")
    (tmp_path / ".checkpoint.h5.tmp7").mkdir()
    (tmp_path / ".checkpoint.h5.tmp8").symlink_to(victim)
    assert sorted(p.name for p in checkpoint.clean(tmp_path)) == sorted(ours)
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {*others, ".checkpoint.h5.tmp7", ".checkpoint.h5.tmp8", "mine"}


def test_names_of_temporaries_cannot_be_foreseen(copied_run: Path, victim: Path) -> None:
    """Links under all names that process numbers give."""
    for name in (CHECKPOINT, CONFIG):
        (copied_run / f".{name}.tmp{os.getpid()}").symlink_to(victim)
    assert main(["resume", str(copied_run), "--quiet", "--epochs", "4"]) == 0


# -------------------------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    "name", ["../../x", "/elsewhere/x", "..", ".", "a/b", "a\\b", ".hidden", "x\n", "\x1b[2J", "a\0b", "x ", "-x", "x" * 101, "\u202ex", "a:b"]
)
def test_a_recipe_is_no_path(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    name = name.replace("/elsewhere", str(tmp_path))
    text = recipe.find("d2nn-digits").dumps().replace('recipe = "d2nn-digits"', f"recipe = {json.dumps(name)}")
    (tmp_path / "given.toml").write_text(text)
    assert main(["run", "given.toml", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.strip().isprintable()
    assert [p.name for p in tmp_path.iterdir()] == ["given.toml"]


@pytest.mark.parametrize("name", ["d2nn-digits", "größe 2 (lr=0.1, +noise)", "x", "a.b_c"])
def test_ordinary_names(name: str) -> None:
    assert recipe.read(recipe.find("d2nn-digits").table() | {"recipe": name}).recipe == name


# ------------------------------------------------------------------------------------------------------------------- what is in HDF5
fuzz = script("fuzz_checkpoints")


@pytest.mark.parametrize("digest", [False, True])
@pytest.mark.parametrize("what", [what for what in fuzz.OLD if what not in ("unchanged", "many objects")])
def test_hdf5_that_says_what_it_does_not_hold(tmp_path: Path, what: str, digest: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, with so little memory that the first thing to be believed ends the test."""
    monkeypatch.setattr(fuzz, "VICTIM", tmp_path / "victim")
    fuzz.victim()
    image = fuzz.old(fuzz.state(), {}, lambda file: None)
    assert checkpoint._parse(image)[0].keys() == fuzz.state().keys()
    image = fuzz.old(fuzz.state(), {}, fuzz.OLD[what])
    with pytest.raises((checkpoint._Damaged, *checkpoint._ODD)) as caught, at_most(1 << 28):
        checkpoint._parse(image)
    assert not isinstance(caught.value, MemoryError)
    if what in ("a fill value", "an external link"):  # by way of the process of its own, too
        if digest:
            head = f"pnnkern checkpoint; SHA-256 of the bytes from 512 on: {hashlib.sha256(image).hexdigest()}\n"
            image = head.encode().ljust(512, b"\0") + image
        (tmp_path / CHECKPOINT).write_bytes(image)
        with pytest.raises(CheckpointError, match="is damaged"):
            checkpoint.load(tmp_path / CHECKPOINT)


class at_most:
    """So many bytes of addresses more than now, for this process."""

    def __init__(self, spare: int) -> None:
        self.spare, self.before = spare, resource.getrlimit(resource.RLIMIT_AS)

    def __enter__(self) -> None:
        now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + self.spare, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_AS, self.before)


def test_a_file_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    """A hole of 4 TiB takes no room on a disk."""
    with open(tmp_path / CHECKPOINT, "wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(CheckpointError, match=r"it has 4398046511104 bytes, more than half the memory of this machine"), at_most(1 << 28):
        checkpoint.load(tmp_path / CHECKPOINT)


def described(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Another description, under the right digest."""
    image = path.read_bytes()
    description = fuzz.parts(image)[2]
    path.write_bytes(fuzz.described(image, change(description) or description))


def again(description: dict[str, Any], *names: str) -> None:
    """The array a under other names, too."""
    for what in ("arrays", "places"):
        description[what].update(dict.fromkeys(names, description[what]["a"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["arrays"]["a"].update(shape=[1 << 30]), "it describes more than it holds"),
        (lambda d: d["arrays"]["a"].update(shape=[1 << 62, 1 << 62]), "it describes more than it holds"),
        (lambda d: d["arrays"]["a"].update(shape=[-1]), "its description is none"),
        (lambda d: d["arrays"]["a"].update(shape=[0, 1 << 62, 1 << 62]), ""),
        (lambda d: d["arrays"]["a"].update(dtype="|O"), "its description is none"),
        (lambda d: d["arrays"]["a"].update(dtype="(1000000,)f8"), "its description is none"),
        (lambda d: d["places"].update(a=1 << 40), "it describes more than it holds"),
        (lambda d: d["places"].update(a=-1), ""),
        (lambda d: again(d, *(f"b{i}" for i in range(99))), "it describes more than it holds"),
        (lambda d: again(d, "../x"), "its description is none"),
        (lambda d: d.update(meta=[]), "its description is none"),
        (lambda d: b"[" * 100_000, ""),
        (lambda d: b" " * (checkpoint._LONGEST + 1), "its description has more than"),
    ],
)
def test_a_description_is_not_believed(tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str) -> None:
    path = tmp_path / CHECKPOINT
    checkpoint.save(path, {"a": np.arange(1000.0)}, {})
    described(path, lambda d: None)
    assert checkpoint.load(path).state["a"].sum() == 499500
    described(path, change)
    with pytest.raises(CheckpointError, match=rf"checkpoint.h5 is damaged \(.*{says}"), at_most(1 << 28):
        checkpoint.load(path)


# ---------------------------------------------------------------------------------------------------------------- what a run says
def resaved(folder: Path, change: Callable[[dict[str, np.ndarray], dict[str, Any]], Any]) -> None:
    """A checkpoint with other content and the right digests."""
    found = checkpoint.load(folder / CHECKPOINT)
    state, meta = dict(found.state), dict(found.meta)
    change(state, meta)
    checkpoint.save(folder / CHECKPOINT, state, meta)
    checkpoint.previous(folder / CHECKPOINT).unlink()


@pytest.mark.parametrize(
    "change",
    [
        lambda state, meta: meta.update(seconds="long"),
        lambda state, meta: meta.update(seconds=float("nan")),
        lambda state, meta: meta.update(environment=["numpy"]),
        lambda state, meta: meta.update(environment={"cpu": "\x1b]0;mine\a"}),
        lambda state, meta: meta.update(control=None),
        lambda state, meta: meta["control"].update(how="\x1b[2Jnothing to see"),
        lambda state, meta: meta["control"].update(test_accuracy="good"),
        lambda state, meta: meta.pop("data"),
        lambda state, meta: meta.update(config=[]),
        lambda state, meta: meta["config"].update(recipe="../x"),
        lambda state, meta: meta.update(config=nested(3000)),
        lambda state, meta: state.pop("progress/loss"),
        lambda state, meta: state.update({"progress/step": np.arange(3)}),
        lambda state, meta: state.update({"progress/evaluations": np.zeros(3)}),
        lambda state, meta: state.update({"progress/evaluations": np.array(3.0)}),
        lambda state, meta: state.update({"progress/loss": np.zeros(1)}),
    ],
)  # fmt: skip
def test_a_run_that_says_strange_things(copied_run: Path, change: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    resaved(copied_run, change)
    for command in READERS:
        assert call(command, copied_run) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert error.strip().isprintable()


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth // 8):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("parameters/phase", np.zeros((2, 16, 15), np.float32)),
        ("parameters/phase", np.zeros((2, 16, 16))),
        ("optimizer/phase.first", np.zeros(2, np.float32)),  # a kernel would write behind it
        ("optimizer/phase.first", np.zeros(1, np.float32)),
        ("optimizer/phase.second", np.zeros((2, 16, 16))),
        ("optimizer/phase.velocity", np.zeros(1 << 20)),
        ("optimizer/other", np.zeros(1 << 20)),
        ("optimizer/step", np.array([2**63 - 1])),
        ("optimizer/step", np.array([-1])),
        ("optimizer/step", np.zeros(0, np.int64)),
        ("memory/phase.samples", np.array([2.5])),
        ("memory/phase", np.zeros(3)),
        ("elsewhere/phase", np.zeros(3)),
    ],
)
def test_arrays_are_those_of_the_training(copied_run: Path, name: str, array: np.ndarray) -> None:
    """Kernels are told how many values to work on, not how long each array is."""
    resaved(copied_run, lambda state, meta: state.update({name: array}))
    with pytest.raises(CheckpointError, match=r"does not fit .*config\.toml: the checkpoint (has|counts)"):
        run.resume(copied_run, ("training.epochs=4",), quiet=True)


@pytest.mark.parametrize(
    "arrays",
    [
        {"parameters/phase": np.zeros((0, 3), np.float32)}, {"parameters/phase": np.full((2, 16, 16), np.nan, np.float32)},
        {"parameters/phase": np.zeros((2, 16, 16), np.int64)}, {"parameters/phase": np.zeros((2, 16, 16), complex)}, {},
    ],
)  # fmt: skip
def test_parameters_that_are_none_are_not_exported(
    copied_run: Path, arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    resaved(copied_run, lambda state, meta: [state.pop("parameters/phase"), state.update(arrays)])
    assert call(READERS[2], copied_run) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_fuzzer_finds_nothing() -> None:
    """A bounded number of cases; data/benchmarks/fuzz-checkpoints.json is the record of many."""
    found = fuzz.fuzz(3000, 1)
    reached = {kind: outcomes for kind, outcomes in found["outcomes"].items() if not kind.startswith("0.1.0")}
    assert all(outcomes.get("refused") for outcomes in reached.values())
    assert sum(outcomes.get("read", 0) for outcomes in reached.values()) > 100
