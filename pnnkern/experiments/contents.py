"""What is in a file: a checkpoint, results or any other HDF5, .npz or .npy, or the folder of a run. No array of it is read."""

import json
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .. import _files
from .._errors import CheckpointError, DataError, ResultsError
from . import _hdf5, checkpoint, npz, results, saved, text, units
from ._commits import journal

LISTED, MOST = _hdf5.LISTED, _hdf5.MOST


def look(path: Path) -> dict[str, Any]:
    """What there is: {"file", "kind", "bytes", "about", "arrays", "more", "warning"}.

    about : what made it, by name. arrays : {"name", "shape", "dtype", "unit", "axes", "chunks", "filters", "bytes", "stored", "about"} of each,
    or {"name", "note"}; stored : bytes in the file. more : how many are not listed. Of a checkpoint the digest is verified.

    Raises `ResultsError`, `DataError` or `CheckpointError`, in one line, for what is none of these, or damaged.
    """
    if os.path.isdir(path):
        return _folder(path)
    with _files.opened(path, str(path), ResultsError) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(512)
        if checkpoint.begins(head):
            found = _checkpoint(path, file)
        elif _hdf5.is_hdf5(file, size):
            found = _of_hdf5(path, file)
        elif head.startswith(b"\x93NUMPY"):
            found = {"kind": "NumPy array", "arrays": [_npy(path, path.stem, file, size, size)]}
        elif head.startswith(b"PK"):
            found = _npz(path, file)
        else:
            raise ResultsError(f"{path} is no file that can be looked at: HDF5, .npz, .npy, a checkpoint or the folder of a run")
    return {"file": str(path), "kind": "", "bytes": size, "about": {}, "arrays": [], "more": 0, "warning": ""} | found


# ----------------------------------------------------------------------------------------------------------------- kinds of files
def _folder(path: Path) -> dict[str, Any]:
    if os.path.lexists(path / saved.CONFIG):
        newest = path / saved.CHECKPOINT
        if not saved.exists(path):
            raise CheckpointError(f"{path} holds a run without a checkpoint: there is {saved.CONFIG} alone, see `pnnkern show {path}`")
        try:
            return look(newest)
        except (CheckpointError, ResultsError) as error:
            before = checkpoint.previous(newest)
            if not os.path.lexists(before):
                raise
            return look(before) | {"warning": f"{error}; this is the one before it"}
    names = [path / f"{key}.npy" for key in ("x_train", "y_train", "x_test", "y_test")]
    if not os.path.lexists(names[0]):
        raise ResultsError(f"{path} is a folder of no run: it has no {saved.CONFIG}; name a file in it")
    arrays = [array for name in names if os.path.lexists(name) for array in look(name)["arrays"]]
    total = sum(array["stored"] for array in arrays)
    return {"file": str(path), "kind": "folder of samples", "bytes": total, "about": {}, "arrays": arrays, "more": 0, "warning": ""}


def _checkpoint(path: Path, file: BinaryIO) -> dict[str, Any]:
    said = checkpoint.describe(path, file)
    arrays = []
    for name, entry in list(said["arrays"].items())[:LISTED]:
        try:
            arrays.append(_array(str(name), [int(n) for n in entry["shape"]], checkpoint.dtype_of(entry["dtype"])))
        except (KeyError, TypeError, ValueError):
            arrays.append({"name": str(name), "note": "cannot be read"})
    meta = said["meta"]
    config = meta.get("config") if isinstance(meta.get("config"), dict) else {}
    about = {"written by": said["written_by"], "recipe": config.get("recipe"), "step": _step(path, file, said), "data": meta.get("source")}
    last = meta["sessions"][-1] if isinstance(meta.get("sessions"), list) and meta["sessions"] else None
    about |= {"versions": said.get("versions"), "made": last, "config": config or None}
    more = max(0, len(said["arrays"]) - LISTED)
    known = {key: value for key, value in about.items() if value not in (None, {}, "")}
    return {"kind": "checkpoint", "about": known, "arrays": arrays, "more": more}


def _step(path: Path, file: BinaryIO, said: Mapping[str, Any]) -> int | None:
    """How many steps are done, which is an array of eight bytes."""
    try:
        file.seek(said["places"]["progress/step"])
        return int.from_bytes(file.read(8), "little") if said["arrays"]["progress/step"]["dtype"] == "<i8" else None
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _of_hdf5(path: Path, file: BinaryIO) -> dict[str, Any]:
    found = _hdf5.ask(path, file, ResultsError)
    said, warning = found["attributes"], ""
    ours = said.get("format") == results.FORMAT
    if ours:
        about = {"written by": said.get("written_by"), "about": _json(said.get("about")), "made": _json(said.get("origin"))}
        if said.get("complete") != 1:
            warning = "it is not whole: writing it was ended, or goes on; pnnkern.results(..., resume=True) goes on with it"
            if os.path.lexists(journal(path)):
                warning += "; a journal of the last rows lies beside it, which is counted in"
    else:
        about = {key: value for key, value in said.items() if not key.startswith("_")}
        if said.get("format") == checkpoint.FORMAT:
            warning = "a checkpoint of pnnkern 0.1.0, which has no digest: it is not verified"
    kind = "results" if ours else "HDF5"
    arrays = [array for array in found["arrays"] if isinstance(array, dict)]
    about = {key: value for key, value in about.items() if value not in (None, "", {})}
    return {"kind": kind, "about": about, "arrays": arrays, "more": found["more"], "warning": warning}


def _json(value: object) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _npz(path: Path, file: BinaryIO) -> dict[str, Any]:
    arrays: list[dict[str, Any]] = []
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            for member in members[:LISTED]:
                if not member.filename.endswith(".npy"):
                    arrays.append({"name": member.filename[:200], "note": "no array"})
                    continue
                with archive.open(member) as content:
                    name = member.filename.removesuffix(".npy")[:200]
                    arrays.append(_npy(path, name, content, member.file_size, member.compress_size))
    except npz.DAMAGED as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no .npz file, or a damaged one ({str(error).partition(chr(10))[0]:.120})") from error
    return {"kind": "NumPy archive", "arrays": arrays, "more": max(0, len(members) - LISTED)}


def _npy(path: Path, name: str, content: Any, size: int, stored: int) -> dict[str, Any]:
    """An array in NumPy's format, of which only the header is read."""
    if hasattr(content, "fileno") and content.seekable():
        content.seek(0)
    try:
        held = npz.header(path, name, content.read(npz.HEADER), size)
    except DataError as error:
        if path.suffix == ".npz" and "must hold numbers" in str(error):
            return {"name": name, "note": "no numbers"}
        raise
    return _array(name, list(held.shape), held.dtype) | {"stored": stored}


def _array(name: str, shape: Sequence[int], dtype: np.dtype[Any]) -> dict[str, Any]:
    bytes_ = min(math.prod(shape) * dtype.itemsize, MOST)
    return {
        "name": name, "shape": list(shape), "dtype": str(dtype), "unit": "", "axes": [], "chunks": None, "filters": [], "bytes": bytes_,
        "stored": bytes_, "about": "",
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------------- page
def page(found: Mapping[str, Any]) -> str:
    """For people."""
    lines = [f"{found['file']}: {found['kind']}, {units.si(found['bytes'], 'B')}"]
    for key, value in found["about"].items():
        if key == "config" or isinstance(value, list):
            continue
        if key == "made" and isinstance(value, dict):
            value = {k: value[k] for k in ("date", "host", "command", "commit") if k in value}
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        lines.append(f"  {text.plain(key)}: {text.short(shown, 300, 1.0)}")
    rows = [_row(array) for array in found["arrays"]]
    widths = [max((len(row[i]) for row in rows if len(row) > 2), default=0) for i in range(4)]
    for row in rows:
        lines.append("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=False)).rstrip())
    if found["more"]:
        lines.append(f"  and {found['more']} more")
    return "\n".join(lines)


def _row(array: Mapping[str, Any]) -> list[str]:
    name = text.short(array["name"], 60)
    if "note" in array:
        return [name, array["note"]]
    shape, axes = array["shape"], array["axes"]
    if shape is None:
        sides = "nothing"
    elif len(axes) == len(shape):
        sides = " x ".join(f"{n} {text.short(axis, 30)}" if axis else str(n) for n, axis in zip(shape, axes, strict=True))
    else:
        sides = " x ".join(map(str, shape))
    stored = array["stored"]
    ratio = f", {'+'.join(array['filters'])}" if array["filters"] else ""
    ratio += f" {array['bytes'] / stored:.3g} : 1" if stored and array["filters"] else ""
    about = text.short(array["about"], 80) if array["about"] else ""
    size = f"{units.si(stored, 'B')}{ratio}{f'  {about}' if about else ''}"
    return [name, sides or "one number", text.short(array["dtype"], 20), text.short(array["unit"], 20), size]


__all__ = ["look", "page"]
