"""Checkpoints: a flat dict of arrays and a JSON description in one HDF5 file, written so that no crash can lose the last good one.

The file is made whole in a temporary beside its place, fsynced, and renamed over it; the one before stays as `NAME.prev.h5`. Readable by any
HDF5 program: groups `arrays/...`, `description`, attributes on the root. Arrays lie in it as they are, contiguous and unpacked, and the
description says where. So no more of HDF5 than its user block (see `_block`) is needed here: libhdf5, which some files keep in an endless loop
and others make allocate what a header says, does not see them. No pickle. A digest is held against all that follows before it is used, and
each array has a checksum; neither protects against somebody who computes them anew, so nothing that is read is taken to be well meant.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import io
import json
import math
import os
import platform
import re
import stat
import subprocess
import sys
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
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
PATIENCE = 60.0  # seconds that a process may take to read a checkpoint of pnnkern 0.1.0
_BLOCK = 512  # bytes of the user block, the smallest that HDF5 has
_HEAD = f"{FORMAT}; SHA-256 of the line below and of all bytes from {_BLOCK} on: "
_KINDS = "biufc"  # of numbers, as NumPy names them
_LONGEST = 1 << 24  # bytes of a description; the objects that JSON makes of them take some twenty times as many
_LARGEST_OLD = 1 << 30  # bytes of a file of pnnkern 0.1.0, which said nothing of where its arrays lie
_GLANCE = 0.2  # seconds for which a lock may be held by somebody who only looks whether it is
_SPARE = 1 << 30  # bytes of addresses that Python and its libraries take before there is anything to read
_HDF5 = b"\x89HDF\r\n\x1a\n"  # how a file without a user block begins
_LIBRARIES = ("numpy", "scipy", "numba", "h5py", "pyfftw", "mkl_fft", "mkl", "cupy-cuda12x", "cupy-cuda13x")


class Locked(CheckpointError):
    """Another process works in a folder; `holder` says which, as far as is known."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(f"another process works in {folder} ({holder}): wait for it, or stop it first")
        self.folder, self.holder = folder, holder


@dataclass(frozen=True)
class Checkpoint:
    """What a file held: arrays by name, the JSON description, the file it came from, and a warning if that was not the newest."""

    state: dict[str, np.ndarray]
    meta: dict[str, Any]
    path: Path
    warning: str | None = None


@functools.cache
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
        if os.path.lexists(path):
            os.replace(path, previous(path))
        os.replace(made, path)
        files.sync_folder(path.parent)
    except OSError as error:
        kept = "the last good one is untouched" if path.exists() or previous(path).exists() else "there is none yet"
        raise CheckpointError(f"cannot write the checkpoint {path}: {error.strerror or error}; {kept}") from error
    finally:
        files.remove(made)


def _encode(state: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> memoryview:
    """The whole file in memory, so that a full disk is an ordinary error of `write` and never one inside the HDF5 library."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_BLOCK) as file:
        manifest, places = {}, {}
        for name, value in state.items():
            array = np.asarray(value, order="C")
            if array.dtype.kind not in _KINDS or not _is_name(name):
                raise ValueError(f"a checkpoint holds numbers under printable names, got {array.dtype} {name!r}")
            held = file.create_dataset(f"arrays/{name}", data=array)
            manifest[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": zlib.crc32(array.data)}
            places[name] = held.id.get_offset() if array.size else 0
        known = {"format_version": VERSION, "written_by": f"pnnkern {__version__}"}
        description = json.dumps(
            {"meta": dict(meta), "arrays": manifest, "places": places, "versions": versions(), **known}, sort_keys=True
        ).encode()
        if len(description) > _LONGEST:
            raise CheckpointError(f"the description of a checkpoint has at most {_LONGEST} bytes, got {len(description)}")
        file.attrs.update({"format": FORMAT, "description_crc32": zlib.crc32(description), **known})
        file["description"] = np.bytes_(description)  # a data set: attributes end at 64 KiB
        at = file["description"].id.get_offset()
    image = buffer.getbuffer()
    image[:_BLOCK] = _block(at, len(description), [image[_BLOCK:]])
    return image


def _block(at: int, length: int, rest: Iterable[bytes | memoryview]) -> bytes:
    """The user block of a file whose description is `length` bytes from `at` on, and that goes on with `rest`."""
    place = f"description: {length} bytes from {at} on\n".encode()
    digest = hashlib.sha256(place)
    for piece in rest:
        digest.update(piece)
    return f"{_HEAD}{digest.hexdigest()}\n".encode() + place.ljust(_BLOCK - len(_HEAD) - 65, b"\0")


# ------------------------------------------------------------------------------------------------------------------------ read
class _Damaged(Exception):
    """This file cannot be used, the one before may."""


_ODD = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError)  # what odd content leads to


def load(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`, or the one before it if that is damaged or missing (`Checkpoint.warning` then says so).

    A damaged one is whatever `save` did not write. One of pnnkern 0.1.0 does not say where its arrays lie: a process of its own, with little
    memory and `PATIENCE` seconds, writes it anew in today's form. Raises `CheckpointError` when there is none, neither is whole, or it was
    written by a newer pnnkern.
    """
    problems: list[str] = []
    for candidate in (path, previous(path)):
        if not os.path.lexists(candidate):
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
    try:
        with open(path, "rb", opener=files.opener) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _memory() // 2:
                raise _Damaged(f"it has {size} bytes, more than half the memory of this machine")
            head = file.read(len(_HEAD))
            if head == _HEAD.encode():
                return _read(file, size, path)
            if not head.startswith((_HDF5, FORMAT.encode())):
                raise _Damaged("its digest is wrong")
            today = _old(file.fileno(), size)
            return _read(io.BytesIO(today), len(today), path)
    except CheckpointError:
        raise
    except OSError as error:
        raise _Damaged(error.strerror or str(error)) from error
    except MemoryError as error:
        raise CheckpointError(f"there is no memory for the {size} bytes of {path}") from error
    except _ODD as error:
        raise _Damaged(f"its description is none: {_line(str(error))}") from error


def _line(text: str) -> str:
    """The beginning of a text that may be anything, without what moves a terminal's cursor."""
    return "".join(c for c in text[:200] if c.isprintable())


def _memory() -> int:
    """Bytes of memory of this machine: what is made whole there is never larger."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 62


def _read(file: io.BufferedIOBase, size: int, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a file of `size` bytes; nothing is allocated that does not lie in it. `path` is for messages."""
    description = _description(file, path)
    state, left = {}, size - _BLOCK
    for name, entry in description["arrays"].items():
        dtype, shape = _dtype(entry["dtype"]), entry["shape"]
        if not _is_name(name) or not all(type(n) is int and n >= 0 for n in shape):
            raise _Damaged("its description is none")
        bytes_ = math.prod(shape) * dtype.itemsize
        left -= bytes_
        if left < 0:
            raise _Damaged("it describes more than it holds")
        piece = _piece(file, description["places"][name], bytes_)
        if zlib.crc32(piece) != entry["crc32"]:
            raise _Damaged(f"the checksum of {name} is wrong")
        state[name] = np.frombuffer(piece, dtype).reshape(shape)
    meta = description["meta"]
    if not isinstance(meta, dict):
        raise _Damaged("its description is none")
    return state, meta


def describe(path: Path, file: Any) -> dict[str, Any]:
    """What a checkpoint says of itself, of which the digest is right, without its arrays. Raises `CheckpointError` in one line."""
    try:
        return _description(file, path)
    except (_Damaged, *_ODD) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is a damaged checkpoint: {_line(str(error))}") from error


def begins(head: bytes) -> bool:
    """Whether a file with these first bytes is a checkpoint, or was one; those of pnnkern 0.1.0 begin as any HDF5 file."""
    return head.startswith(_HEAD.encode())


def _description(file: io.BufferedIOBase, path: Path) -> dict[str, Any]:
    """The description in a file, once its digest is found to be right."""
    file.seek(0)
    head = file.read(_BLOCK)
    found = re.fullmatch(rb"[^\n]*\ndescription: (\d{1,18}) bytes from (\d{1,18}) on\n\0*", head)
    if not found:
        raise _Damaged("its digest is wrong")
    length, at = (int(number) for number in found.groups())
    if head != _block(at, length, iter(lambda: file.read(1 << 20), b"")):
        raise _Damaged("its digest is wrong")
    if length > _LONGEST:
        raise _Damaged(f"its description has more than {_LONGEST} bytes")
    description = json.loads(_piece(file, at, length).decode())
    version, writer = description["format_version"], description["written_by"]
    if version > VERSION:
        raise CheckpointError(
            f"{path} has checkpoint format {version}, written by {_line(str(writer))}; this is pnnkern {__version__}, which reads formats up "
            f"to {VERSION}: upgrade pnnkern"
        )
    if not isinstance(description["arrays"], dict) or not isinstance(description["meta"], dict):
        raise _Damaged("its description is none")
    return dict(description)


def _piece(file: io.BufferedIOBase, at: int, length: int) -> bytearray:
    """So many bytes of a file."""
    file.seek(at)
    piece = bytearray(length)
    if file.readinto(piece) != length:
        raise _Damaged("it describes more than it holds")
    return piece


def dtype_of(text: str) -> np.dtype[Any]:
    """The dtype that a description names. Raises ValueError for none of numbers."""
    try:
        return _dtype(text)
    except (_Damaged, TypeError) as error:
        raise ValueError(f"{text!r:.40} is no dtype of numbers") from error


def _dtype(text: str) -> np.dtype[Any]:
    if not re.fullmatch(rf"[<>|][{_KINDS}][0-9]{{1,2}}", text):
        raise _Damaged("its description is none")
    return np.dtype(text)


def _is_name(name: str) -> bool:
    """True for what can be the path of a data set under any system."""
    return name.isprintable() and len(name) <= 1000 and not {"", ".", ".."} & {*name.split("/")}


# ------------------------------------------------------------------------------------------------- files of pnnkern 0.1.0
def _old(handle: int, size: int) -> bytes:
    """A file that does not say where its arrays lie, written anew in today's form by another process, which may neither hang nor grow."""
    if size > _LARGEST_OLD:
        raise _Damaged(f"it has no digest, and {size} bytes, more than {_LARGEST_OLD}")
    os.lseek(handle, 0, os.SEEK_SET)
    program = "from pnnkern.experiments import checkpoint; checkpoint._convert()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], stdin=handle, env=environment, timeout=PATIENCE, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _Damaged(f"it has no digest, and HDF5 does not come to an end with it in {PATIENCE:g} s") from error
    if done.returncode:
        said = _line(done.stderr.decode(errors="replace").rstrip().rpartition("\n")[2])
        raise _Damaged(f"it has no digest, and cannot be read: {said or f'the process that did ended with {done.returncode}'}")
    return done.stdout


def _convert() -> None:
    """An old file from standard input, in today's form to standard output; all that this process is for."""
    image = sys.stdin.buffer.read(_LARGEST_OLD)
    with contextlib.suppress(ModuleNotFoundError, ValueError, OSError):  # Windows; macOS knows no such limit. `_plain` is the first bound
        import resource

        most = _SPARE + 8 * len(image)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        written = _encode(*_parse(image))
    except (_Damaged, *_ODD) as error:
        sys.exit(str(error) or type(error).__name__)
    sys.stdout.buffer.write(written)


def _parse(image: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of an old file. One that has a digest, of versions between 0.1.0 and this, keeps it."""
    digest = f"{FORMAT}; SHA-256 of the bytes from {_BLOCK} on: {hashlib.sha256(image[_BLOCK:]).hexdigest()}\n".encode()
    if not image.startswith(_HDF5) and image[:_BLOCK] != digest.ljust(_BLOCK, b"\0"):
        raise _Damaged("its digest is wrong")
    with h5py.File(io.BytesIO(image), "r") as file:
        if file.attrs["format"] != FORMAT or int(file.attrs["format_version"]) != 1:
            raise _Damaged("it is another kind of file")
        text = _plain(file, "description", len(image))
        if zlib.crc32(text) != file.attrs["description_crc32"]:
            raise _Damaged("the checksum of its description is wrong")
        description, state = json.loads(text), {}
        for name, expected in description["arrays"].items():
            array = np.asarray(_plain(file, f"arrays/{name}", len(image)), order="C")
            if {"dtype": array.dtype.str, "shape": list(array.shape), "crc32": zlib.crc32(array.data)} != expected:
                raise _Damaged(f"the checksum of {name} is wrong")
            state[name] = array
        return state, description["meta"]


def _plain(file: h5py.File, path: str, size: int) -> Any:
    """A data set that lies in a file of `size` bytes as `save` put it there: no link, no other file, nothing packed, nothing that refers."""
    held = file
    for part in path.split("/"):
        if not isinstance(held.get(part, getlink=True), h5py.HardLink):
            raise _Damaged(f"{path} is missing, or a link")
        held = held[part]
    if not isinstance(held, h5py.Dataset):
        raise _Damaged(f"{path} is no data set")
    made = held.id.get_create_plist()
    text = path == "description" and held.shape == () and h5py.check_string_dtype(held.dtype) is not None
    if (
        made.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) or made.get_nfilters() or made.get_external_count()
        or not (text or held.dtype.kind in _KINDS) or not held.nbytes <= held.id.get_storage_size() <= size
    ):  # fmt: skip
        raise _Damaged(f"{path} does not lie in it as a plain array")
    return held[()]


def set_aside(path: Path) -> Path:
    """Rename a damaged newest checkpoint, so that the next `save` does not put it in the place of the good previous one."""
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        os.replace(path, aside)
    except OSError as error:
        raise CheckpointError(f"the damaged {path} cannot be renamed to {aside.name} ({error.strerror}): remove one of them") from error
    return aside


def clean(folder: Path) -> list[Path]:
    """Remove what killed processes of ours left half written in `folder`; the caller holds its lock. Returns what was removed."""
    ours = re.compile(r"\.(checkpoint\.h5|config\.toml|error\.json|result\.json)\.tmp[0-9a-f]+")
    stale = [p for p in folder.iterdir() if ours.fullmatch(p.name) and stat.S_ISREG(p.lstat().st_mode)]
    for path in stale:
        files.remove(path)
    return stale


# ------------------------------------------------------------------------------------------------------------------------ lock
def _flock(handle: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError as error:
        raise CheckpointError("runs need file locks, which this system does not have: use Linux or macOS, on Windows WSL") from error
    end = time.monotonic() + _GLANCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)


def holder(folder: Path) -> str:
    """Which process works in a folder; "" if none does, or if nothing can be known of it (a folder without locks)."""
    try:
        handle = files.opener(folder / ".lock", os.O_RDONLY)
    except OSError:
        return ""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(handle)
    except (ModuleNotFoundError, OSError):
        return ""
    finally:
        os.close(handle)
    return ""


def _noted(handle: int) -> str:
    return _line(os.pread(handle, 200, 0).decode(errors="replace").strip()) or "unknown"


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go when it dies. Raises `CheckpointError` if another process holds it, and where
    there are no such locks (Windows)."""
    path = folder / ".lock"
    try:
        handle = files.opener(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise CheckpointError(f"the folder {folder} cannot be written: {error.strerror} ({path.name})") from error
    try:
        try:
            _flock(handle)
        except BlockingIOError as error:
            raise Locked(folder, _noted(handle)) from error
        except OSError as error:
            warnings.warn(f"{folder} cannot be locked ({error.strerror}): do not start a second process there", stacklevel=2)
        with contextlib.suppress(OSError):  # a note for the message above, no more
            if os.fstat(handle).st_nlink == 1:  # else it has another name, too, and may be anything
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"process {os.getpid()} on {platform.node()}".encode(), 0)
        yield
    finally:
        os.close(handle)
