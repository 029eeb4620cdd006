"""What a trained system does with many test images, streamed to HDF5: its fields, its states, its way to them. Memory holds those of a few.

Written as `results` writes: a run of it that was ended is gone on with by the same command.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from . import results, signals
from . import run as runs
from .loop import MEASUREMENT, Stopped, stream
from .recipe import RecipeError
from .results import Coordinates

KINDS = ("fields", "states", "trajectory")
IMAGES = 16  # at a time


@dataclass(frozen=True)
class _Stack:
    """An array (images, ...) of some images."""

    name: str
    array: Array
    axes: tuple[str, ...]
    unit: str
    about: str
    coordinates: Coordinates


def write(folder: Path, what: str, out: Path, images: int = 0) -> dict[str, Any]:
    """Stream `what` of the system trained in the run `folder` to the HDF5 file `out`, for the first `images` of its test images, 0 for all.

    "fields": of light, before, between and behind masks. "states": equilibria of what relaxes. "trajectory": phases of oscillators on the way.
    Goes on with what an attempt of the same has left; a signal ends it with `Stopped`, which says how far it is. Returns {"what", "images",
    "arrays", "bytes", "files"}. Raises `RecipeError` for a system that has none, and as `results`.
    """
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise RecipeError(f"{what} are streamed to HDF5: --out must end in .h5, got {out.name!r}")
    run = runs.load(folder)
    trainer = run.trainer
    stacks = _source(trainer.system, what)
    data, count = trainer.dataset, images or len(trainer.dataset.test_labels)
    if count > len(data.test_labels):
        raise RecipeError(f"{images} test images were asked for, the run has {len(data.test_labels)}")
    about = {"what": what, "run": folder.name, "recipe": run.recipe.recipe, "steps": trainer.step, "parameters": _digest(trainer.system),
             "data": run.meta["data"]}  # fmt: skip
    key = stream(run.recipe.training.seed, MEASUREMENT)
    there = os.path.lexists(results.partial(out))
    with signals.noted() as stop, results.results(out, about=about, resume=there) as file:
        for first in range(file.rows(), count, IMAGES):
            if stop():
                raise Stopped(f"stopped with {first} of {count} images in {file.partial}; go on with the same command")
            chosen = np.arange(first, min(first + IMAGES, count))
            for stack in stacks(trainer.system.encode(data.test_images[chosen]), key, first):
                file.append(
                    stack.name, stack.array, axes=("image", *stack.axes), unit=stack.unit, about=stack.about, coordinates=stack.coordinates
                )
            targets = ("image", "output") if data.real else ("image",)
            file.append("target" if data.real else "label", data.test_labels[chosen], axes=targets, about="of the data set")
        names = file.arrays()
    return {"what": what, "images": count, "arrays": names, "bytes": out.stat().st_size, "files": [str(out)]}


def _digest(system: Any) -> str:
    digest = hashlib.sha256()
    for name in sorted(system.parameters):
        digest.update(np.ascontiguousarray(_array.to_numpy(system.parameters[name])).data)
    return digest.hexdigest()


def _source(system: Any, what: str) -> Callable[[Array, Any, int], Iterator[_Stack]]:
    """What makes stacks of inputs, with the key of the measurement and the first image's number."""
    found = ways(system)
    if what not in found:
        raise RecipeError(f"a run of kind {system.kind!r} has no {what}: there is {', '.join(found) or 'nothing'} to stream")
    return found[what]


def ways(system: Any) -> dict[str, Callable[[Array, Any, int], Iterator[_Stack]]]:
    """What there is to stream of a system, and what makes it."""
    found: dict[str, Callable[..., Iterator[_Stack]]] = {}
    if hasattr(system, "fields"):
        found["fields"] = lambda inputs, key, first: _fields(system.built(), inputs)
    if hasattr(system, "states") or hasattr(system, "relax"):
        found["states"] = lambda inputs, key, first: _states(system, inputs, key, first)
    if hasattr(system, "trajectory"):
        found["trajectory"] = lambda inputs, key, first: _trajectory(system, inputs)
    return found


def _fields(system: Any, inputs: Array) -> Iterator[_Stack]:
    g = system.geometry
    planes = system.fields(inputs)
    across = (np.arange(g.samples) - (g.samples - 1) / 2) * (g.pitch / g.oversample)
    places = {"z": (np.arange(len(planes)) * g.spacing, "m"), "y": (across, "m"), "x": (across, "m")}
    about = "complex amplitude: incoming, right after each mask, on the detectors; of an input pixel 0 to 1"
    yield _Stack("field", _array.namespace(*planes).stack(planes, axis=1), ("z", "y", "x"), "1", about, places)


def _states(system: Any, inputs: Array, key: Any, first: int) -> Iterator[_Stack]:
    if hasattr(system, "states"):
        found = [system.states(inputs)]
    else:
        relaxed = system.relax(inputs, key=key, sample=first)
        free = relaxed.states if hasattr(relaxed, "states") else relaxed.phases[0]
        found = list(free) if isinstance(free, list | tuple) else [free]
    unit = "rad" if hasattr(system, "trajectory") else system.output_unit
    for number, state in enumerate(found, 1):
        name = "state" if len(found) == 1 else f"state_{number}"
        axes = ("node", "direction")[: state.ndim - 1] if state.ndim < 4 else ("map", "y", "x")
        own = tuple(axis if len(found) == 1 else f"{axis}_{number}" for axis in axes)
        yield _Stack(name, state, own, unit, "free equilibrium", {})


def _trajectory(system: Any, inputs: Array) -> Iterator[_Stack]:
    times, phases = system.trajectory(inputs)
    yield _Stack("phase", phases, ("time", "node"), "rad", "on the way to the free equilibrium", {"time": (times, "s")})


__all__ = ["KINDS", "write"]
