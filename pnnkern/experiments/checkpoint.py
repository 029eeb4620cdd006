"""Checkpoints: a flat dict of arrays and a JSON description in one HDF5 file, written so that no crash can lose the last good one.

The file is made whole in a temporary beside its place, fsynced, and renamed over it; the one before stays as `NAME.prev.h5`. Its HDF5
user block holds the SHA-256 of all that follows, which is verified before libhdf5 sees a byte: some damages keep it in an endless loop.
Every array and the description carry a checksum, too. No pickle. Readable by any HDF5 program: groups `arrays/...`, attributes on the root.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .._errors import CheckpointError
from .._version import __version__
from . import files

FORMAT = "pnnkern checkpoint"
VERSION = 1  # of the layout below; a reader refuses files with a higher one
PATIENCE = 60.0  # seconds that a process may take to read a checkpoint without a digest
_BLOCK = 512  # bytes of the user block, the smallest that HDF5 has
_HDF5 = b"\x89HDF\r\n\x1a\n"  # how a file without a user block begins: checkpoints of pnnkern 0.1.0
_LIBRARIES = ("numpy", "scipy", "numba", "h5py", "pyfftw", "cupy-cuda12x", "cupy-cuda13x")


@dataclass(frozen=True)
class Checkpoint:
    """What a file held: arrays by name, the JSON description, the file it came from, and a warning if that was not the newest."""

    state: dict[str, np.ndarray]
    meta: dict[str, Any]
    path: Path
    warning: str | None = None


def versions() -> dict[str, str]:
    """Versions that decide whether a resumed run repeats to the bit: Python, pnnkern and the numerical libraries."""
    found = {"python": platform.python_version(), "pnnkern": __version__}
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def previous(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept: `checkpoint.prev.h5` for `checkpoint.h5`."""
    return path.with_name(f"{path.stem}.prev{path.suffix}")


# ----------------------------------------------------------------------------------------------------------------------- write
def save(path: Path, state: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Write a checkpoint; the one at `path`, if any, becomes the previous one.

    state : NumPy arrays by name ("parameters/phase"). meta : anything JSON can say.
    Raises `CheckpointError` when the folder cannot be written or is full; the checkpoints already there then stay as they are.
    """
    image = _encode(state, meta)
    made = files.temporary(path)
    try:
        files.write_synced(made, image)
        if path.exists():
            os.replace(path, previous(path))
        os.replace(made, path)
        files.sync_folder(path.parent)
    except OSError as error:
        files.remove(made)
        kept = "the last good one is untouched" if path.exists() or previous(path).exists() else "there is none yet"
        raise CheckpointError(f"cannot write the checkpoint {path}: {error.strerror or error}; {kept}") from error


def _encode(state: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> memoryview:
    """The whole file in memory, so that a full disk is an ordinary error of `write` and never one inside the HDF5 library."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_BLOCK) as file:
        manifest = {}
        for name, value in state.items():
            array = np.asarray(value, order="C")
            file[f"arrays/{name}"] = array
            manifest[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": zlib.crc32(array.data)}
        description = json.dumps({"meta": dict(meta), "arrays": manifest, "versions": versions()}, sort_keys=True)
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["written_by"] = f"pnnkern {__version__}"
        file.attrs["description_crc32"] = zlib.crc32(description.encode())
        file["description"] = description  # a data set: attributes end at 64 KiB
    image = buffer.getbuffer()
    image[:_BLOCK] = _block(image[_BLOCK:])
    return image


def _block(rest: memoryview) -> bytes:
    """The user block of a file that goes on with `rest`."""
    return f"{FORMAT}; SHA-256 of the bytes from {_BLOCK} on: {hashlib.sha256(rest).hexdigest()}\n".encode().ljust(_BLOCK, b"\0")


# ------------------------------------------------------------------------------------------------------------------------ read
class _Damaged(Exception):
    """This file cannot be used, the one before may."""


def load(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`, or the one before it if that is damaged or missing (`Checkpoint.warning` then says so).

    Those of pnnkern 0.1.0 carry no digest: a process of its own reads such a file first, and where that takes more than `PATIENCE` seconds
    or crashes, it counts as damaged. Raises `CheckpointError` when there is none, neither is whole, or it was written by a newer pnnkern.
    """
    problems: list[str] = []
    for candidate in (path, previous(path)):
        if not candidate.exists():
            problems.append(f"{candidate.name} does not exist")
            continue
        try:
            state, meta = _decode(candidate)
        except _Damaged as error:
            problems.append(f"{candidate.name} is damaged ({error})")
            continue
        warning = f"{problems[0]}; going on from the one before it, {candidate.name}" if problems else None
        return Checkpoint(state, meta, candidate, warning)
    raise CheckpointError(f"no usable checkpoint in {path.parent}: {', and '.join(problems)}")


def _decode(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.is_file():
        raise _Damaged("it is no regular file")  # a pipe would be waited for
    try:
        image = path.read_bytes()
    except OSError as error:
        raise _Damaged(error.strerror) from error
    if image.startswith(_HDF5):
        _try_out(image)
    elif image[:_BLOCK] != _block(memoryview(image)[_BLOCK:]):
        raise _Damaged("its digest is wrong")
    return _parse(image, path)


def _try_out(image: bytes) -> None:
    """Let another process read a file without a digest, so that what is damaged in it can neither hang nor crash this one."""
    program = (
        "import pathlib, sys\n"
        "from pnnkern._errors import CheckpointError\n"
        "from pnnkern.experiments import checkpoint\n"
        "try: checkpoint._parse(sys.stdin.buffer.read(), pathlib.Path())\n"
        "except (checkpoint._Damaged, CheckpointError): pass\n"  # the process that asked will say it
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], input=image, env=environment, timeout=PATIENCE, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _Damaged(f"it has no digest, and HDF5 does not come to an end with it in {PATIENCE:g} s") from error
    if done.returncode:
        raise _Damaged(f"it has no digest, and a process that read it ended with exit code {done.returncode}")


def _parse(image: bytes, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description in the bytes of a file; `path` is for messages."""
    try:
        with h5py.File(io.BytesIO(image), "r") as file:
            if file.attrs["format"] != FORMAT:
                raise _Damaged("it is another kind of file")
            version = int(file.attrs["format_version"])
            if version > VERSION:
                raise CheckpointError(
                    f"{path} has checkpoint format {version}, written by {file.attrs['written_by']}; this is pnnkern {__version__}, which "
                    f"reads formats up to {VERSION}: upgrade pnnkern"
                )
            text = file["description"][()]
            if zlib.crc32(text) != file.attrs["description_crc32"]:
                raise _Damaged("the checksum of its description is wrong")
            description = json.loads(text)
            state = {}
            for name, expected in description["arrays"].items():
                array = np.asarray(file[f"arrays/{name}"][()], order="C")
                if {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": zlib.crc32(array.data)} != expected:
                    raise _Damaged(f"the checksum of {name} is wrong")
                state[name] = array
            return state, description["meta"]
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise _Damaged(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def set_aside(path: Path) -> Path:
    """Rename a damaged newest checkpoint, so that the next `save` does not put it in the place of the good previous one."""
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    os.replace(path, aside)
    return aside


def clean(folder: Path) -> list[Path]:
    """Remove what killed processes left half written in `folder`; the caller holds its lock. Returns what was removed."""
    stale = [p for p in folder.glob(".*.tmp*") if p.is_file()]
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


# ------------------------------------------------------------------------------------------------------------------------ lock
def _flock(handle: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError as error:
        raise CheckpointError("runs need file locks, which this system does not have: use Linux or macOS, on Windows WSL") from error
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go when it dies. Raises `CheckpointError` if another process holds it, and where
    there are no such locks (Windows)."""
    path = folder / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise CheckpointError(f"the folder {folder} cannot be written: {error.strerror}") from error
    try:
        try:
            _flock(handle)
        except BlockingIOError as error:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "unknown"
            raise CheckpointError(f"another process works in {folder} ({holder}): wait for it, or stop it first") from error
        except OSError as error:
            warnings.warn(f"{folder} cannot be locked ({error.strerror}): do not start a second process there", stacklevel=2)
        with contextlib.suppress(OSError):  # a note for the message above, no more
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {platform.node()}".encode(), 0)
        yield
    finally:
        os.close(handle)
