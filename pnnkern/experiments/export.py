"""Trained parameters for other programs and for the workshop: arrays (.npy, .npz, .h5), grey pictures (.png, .tiff, .bmp) or bodies (.stl).

What a file's numbers mean is in the file: unit, scale, and of masks the pitch, wavelength, refractive index and full scale. Formats without a
place for it, .npy and .bmp, have a .json beside them.
"""

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._errors import CheckpointError, UnitWarning
from . import files, grey, rasters, saved, stl
from .checkpoint import Checkpoint
from .recipe import Recipe, RecipeError
from .run import build

ARRAYS = (".npy", ".npz", ".h5")
SUFFIXES = (*ARRAYS, *rasters.SUFFIXES, ".stl")
BASE = 1e-3  # metres, of an STL plate


def write(
    folder: Path, what: str, out: Path, *, index: float | None = None, bits: int | None = None, levels: int | None = None,
    table: Path | None = None, base: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `what` of the system trained in the run `folder` ("phase", "height") to `out`, in the format of its suffix.

    Needs the checkpoint only, not the data. Pictures and bodies are of one layer each: of several, files end in `-1`, `-2`, ...

    index : refractive index, for heights; by default the recipe's.
    Pictures: grey value g is ``g / levels`` of the full scale, which is 2 pi, or the height that makes it, whatever the largest value is.
    levels : 2^bits by default. bits : 8 or 16 in a pixel; by default 16, and 8 for .bmp, which has no others, and for levels that fit.
    table : in the place of levels, a modulator's measured phases (see `grey`); the nearest one is shown.
    base : thickness under the relief of an .stl, metres; 1 mm by default.

    Returns {"what", "about", "unit", "shape", "range", "warning", "files"}; the warning is that of the checkpoint (see `saved.read`).
    Raises `RecipeError` for something that cannot be exported, and `DataError` for a table that cannot be used.
    """
    config, found = saved.read(folder)
    system = _trained(config, found)
    known = system.exports()
    if what not in known:
        raise RecipeError(f"a run of kind {system.kind!r} has no {what!r} to export: there is {', '.join(known) or 'nothing'}")
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise RecipeError(f"--out must end in {', '.join(SUFFIXES)}, got {out.name!r}")
    given = {"bits": bits, "levels": levels, "wavelength-table": table}
    _refuse_strangers(suffix, given, base)
    try:
        array = system.export(what, index)
        facts = system.facts(what, index)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    about = {
        "what": what, "about": known[what].about, "unit": known[what].unit, "run": folder.name, "recipe": config.recipe,
        "steps": int(found.state["progress/step"]), **facts,
    }  # fmt: skip
    if suffix in ARRAYS:
        contents = _array(array, about | {"scale": 1.0}, out)
    elif suffix == ".stl":
        contents = _bodies(array, about, out, BASE if base is None else base)
    else:
        contents = _pictures(array, about, out, bits, _greys(system, what, facts, bits, levels, table, suffix))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            files.put(path, content)
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error.strerror or error}") from error
    return {
        "what": what, "about": known[what].about, "unit": known[what].unit, "shape": list(array.shape),
        "range": [float(array.min()), float(array.max())], "warning": found.warning, "files": [str(f) for f in contents],
    }  # fmt: skip


def _trained(config: Recipe, found: Checkpoint) -> Any:
    """The system of a recipe with the parameters of a checkpoint."""
    parameters = {
        name.removeprefix("parameters/"): array for name, array in found.state.items() if name.startswith("parameters/")
    }
    if not parameters or not all(array.size and array.dtype.kind == "f" and np.isfinite(array).all() for array in parameters.values()):
        raise CheckpointError(f"{found.path} holds parameters that are no finite numbers, or none")
    here = replace(config, compute=config.compute.model_copy(update={"device": "cpu"}))
    outputs = saved.outputs(found)
    try:
        return build(here, outputs, parameters=parameters)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CheckpointError(f"the parameters in {found.path} are not those of the system in its recipe: {error}") from error


def _refuse_strangers(suffix: str, of_pictures: dict[str, Any], base: float | None) -> None:
    """Raise `RecipeError` for an option that means nothing in this format, or that another one excludes."""
    named = [name for name, value in of_pictures.items() if value is not None]
    if named and suffix not in rasters.SUFFIXES:
        raise RecipeError(f"--{named[0]} is for pictures ({', '.join(rasters.SUFFIXES)}), not for {suffix}")
    if {"levels", "wavelength-table"} <= set(named):
        raise RecipeError("--levels and --wavelength-table exclude each other: the table says which grey values there are")
    if base is not None and suffix != ".stl":
        raise RecipeError(f"--base is the thickness under a relief in .stl, not for {suffix}")


# -------------------------------------------------------------------------------------------------------------------- formats
def _array(array: np.ndarray, about: dict[str, Any], out: Path) -> dict[Path, bytes]:
    what, buffer = about["what"], io.BytesIO()
    if out.suffix.lower() == ".npy":
        np.save(buffer, array, allow_pickle=False)
        return {out: buffer.getvalue(), **_beside(out, about)}
    if out.suffix.lower() == ".npz":
        members: dict[str, Any] = {what: array} | {k: np.array(v) for k, v in about.items()}
        np.savez_compressed(buffer, **members)
    else:
        import h5py

        with h5py.File(buffer, "w") as file:
            file[what] = array
            file[what].attrs.update(about)
    return {out: buffer.getvalue()}


def _greys(
    system: Any, what: str, facts: dict[str, Any], bits: int | None, levels: int | None, table: Path | None, suffix: str
) -> grey.Greys:
    """The grey values of a picture."""
    if "full_scale" not in facts:
        raise RecipeError(f"a picture needs a full scale, and {what!r} has none: use {', '.join(ARRAYS)}")
    most = 8 if suffix == ".bmp" else 16
    if bits is not None and bits not in (8, most):
        raise RecipeError(f"--bits must be {'8' if most == 8 else '8 or 16'} for {suffix}, got {bits}")
    room = 1 << (bits or most)
    if table is not None:
        if system.exports()[what].unit != "rad":
            raise RecipeError(f"--wavelength-table is for phases, not for {what!r}")
        found = grey.read_table(table, facts["wavelength"])
        needed = found.last + 1
    else:
        needed = room if levels is None else levels
        found = grey.Greys.levels(min(max(1, needed), room), facts["full_scale"])
    if not 2 <= needed <= room:
        raise RecipeError(f"{needed} grey values do not fit: there must be 2 to {room} of them in {suffix} of {bits or most} bits")
    return found


def _pictures(array: np.ndarray, about: dict[str, Any], out: Path, bits: int | None, greys: grey.Greys) -> dict[Path, bytes]:
    suffix, scale = out.suffix.lower(), greys.scale
    depth = np.uint8 if bits == 8 or (bits is None and greys.last < 256) else np.uint16
    own = "grey * scale" if isinstance(scale, float) else "scale[grey - first_grey]"
    about |= {
        "scale": scale, "first_grey": greys.first, "last_grey": greys.last, "largest_error": greys.error,
        "meaning": f"{about['what']} = {own} in {about['unit']}, and is the same with full_scale added to it",
    }  # fmt: skip
    contents: dict[Path, bytes] = {}
    for path, layer, place in _layers(array, out):
        contents[path] = rasters.raster(greys.of(layer).astype(depth), suffix, about["pitch"], about | place)
        if suffix == ".bmp":
            contents |= _beside(path, about | place)
    return contents


def _bodies(array: np.ndarray, about: dict[str, Any], out: Path, base: float) -> dict[Path, bytes]:
    if about["unit"] != "m":
        raise RecipeError(f"an .stl is a body, which {about['what']!r} is not: it is for heights")
    if not 0 < base < np.inf:
        raise RecipeError(f"--base must be a positive thickness in metres, got {base:g}")
    if base > 0.1:
        warnings.warn(f"the base is {base:g} m thick: it is given in metres (1 mm is 1e-3)", UnitWarning, 2)
    pitch, wavelength, index = (about[name] for name in ("pitch", "wavelength", "index"))
    header = f"unit=mm pitch={1e3 * pitch:.6g} base={1e3 * base:.6g} wavelength={1e3 * wavelength:.6g} index={index:.6g}"
    return {path: stl.body(layer, pitch, base, header) for path, layer, _ in _layers(array, out)}


def _layers(array: np.ndarray, out: Path) -> list[tuple[Path, np.ndarray, dict[str, str]]]:
    """The file, the values (y, x) and the place among the others of each layer."""
    layers = array.reshape(-1, *array.shape[-2:])
    many = len(layers) > 1
    return [
        (out.with_stem(f"{out.stem}-{i}") if many else out, layer, {"layer": f"{i} of {len(layers)}"}) for i, layer in enumerate(layers, 1)
    ]


def _beside(path: Path, about: dict[str, Any]) -> dict[Path, bytes]:
    """What is told about a file of a format that has no place for it."""
    return {path.with_name(f"{path.name}.json"): json.dumps(about, indent=1).encode()}
