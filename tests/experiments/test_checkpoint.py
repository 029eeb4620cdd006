"""Checkpoints: what goes in comes out, and no damage, crash or full disk loses the last good one."""

import errno
import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pnnkern._errors import CheckpointError
from pnnkern.experiments import checkpoint


def example(step: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(step)
    return {
        "parameters/phase": rng.standard_normal((2, 31, 33)).astype(np.float32),
        "optimizer/phase.first": rng.standard_normal((2, 31, 33)),
        "field": (rng.standard_normal(7) + 1j * rng.standard_normal(7)).astype(np.complex64),
        "progress/step": np.array(step),
        "empty": np.zeros((0, 2)),
        "turned": np.arange(12).reshape(3, 4).T,
        "flags": np.array([True, False]),
        "key": np.array([1, 2**32 - 1], np.uint32),
        "special": np.array([np.nan, -0.0, np.inf]),
    }


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype
        and a[k].shape == b[k].shape
        and np.array(a[k], order="C").tobytes() == np.array(b[k], order="C").tobytes()
        for k in a
    )


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    meta = {"metrics": {"loss": 0.25}, "seed": 2**62, "text": "ü" * 70000, "list": [1, 2.5, None, True]}
    checkpoint.save(path, example(), meta)
    loaded = checkpoint.load(path)
    assert same(loaded.state, example())
    assert loaded.meta == meta
    assert loaded.warning is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.h5"]
    with h5py.File(path) as file:  # for any HDF5 program
        assert file["arrays/parameters/phase"].shape == (2, 31, 33)
        assert file.attrs["format_version"] == 1


def test_previous_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    for step in (1, 2, 3):
        checkpoint.save(path, example(step), {"step": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.h5", "checkpoint.prev.h5"]
    assert checkpoint.load(path).meta == {"step": 3}
    assert checkpoint.load(checkpoint.previous(path)).meta == {"step": 2}
    path.unlink()  # stopped between the two renames
    fallen = checkpoint.load(path)
    assert fallen.meta == {"step": 2}
    assert "checkpoint.h5 does not exist; going on from the one before it, checkpoint.prev.h5" in str(fallen.warning)


def without_digest(path: Path) -> None:
    """Make a checkpoint one of pnnkern 0.1.0: the same HDF5 file without the user block."""
    with h5py.File(io.BytesIO(path.read_bytes())) as file, h5py.File(path, "w") as old:
        old.attrs.update(file.attrs)
        for name in file:
            file.copy(name, old)


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_value(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["arrays/parameters/phase"][1, 2, 3] += 1


def damage_missing(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["arrays/optimizer/phase.first"]


def damage_shape(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        whole = file["arrays/parameters/phase"][()]
        del file["arrays/parameters/phase"]
        file["arrays/parameters/phase"] = whole.reshape(33, 31, 2)


def damage_description(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        text = file["description"][()].decode()
        del file["description"]
        file["description"] = text.replace('"step": ', '"step": 1')


def damage_kind(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "something else"


def damage_text(path: Path) -> None:
    path.write_text("not a checkpoint")


@pytest.mark.parametrize(
    "damage",
    [damage_truncate, damage_empty, damage_value, damage_missing, damage_shape, damage_description, damage_kind, damage_text],
)
@pytest.mark.parametrize("digest", [True, False])
def test_damage_falls_back_to_the_previous(tmp_path: Path, damage: object, digest: bool) -> None:
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {"step": 1})
    checkpoint.save(path, example(2), {"step": 2})
    if not digest:
        without_digest(path)
        assert checkpoint.load(path).meta == {"step": 2}
    damage(path)  # type: ignore[operator]
    loaded = checkpoint.load(path)
    assert loaded.meta == {"step": 1}
    assert same(loaded.state, example(1))
    assert "checkpoint.h5 is damaged (" in str(loaded.warning)
    assert "checkpoint.prev.h5" in str(loaded.warning)

    aside = checkpoint.set_aside(path)  # so that the next save does not overwrite the good one with the damaged one
    checkpoint.save(path, example(3), {"step": 3})
    assert aside.exists()
    assert checkpoint.load(checkpoint.previous(path)).meta == {"step": 1}

    damage(path)  # type: ignore[operator]
    damage_truncate(checkpoint.previous(path))
    with pytest.raises(
        CheckpointError, match=r"no usable checkpoint in .*: checkpoint.h5 is damaged .*, and checkpoint.prev.h5 is damaged"
    ):
        checkpoint.load(path)


def test_random_damage_is_never_taken_for_whole(tmp_path: Path, rng: np.random.Generator) -> None:
    """Any one flipped bit, in slack space too: the previous one is used."""
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {"step": 1})
    checkpoint.save(path, example(2), {"step": 2})
    whole = path.read_bytes()
    for at in rng.integers(0, len(whole), 300):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :])
        loaded = checkpoint.load(path)
        assert loaded.meta == {"step": 1}
        assert same(loaded.state, example(1))


ZERO_SECTORS = """
import pathlib, sys
from pnnkern.experiments import checkpoint
path = pathlib.Path(sys.argv[1])
whole = path.read_bytes()
for at in range(0, len(whole), 512):
    damaged = whole[:at] + bytes(len(whole[at : at + 512])) + whole[at + 512 :]
    path.write_bytes(damaged)
    assert checkpoint.load(path).meta["step"] == 1 + (damaged == whole), at
"""


def test_a_lost_sector_never_hangs(tmp_path: Path) -> None:
    """Disks lose sectors: whichever of 512 bytes is zero, loading comes to an end, with the previous one."""
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {"step": 1})
    checkpoint.save(path, example(2), {"step": 2})
    done = subprocess.run(
        [sys.executable, "-c", ZERO_SECTORS, str(path)], capture_output=True, text=True, env=path_here(), timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_lost_sector_of_a_file_without_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints of 0.1.0 are read by a process of their own, which is given so many seconds and so much memory.

    The list of what is free in a local heap (HDF5 File Format Specification, III.D) goes on with its first entry: a circle.
    """
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {"step": 1})
    checkpoint.save(path, example(2), {"step": 2})
    without_digest(path)
    whole = path.read_bytes()
    for heap in re.finditer(b"HEAP", whole):
        _, first_free, data = struct.unpack_from("<QQQ", whole, heap.start() + 8)
        if first_free != 1:  # none
            at = data + first_free
            whole = whole[:at] + first_free.to_bytes(8, "little") + whole[at + 8 :]
    path.write_bytes(whole)
    loaded = checkpoint.load(path)  # on its way round libhdf5 takes ever more memory
    assert loaded.meta == {"step": 1}
    assert "it has no digest, and cannot be read: " in str(loaded.warning)
    monkeypatch.setattr(checkpoint, "PATIENCE", 0.01)  # not even Python starts in it
    loaded = checkpoint.load(path)
    assert loaded.meta == {"step": 1}
    assert "it has no digest, and HDF5 does not come to an end with it in 0.01 s" in str(loaded.warning)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(checkpoint.previous(path), example(1), {"step": 1})
    os.mkfifo(path)
    loaded = checkpoint.load(path)
    assert loaded.meta == {"step": 1}
    assert "checkpoint.h5 is damaged (it is no regular file)" in str(loaded.warning)


def test_newer_format_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "VERSION", checkpoint.VERSION + 1)
        patch.setattr(checkpoint, "__version__", "9.9")
        checkpoint.save(path, example(2), {})
    with pytest.raises(
        CheckpointError, match=r"checkpoint format 2, written by pnnkern 9\.9; this is pnnkern .* upgrade pnnkern"
    ):
        checkpoint.load(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"checkpoint.h5 does not exist, and checkpoint.prev.h5 does not exist"):
        checkpoint.load(tmp_path / "checkpoint.h5")


@pytest.mark.parametrize("room", [0, 1, 5000, 10**9])
def test_full_disk_leaves_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """The disk takes `room` bytes and no more; with plenty, the failure comes from fsync."""
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(1), {"step": 1})
    checkpoint.save(path, example(2), {"step": 2})
    before = path.read_bytes(), checkpoint.previous(path).read_bytes()
    left, write = room, os.write

    def small(handle: int, content: bytes | memoryview) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(handle, bytes(content[: min(left, 4096)]))
        left -= done
        return done

    def fsync(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "write", small)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(
        CheckpointError, match=r"cannot write the checkpoint .*(No space left|Input/output).*; the last good one is untouched"
    ):
        checkpoint.save(path, example(3), {"step": 3})
    monkeypatch.undo()
    assert (path.read_bytes(), checkpoint.previous(path).read_bytes()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.h5", "checkpoint.prev.h5"]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint .*No such file or directory; there is none yet"):
        checkpoint.save(tmp_path / "gone" / "checkpoint.h5", example(), {})


def test_stale_temporaries_are_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    checkpoint.save(path, example(), {})
    stale = tmp_path / ".checkpoint.h5.tmp12345"
    stale.write_bytes(b"half")
    (tmp_path / "notes.tmp").write_text("mine")
    assert checkpoint.clean(tmp_path) == [stale]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.h5", "notes.tmp"]


HOLD = """
import sys, pathlib
from pnnkern.experiments import checkpoint
with checkpoint.lock(pathlib.Path(sys.argv[1])):
    print('held', flush=True)
    input()
"""


def test_second_process_is_refused(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=path_here()
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(CheckpointError, match=rf"another process works in .*\(process {holder.pid} on "),
            checkpoint.lock(tmp_path),
        ):
            pass
    finally:
        holder.kill()  # as a crash would: the system lets go of the lock
        holder.communicate()
    with checkpoint.lock(tmp_path):
        pass
    with checkpoint.lock(tmp_path):  # let go at the end, too
        pass


def path_here() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")])
    }


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CheckpointError, match=r"the folder .*file cannot be written: Not a directory"),
        checkpoint.lock(tmp_path / "file"),
    ):
        pass


def test_needs_no_command_line_libraries() -> None:
    """Checkpoints, the loop and benchmarks must work where only NumPy, SciPy, Numba and h5py are."""
    code = (
        "import sys\n"
        "for name in ('pydantic', 'typer', 'rich', 'matplotlib', 'sklearn', 'tomli_w'): sys.modules[name] = None\n"
        "from pnnkern.experiments import checkpoint, bench, data, loop\n"
        "from pnnkern.experiments.bench import optics\n"
        "print(bench.names())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path_here(), check=False)
    assert done.returncode == 0, done.stderr
    assert "optics" in done.stdout
