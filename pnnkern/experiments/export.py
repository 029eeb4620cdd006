"""Trained parameters for other programs and for the workshop: .npy, .npz, .h5, or pictures in .png."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError
from . import checkpoint, files, recipe
from .recipe import RecipeError
from .run import CHECKPOINT

SUFFIXES = (".npy", ".npz", ".h5", ".png")


def write(folder: Path, what: str, out: Path, *, index: float = 1.7227) -> dict[str, Any]:
    """Write `what` of the system trained in the run `folder` ("phase", "height") to `out`, in the format of its suffix.

    Needs the checkpoint only, not the data. A .png of several layers becomes one picture for each, named `-1`, `-2`, ...: 16 bit
    grey, 0 to the largest value. index : refractive index, for heights.

    Returns {"what", "about", "shape", "range", "warning", "files"}; there is a warning when the newest checkpoint was damaged.
    Raises `RecipeError` for something that cannot be exported.
    """
    config = recipe.read_run(folder)
    table = config.system
    known = table.exports()
    if what not in known:
        raise RecipeError(f"a run of kind {table.kind!r} has no {what!r} to export: there is {', '.join(known) or 'nothing'}")
    if out.suffix not in SUFFIXES:
        raise RecipeError(f"--out must end in {', '.join(SUFFIXES)}, got {out.name!r}")
    saved = checkpoint.load(folder / CHECKPOINT)
    parameters = {
        name.removeprefix("parameters/"): array for name, array in saved.state.items() if name.startswith("parameters/")
    }
    try:
        array = table.export(what, parameters, index)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    notes = {
        "what": what,
        "about": known[what],
        "run": folder.name,
        "recipe": config.recipe,
        "steps": int(saved.state["progress/step"]),
    }
    if what == "height":
        notes["index"] = index
    contents = _contents(array, what, notes, out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            files.replace(path, content)
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error.strerror or error}") from error
    extent = [float(array.min()), float(array.max())]
    return {
        "what": what,
        "about": known[what],
        "shape": list(array.shape),
        "range": extent,
        "warning": saved.warning,
        "files": [str(f) for f in contents],
    }


def _contents(array: np.ndarray, what: str, notes: dict[str, Any], out: Path) -> dict[Path, bytes]:
    buffer = io.BytesIO()
    if out.suffix == ".npy":
        np.save(buffer, array, allow_pickle=False)
    elif out.suffix == ".npz":
        members: dict[str, Any] = {what: array} | {k: np.array(v) for k, v in notes.items()}
        np.savez_compressed(buffer, **members)
    elif out.suffix == ".h5":
        import h5py

        with h5py.File(buffer, "w") as file:
            file[what] = array
            file[what].attrs.update(notes)
    else:
        layers = array.reshape(-1, *array.shape[-2:])
        names = [out] if len(layers) == 1 else [out.with_stem(f"{out.stem}-{i + 1}") for i in range(len(layers))]
        top = float(array.max()) or 1.0
        return {name: grey_png(np.rint(65535 * layer / top).astype(np.uint16)) for name, layer in zip(names, layers, strict=True)}
    return {out: buffer.getvalue()}


def grey_png(pixels: np.ndarray) -> bytes:
    """A 16 bit grey PNG of (height, width) uint16. (Matplotlib writes 8 bits; masks need more.)"""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    height, width = pixels.shape
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 0, 0, 0, 0])
    lines = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
