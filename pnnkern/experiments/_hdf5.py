"""What is in an HDF5 file of somebody else, asked of another process, which may neither hang nor grow.

libhdf5 goes round for ever in some files, and allocates what a header says in others; a process of its own, with little memory and some
seconds, looks what there is and where it lies (`answer`), and says so in JSON. What it says is not taken to be well meant either.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from .._errors import PnnError
from . import text
from ._commits import Commits
from .pieces import CHUNKS

PATIENCE = 60.0  # seconds that the other process may take
MEMORY = 3 << 29  # bytes of addresses that it may take, Python and its libraries included
ANSWER = 1 << 26  # bytes of its answer at most
SIGNATURE = b"\x89HDF\r\n\x1a\n"
LISTED, VISITED = 500, 20_000  # arrays that are described, objects that are looked at, at most
MOST = 1 << 63  # bytes that an array is said to have at most, whatever its shape says
SMALL = 1 << 16  # bytes of an attribute that is read
ODD = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError, RecursionError)
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc", 32004: "lz4",
            32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}  # fmt: skip


def is_hdf5(file: BinaryIO, size: int) -> bool:
    """Whether the signature is where it may be: at the beginning, or at 512 bytes, 1024, ..."""
    at = 0
    while at < size:
        file.seek(at)
        if file.read(8) == SIGNATURE:
            return True
        at = 2 * at or 512
    return False


def ask(path: Path, file: BinaryIO, error: type[PnnError], keys: Sequence[str] = ()) -> Any:
    """What is in an open file, or with keys where these data sets lie in it (see `answer`). Raises `error` in one line."""
    program = "from pnnkern.experiments import _hdf5; _hdf5._answer()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", program, str(path), *keys]
    try:
        done = subprocess.run(command, stdin=file, env=environment, timeout=PATIENCE, capture_output=True, check=False)
    except subprocess.TimeoutExpired as fault:
        raise error(f"{path} cannot be read: HDF5 does not come to an end with it in {PATIENCE:g} s") from fault
    if done.returncode or len(done.stdout) > ANSWER:
        said = text.plain(done.stderr.decode(errors="replace").rstrip().rpartition("\n")[2])[:300]
        raise error(f"{path} cannot be read: {said or f'the process that did ended with {done.returncode}'}")
    return json.loads(done.stdout)


# ------------------------------------------------------------------------------------------------------------ in the other process
def _answer() -> None:
    """Says on standard output what is in the file at standard input; all that the process is for. sys.argv: its path, and keys."""
    with contextlib.suppress(ModuleNotFoundError, ValueError, OSError):  # Windows; macOS knows no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(PATIENCE), int(PATIENCE) + 1))
    try:
        found = answer(Path(sys.argv[1]), 0, sys.argv[2:])
    except ODD as error:
        sys.exit(f"HDF5 says: {' '.join(str(error).split()) or type(error).__name__}")
    sys.stdout.write(json.dumps(found))


def answer(path: Path, handle: int, keys: Sequence[str]) -> Any:
    """With keys {key: where and how it lies, or a text that says what is wrong}, without {"attributes", "arrays", "more"}."""
    commits = Commits(path, handle)
    with h5py.File(commits, "r", rdcc_nbytes=0) as file:
        return {key: _place(commits, file, key) for key in keys} if keys else _listed(file)


def _listed(file: h5py.File) -> dict[str, Any]:
    arrays: list[dict[str, Any]] = []
    more = 0
    for name, held in _walk(file):
        if len(arrays) == LISTED:
            more += 1
            continue
        arrays.append(_described(name, held))
    return {"attributes": _attributes(file), "arrays": arrays, "more": more}


def _walk(file: h5py.File) -> Iterator[tuple[str, Any]]:
    """Data sets, and links that are not followed, by their paths; what has several names once."""
    waiting, seen, visited = [("", file["/"])], set(), 0
    while waiting:
        above, group = waiting.pop(0)
        for key in group:
            visited += 1
            if visited > VISITED:
                return
            name = f"{above}/{key}".lstrip("/")
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield name, link
                continue
            try:
                held = group[key]
                address = h5py.h5o.get_info(held.id).addr
            except ODD as error:
                yield name, error
                continue
            if address in seen:
                continue
            seen.add(address)
            if isinstance(held, h5py.Group):
                waiting.append((name, held))
            elif isinstance(held, h5py.Dataset):
                yield name, held


def _described(name: str, held: Any) -> dict[str, Any]:
    if not isinstance(held, h5py.Dataset):
        what = "cannot be read" if isinstance(held, Exception) else "a link, which is not followed"
        return {"name": name, "note": what}
    try:
        made = held.id.get_create_plist()
        filters = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
        labels = [dimension.label for dimension in held.dims] if held.shape else []
        attributes = _attributes(held)
        return {
            "name": name, "shape": None if held.shape is None else list(held.shape), "dtype": str(held.dtype)[:80],
            "unit": attributes.get("units", attributes.get("unit", "")), "axes": labels if any(labels) else [], "chunks": held.chunks,
            "filters": [_FILTERS.get(code, str(code)) for code in filters],
            "bytes": 0 if held.shape is None else min(math.prod(held.shape) * held.dtype.itemsize, MOST),
            "stored": int(held.id.get_storage_size()), "about": attributes.get("long_name", attributes.get("about", "")),
        }  # fmt: skip
    except ODD:
        return {"name": name, "note": "cannot be read"}


def _attributes(held: Any) -> dict[str, Any]:
    """Small attributes: texts, numbers and short lists of numbers."""
    found: dict[str, Any] = {}
    for name in held.attrs:
        if len(found) > 100:
            break
        try:
            if h5py.h5a.open(held.id, name.encode()).get_storage_size() > SMALL:
                continue
            value = held.attrs[name]
        except ODD:
            continue
        if isinstance(value, bytes | np.bytes_):
            value = value.decode(errors="replace")
        if isinstance(value, str):
            found[name] = value[:SMALL]
        elif np.ndim(value) <= 1 and np.size(value) <= 16 and np.asarray(value).dtype.kind in "biuf":
            found[name] = np.asarray(value).tolist()
    return found


def _place(commits: Commits, file: h5py.File, key: str) -> dict[str, Any] | str:
    """Where a data set of numbers lies. Plain files only: no links, nothing outside of it, and gzip and shuffle alone."""
    if not isinstance(file.get(key, getlink=True), h5py.HardLink) or not isinstance(file[key], h5py.Dataset):
        return "is missing"
    held = file[key]
    if held.dtype.kind not in "biufc" or held.dtype.subdtype or held.shape is None:
        return f"must hold numbers, got {str(held.dtype)[:80]}"
    made = held.id.get_create_plist()
    found = {"dtype": held.dtype.str, "shape": list(held.shape)}
    if made.get_layout() == h5py.h5d.CONTIGUOUS and not made.get_external_count():
        at = held.id.get_offset()
        return "was never written" if at is None else found | {"at": at}
    if made.get_layout() != h5py.h5d.CHUNKED:
        return "lies outside of the file, or in its headers"
    filters = [made.get_filter(i)[0] for i in range(made.get_nfilters())]
    others = [_FILTERS.get(code, str(code)) for code in filters if code not in (1, 2)]
    if others or len(set(filters)) < len(filters):
        return f"is packed by {', '.join(others) or 'one filter twice'}: what is read in pieces is packed by gzip and shuffle, or not at all"
    if held.id.get_num_chunks() > CHUNKS:
        return f"has {held.id.get_num_chunks()} chunks, more than {CHUNKS}: write larger ones"
    if held.id.get_num_chunks():
        first = held.id.get_chunk_info(0)
        if held.id.read_direct_chunk(first.chunk_offset)[1] != commits.bytes(first.byte_offset, first.size):
            return "has chunks elsewhere than this HDF5 library says: write it without a user block"  # libraries before 1.14 forget that
    chunks: list[list[int]] = []
    held.id.chunk_iter(lambda info: chunks.append([*info.chunk_offset, info.byte_offset, info.size, info.filter_mask]))
    fill = float(held.fillvalue) if held.dtype.kind in "biuf" else 0.0
    return found | {"step": list(held.chunks), "filters": filters, "chunks": chunks, "fill": fill}
