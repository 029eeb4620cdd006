"""Sweeps: many runs of one recipe, a folder for each. `write` makes the folders, and nothing else is kept: what there is to know lies in them.

    sweeps/b/sweep.toml                 what the points were made from
    sweeps/b/3f0c9a8be11d/config.toml   a point: the complete recipe of a run, by whose digest the folder is called
    sweeps/b/3f0c9a8be11d/point.json    its number in the sweep, and the values that were chosen for it
    sweeps/b/controls/                  what points have in common, done once (see `shared`)
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .. import _files
from . import files, origin, samplers, text
from . import recipe as recipes
from . import run as runs
from .recipe import LONGEST, Recipe, RecipeError
from .samplers import Values
from .saved import CONFIG

SWEEP, POINT, CONTROLS = "sweep.toml", "point.json", "controls"
_MADE = re.compile(r"\.([0-9a-f]{12}|sweep\.toml)\.tmp[0-9a-f]+")


@dataclass(frozen=True)
class Point:
    """One run of a sweep. number : in the order in which points were chosen. values : what was chosen, by keys of the recipe."""

    folder: Path
    number: int
    values: Values


class _Said(BaseModel):
    """What point.json says."""

    model_config = ConfigDict(strict=True, extra="ignore")

    number: int
    values: dict[str, bool | int | float | str | list[Any]]


def write(
    file: Path, out: Path, *, sampler: str | None = None, count: int | None = None, overrides: tuple[str, ...] = ()
) -> tuple[list[Point], int]:
    """Make a folder in `out` for each point of the sweep that `file` describes. Returns all points that are there then, and how many are new.

    A point that is there already stays as it is: a longer list of values adds what is new. sampler, count : in the place of those in the
    file; "optuna" proposes `count` more points by what the finished ones came to. overrides : ``key=value`` of all points.
    Raises `RecipeError`, in one line and before anything is written, for a sweep, or a point of it, that cannot be.
    """
    asked = samplers.read(file, sampler=sampler, count=count)
    if (out / CONFIG).exists():
        raise RecipeError(f"{out} holds a run: choose another --out for a sweep")
    there = points(out) if (out / SWEEP).exists() else []
    chosen = list(samplers.choose(asked, _results(out, there) if asked.sampler == "optuna" else []))
    made: dict[str, tuple[Values, Recipe]] = {}
    for values in chosen:
        recipe = _recipe(asked, values, overrides)
        made.setdefault(recipes.digest(recipe), (values, recipe))
    old = {point.folder.name for point in there}
    new = {name: found for name, found in made.items() if name not in old}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in out.iterdir():
            if _MADE.fullmatch(path.name):  # of a process that was killed
                shutil.rmtree(path, ignore_errors=True)
                files.remove(path)
        files.replace(out / SWEEP, file.read_bytes())
        first = max((point.number for point in there), default=-1) + 1
        here = origin.here()
        for number, (name, (values, recipe)) in enumerate(new.items(), first):
            _make(out / name, recipe, {"point": name, "number": number, "values": values, "made": here})
        files.sync_folder(out)
    except OSError as error:
        raise RecipeError(f"cannot write the sweep to {error.filename or out}: {error.strerror or error}") from error
    return points(out), len(new)


def points(out: Path) -> list[Point]:
    """The points of a sweep in the order of their numbers. Raises `RecipeError` for a folder that holds no sweep, or a point that is none."""
    if not (out / SWEEP).is_file():
        raise RecipeError(f"{out} holds no sweep: there is no {SWEEP} in it; write one with `pnnkern sweep SWEEP.toml --out {out}`")
    found = (path for path in out.iterdir() if re.fullmatch(r"[0-9a-f]{12}", path.name) and not path.is_symlink() and path.is_dir())
    return sorted((read_point(path) for path in found), key=lambda point: (point.number, point.folder.name))


def is_point(folder: Path) -> bool:
    """Whether the folder is one of a sweep's points."""
    return os.path.lexists(folder / POINT)


def read_point(folder: Path) -> Point:
    """The point in a folder. Raises `RecipeError` where it is none."""
    path = folder / POINT
    content = _files.read_text(path, LONGEST, str(path), RecipeError, links=False)
    try:
        said = _Said.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"{path} is of no point: {'.'.join(map(str, first['loc']))} {first['msg'].lower()}; write the sweep again") from error
    return Point(folder, said.number, said.values)


def _recipe(asked: samplers.Asked, values: Values, overrides: tuple[str, ...]) -> Recipe:
    settings = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in (asked.fixed | values).items()]
    try:
        recipe = runs.absolute(recipes.find(asked.recipe, [*overrides, *settings]))
        runs.refuse_misfit(recipe, recipe.system.of, recipe.rule.of)
        return recipe
    except RecipeError as error:
        told = text.short(", ".join(f"{key}={value}" for key, value in values.items()), 120, 1)
        raise RecipeError(f"the point {told} cannot be: {text.short(error, 800, 1)}" if told else str(error)) from error


def _make(folder: Path, recipe: Recipe, said: dict[str, Any]) -> None:
    """A point's folder, whole or not at all."""
    made = folder.with_name(f".{folder.name}.tmp{secrets.token_hex(8)}")
    made.mkdir()
    try:
        recipes.write(recipe, made / CONFIG)
        files.write_synced(made / POINT, f"{json.dumps(said, indent=1)}\n".encode())
        files.sync_folder(made)
        made.rename(folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not is_point(folder):  # else another process was first
            raise


def _results(out: Path, there: list[Point]) -> Iterator[tuple[Values, float | None]]:
    """Values of each point with its accuracy, None where it is not finished. Raises `RecipeError` for one that saw the test set."""
    from . import compare, status

    for point in there:
        row = compare.row_of(point.folder)
        if row["config"] and not row["config"]["data.validation"]:
            raise RecipeError(f"a sampler that learns from results would choose by the test set: set data.validation in [set] of {out / SWEEP}")
        yield point.values, row["test_accuracy"] if status.of_point(point)["state"] == "finished" else None


__all__ = ["CONTROLS", "POINT", "SWEEP", "Point", "is_point", "points", "read_point", "write"]
