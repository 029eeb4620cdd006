"""Checkpoints of somebody who means harm: ``python scripts/fuzz_checkpoints.py [CASES [SEED [OUT.json]]]``, about 6 000 cases a minute.

Each case is a folder with a file in the place of a checkpoint, drawn from the seed and the number of the case: a whole one that is damaged, one
whose digests were then made anew, one that describes what is not there, HDF5 of version 0.1.0 with links, other files, packed, chunked and
virtual data, things that are no file, and runs that say strange things of themselves. Reading it must come to an end within `SECONDS` and
`MEMORY`, open nothing outside of the folder, and give what lies in the file or a `CheckpointError` in one line. The first that does not ends
this with its number; counts of what came out are printed, and written to OUT.json with what they were counted on.
"""

import collections
import datetime
import functools
import hashlib
import io
import json
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pnnkern._errors import CheckpointError
from pnnkern.experiments import checkpoint, compare, export, machine, recipe, saved

SECONDS = 20.0  # for one case on a busy machine; reading files of version 0.1.0 may take as long
MEMORY = 256 << 20  # bytes by which the process may grow in all cases together
OLD_EVERY = 500  # cases; each starts a Python
RECIPE = ("d2nn-digits", ("system.layers=2", "system.size=8", "system.input_size=7", "system.detector_size=1",
                         "training.epochs=3"))  # fmt: skip
ODD = (
    None, True, -1, 0, 1, 7, 2**31, 2**62, 2**64, 10**400, 0.5, -0.0, float("nan"), float("inf"), "", "x", "\x1b[2J", "../../x", "/etc/passwd",
    "\0", "\ud800", "<script>", "a" * 5000, [], {}, [[]], [2**62], [0, 2**62], [-1], [1, 1], {"a": {}}, "<f8", "|O", "<f4,<f4", "|V8", "|b1",
)  # fmt: skip


class _TooSlow(BaseException):
    """No `Exception`, so that nothing takes it for a damage."""


@functools.cache
def _recipe() -> recipe.Recipe:
    return recipe.find(*RECIPE)


@functools.cache
def _config() -> str:
    return _recipe().dumps()


def state() -> dict[str, np.ndarray]:
    """A state as that of a run of `RECIPE` after two steps."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        "progress/step": np.array(2), "progress/loss": rng.random(2), "progress/accuracy": rng.random(2),
        "progress/evaluations": np.zeros((0, 2)), "parameters/phase": rng.random((2, 8, 8)).astype(np.float32),
        "optimizer/step": np.array([2]),
    }  # fmt: skip
    return arrays | {f"optimizer/phase.{m}": rng.random((2, 8, 8)).astype(np.float32) for m in ("first", "second")}


@functools.cache
def _whole() -> bytes:
    return bytes(checkpoint._encode(state(), meta()))


def meta() -> dict[str, Any]:
    """What a run of `RECIPE` says of itself."""
    told = {"test_accuracy": 0.5, "seconds": 1.0, "how": "somehow"}
    config = _recipe().table()
    return {
        "config": config, "data": "0" * 64, "source": "here", "seconds": 1.5, "environment": {"numpy": "2"}, "passes_per_epoch": 9,
        "outputs": 4, "control": told,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- today's form
def parts(image: bytes) -> tuple[int, int, dict[str, Any]]:
    """Where the description of a whole file lies, and what it says."""
    length, at = (int(word) for word in image[:512].split(b"\n")[1].split()[1::3])
    return at, length, json.loads(image[at : at + length])


def sealed(image: bytes, at: int, length: int) -> bytes:
    """The same file with the right digest."""
    return checkpoint._block(at, length, [image[512:]]) + image[512:]


def described(image: bytes, description: Any) -> bytes:
    """The same file with another description, at its end."""
    text = description if isinstance(description, bytes) else json.dumps(description).encode("utf-8", "surrogatepass")
    return sealed(image + text, len(image), len(text))


def damaged(image: bytes, rng: np.random.Generator) -> bytes:
    """Flipped bytes, a lost or a repeated piece, a piece of zeros, or an end too soon."""
    at, n = int(rng.integers(len(image))), int(rng.integers(1, 600))
    how = rng.integers(5)
    if how == 0:
        return image[:at]
    if how == 1:
        return image[:at] + bytes(len(image[at : at + n])) + image[at + n :]
    if how == 2:
        return image[:at] + image[at + n :]
    if how == 3:
        return image[:at] + image[at : at + n] + image[at:]
    flipped = bytearray(image)
    for where in rng.integers(0, len(image), int(rng.integers(1, 4))):
        flipped[where] ^= int(rng.integers(1, 256))
    return bytes(flipped)


def odd(value: Any, rng: np.random.Generator) -> Any:
    """A nested value in which one thing is another."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = list(value)[rng.integers(len(value))]
        changed = dict(value)
        if rng.random() < 0.1:
            del changed[key]
        elif rng.random() < 0.1:
            changed[str(ODD[rng.integers(len(ODD))])[:50]] = changed.pop(key)
        else:
            changed[key] = odd(value[key], rng)
        return changed
    if isinstance(value, list) and value and rng.random() < 0.5:
        at = int(rng.integers(len(value)))
        return [*value[:at], odd(value[at], rng), *value[at + 1 :]]
    return ODD[rng.integers(len(ODD))]


def hostile_description(image: bytes, rng: np.random.Generator) -> bytes:
    """Sizes, places, types and names that are not those of the file, under the right digest."""
    at, length, description = parts(image)
    how = rng.integers(6)
    if how == 0:  # the same bytes many times over
        name = "optimizer/phase.first"
        for i in range(int(rng.integers(50, 5000))):
            for what in ("arrays", "places"):
                description[what][f"a{i}"] = description[what][name]
    elif how == 1:
        depth = int(rng.integers(500, 200_000))
        return described(image, b'{"meta": ' + b"[" * depth + b"]" * depth + b"}")
    elif how == 2:
        return sealed(image, *(int(n) for n in rng.choice([0, 1, at, length, len(image), 2**40, 10**17], 2)))
    elif how == 3:
        return described(image, damaged(json.dumps(description).encode(), rng))
    else:
        for _ in range(int(rng.integers(1, 4))):
            description = odd(description, rng)
    return described(image, description)


# ---------------------------------------------------------------------------------------------------------- version 0.1.0
def old(arrays: dict[str, np.ndarray], about: dict[str, Any], change: Callable[[h5py.File], None] = lambda file: None) -> bytes:
    """A file of version 0.1.0 with a change to it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        manifest = {}
        for name, array in arrays.items():
            file[f"arrays/{name}"] = array
            manifest[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": checkpoint.zlib.crc32(array.tobytes())}
        text = json.dumps({"meta": about, "arrays": manifest})
        file.attrs.update({"format": checkpoint.FORMAT, "format_version": 1, "description_crc32": checkpoint.zlib.crc32(text.encode())})
        file["description"] = text
        change(file)
    return buffer.getvalue()


PHASE = "arrays/parameters/phase"


def _instead(path: str, make: Callable[[h5py.File], Any], **options: Any) -> Callable[[h5py.File], None]:
    """A change that puts something into the place of a data set."""

    def change(file: h5py.File) -> None:
        del file[path]
        made = make(file)
        if made is not None:
            file[path] = made

    return change


def _data_set(**options: Any) -> Callable[[h5py.File], None]:
    return _instead(PHASE, lambda file: file.create_dataset(PHASE, **options) and None)


def victim() -> None:
    """What lies outside is what is wanted inside, so that no checksum tells."""
    with h5py.File(VICTIM, "w") as file:
        file["x"] = file["phase"] = state()["parameters/phase"]


def _external(file: h5py.File) -> None:
    with h5py.File(VICTIM) as outside:
        at = outside["x"].id.get_offset()
    file.create_dataset(PHASE, shape=(2, 8, 8), dtype="f4", external=[(str(VICTIM), at, 512)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 8, 8), np.float32)
    layout[:] = h5py.VirtualSource(str(VICTIM), "x", (2, 8, 8))
    file.create_virtual_dataset(PHASE, layout)


FAST = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
VICTIM = Path(FAST) / f"pnnkern-fuzz-{os.getpid()}" / "victim"  # what nothing may read or write
OLD: dict[str, Callable[[h5py.File], None]] = {
    "unchanged": lambda file: None,
    "chunks that are not there": _data_set(shape=(1 << 10, 1 << 10, 1 << 10), dtype="f4", chunks=(1, 1 << 10, 1 << 10)),
    "contiguous and not there": _data_set(shape=(1 << 30,), dtype="f4"),
    "a fill value": _data_set(shape=(1 << 30,), dtype="f4", fillvalue=3.0),
    "packed": _data_set(data=state()["parameters/phase"], compression="gzip"),
    "shuffled": _data_set(data=state()["parameters/phase"], shuffle=True, chunks=True),
    "chunks": _data_set(data=state()["parameters/phase"], chunks=True),
    "external raw storage": _instead(PHASE, _external),
    "a virtual data set": _instead(PHASE, _virtual),
    "a soft link": lambda file: file.move(PHASE, "x") or file.__setitem__(PHASE, h5py.SoftLink("/x")),
    "an external link": _instead(PHASE, lambda file: h5py.ExternalLink(str(VICTIM), "/x")),
    "a group that is an external link": _instead("arrays/parameters", lambda file: h5py.ExternalLink(str(VICTIM), "/")),
    "a description that is an external link": _instead("description", lambda file: h5py.ExternalLink(str(VICTIM), "/x")),
    "references": _instead(PHASE, lambda file: file.create_dataset(PHASE, data=[file.ref] * 3, dtype=h5py.ref_dtype) and None),
    "regions": _data_set(shape=(3,), dtype=h5py.regionref_dtype),
    "lists of any length": _data_set(shape=(3,), dtype=h5py.vlen_dtype(np.float32)),
    "texts": _data_set(shape=(3,), dtype=h5py.string_dtype()),
    "a compound": _data_set(shape=(3,), dtype=np.dtype([("a", "f4"), ("b", "f4")])),
    "opaque bytes": _data_set(shape=(3,), dtype="V8"),
    "a group": _instead(PHASE, lambda file: file.create_group(PHASE) and None),
    "a named type": _instead(PHASE, lambda file: np.dtype("f8")),
    "many objects": lambda file: [file.create_group(f"many/{i}") for i in range(500)] and None,
    "a large attribute": lambda file: file.attrs.__setitem__("format", np.zeros(8000)),
    "an attribute of another kind": lambda file: file.attrs.__setitem__("format_version", "9" * 5000),
    "descriptions": _instead("description", lambda file: ["{}"] * 5),
    "no description": lambda file: file.__delitem__("description"),
    "a description of numbers": _instead("description", lambda file: np.zeros((2, 2))),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------ cases
def case(folder: Path, rng: np.random.Generator, number: int) -> tuple[str, bytes | None]:
    """Make case `number` in an empty folder; returns its kind, and what alone may be read if it is known."""
    path, arrays, about = folder / saved.CHECKPOINT, state(), meta()
    if number % OLD_EVERY == 0:
        what = list(OLD)[number // OLD_EVERY % len(OLD)]
        image = old(arrays, about, OLD[what])
        if number // OLD_EVERY % 3 == 1:
            head = f"pnnkern checkpoint; SHA-256 of the bytes from 512 on: {hashlib.sha256(image).hexdigest()}\n"
            image = head.encode().ljust(512, b"\0") + image
        path.write_bytes(damaged(image, rng) if number // OLD_EVERY % 5 == 4 else image)
        return f"0.1.0: {what}", None
    how = rng.random()
    if how < 0.03:
        _no_file(path, rng)
        return "no file", b""
    if how < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            part = odd({key: value for key, value in about.items() if key != "config"}, rng)
            about = part | {"config": about["config"]} if isinstance(part, dict) else about
        kind = "strange words"
    elif how < 0.4:
        for _ in range(int(rng.integers(1, 3))):
            name = list(arrays)[rng.integers(len(arrays))]
            other = list(arrays.values())[rng.integers(len(arrays))]
            arrays[name] = (other, other.ravel(), other[None], other.astype(complex), -other, other.real.astype(">f8"))[rng.integers(6)]
        kind = "strange arrays"
    else:
        kind = "damage"
    whole = image = _whole() if how >= 0.4 else bytes(checkpoint._encode(arrays, about))
    if how >= 0.4:
        if how < 0.6:
            image = damaged(image, rng)
        elif how < 0.75:
            at, length, _ = parts(image)
            hurt = damaged(image[512:], rng)
            image, kind = sealed(bytes(512) + hurt, at, length), "damage, sealed"
        elif how < 0.8:
            image, kind = damaged(image[:200], rng) + image[200:], "damage of the head"
        else:
            image, kind = hostile_description(image, rng), "strange description"
    path.write_bytes(image)
    return kind, whole if kind in ("damage", "damage of the head") else None


def _no_file(path: Path, rng: np.random.Generator) -> None:
    how = rng.integers(5)
    if how == 0:
        path.symlink_to(VICTIM)
    elif how == 1:
        path.symlink_to("/dev/zero")
    elif how == 2:
        os.mkfifo(path)
    elif how == 3:
        path.mkdir()
    else:
        with open(path, "wb") as file:
            file.truncate(1 << int(rng.integers(36, 43)))


def read(folder: Path) -> str:
    """What becomes of a case. Raises AssertionError for what must not."""
    try:
        found = checkpoint.load(folder / saved.CHECKPOINT)
        size = (folder / saved.CHECKPOINT).stat().st_size
        held = sum(array.nbytes for array in found.state.values())
        assert held <= size, f"{held} bytes out of {size}"
        assert all(array.dtype.kind in "biufc" for array in found.state.values())
        saved.read(folder)
        compare.collect([folder])
        export.write(folder, "phase", folder / "phase.npy")
    except (CheckpointError, recipe.RecipeError) as error:  # the latter by the export of what is no mask
        message = str(error)
    else:
        return "read"
    assert len(message.splitlines()) == 1, message
    assert "no memory" not in message, message
    return "refused"


_opened: list[str] = []
_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "open" and isinstance(arguments[0], str | bytes):
        _opened.append(os.fsdecode(arguments[0]))


def _late(number: int, frame: Any) -> None:
    raise _TooSlow


def fuzz(count: int, seed: int = 0) -> dict[str, Any]:
    """Read `count` cases. Returns {"outcomes": {kind: {outcome: count}}, "slowest", "seconds", "grown"}; seconds and bytes."""
    global _watching
    sys.addaudithook(_watch)
    before = signal.signal(signal.SIGALRM, _late)
    work = VICTIM.parent
    work.mkdir(mode=0o700)
    victim()
    secret = VICTIM.read_bytes()
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    slowest, began = 0.0, time.monotonic()
    checkpoint.PATIENCE = SECONDS
    warm = _folder(work, 0, np.random.default_rng(0))[0]
    (warm / saved.CHECKPOINT).write_bytes(_whole())
    assert read(warm) == "read"  # what is imported on the way is neither a file of somebody else nor growth
    shutil.rmtree(warm)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        for number in range(count):
            folder, kind, whole = _folder(work, number, np.random.default_rng([seed, number]))
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, SECONDS + 1)
            _opened.clear()
            _watching = True
            try:
                outcome = read(folder)
                assert outcome == "refused" or whole in (None, (folder / saved.CHECKPOINT).read_bytes()), "damage was taken for whole"
            except BaseException:
                print(f"case {number} of seed {seed} ({kind}), kept in {folder}:", file=sys.stderr)
                raise
            finally:
                _watching = False
                signal.setitimer(signal.ITIMER_REAL, 0)
            outcomes[kind][outcome] += 1
            slowest = max(slowest, time.monotonic() - start)
            strangers = [p for p in _opened if not p.startswith((str(folder), "/dev/null", "/proc/self"))]
            assert not strangers, f"case {number} of seed {seed} ({kind}) opened {strangers}"
            assert VICTIM.read_bytes() == secret, f"case {number} of seed {seed} ({kind})"
            shutil.rmtree(folder)
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown)
        assert grown < MEMORY, f"the process has grown by {grown} bytes"
        shutil.rmtree(work)
    finally:
        signal.signal(signal.SIGALRM, before)
    counts = {kind: dict(sorted(counted.items())) for kind, counted in sorted(outcomes.items())}
    return {"outcomes": counts, "slowest": round(slowest, 3), "seconds": round(time.monotonic() - began, 1), "grown": grown}


def _folder(work: Path, number: int, rng: np.random.Generator) -> tuple[Path, str, bytes | None]:
    folder = work / f"case{number}"
    folder.mkdir()
    (folder / saved.CONFIG).write_text(_config())
    return folder, *case(folder, rng, number)


def main(arguments: list[str]) -> None:
    count, seed = (int(word) for word in [*arguments[:2], *("3000", "0")[len(arguments[:2]) :]])
    found = fuzz(count, seed)
    record = {
        "what": "files in the place of checkpoints that mean harm: counts of what became of them, by kind; slowest in s, grown in bytes",
        "command": f"python scripts/fuzz_checkpoints.py {count} {seed}",
        "date": datetime.date.today().isoformat(),
        "machine": f"{machine.processor()}, {platform.system()}",
        "versions": checkpoint.versions() | {"hdf5": h5py.version.hdf5_version},
        "cases": count,
        **found,
    }
    text = json.dumps(record, indent=1)
    print(text)
    if len(arguments) > 2:
        Path(arguments[2]).write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
