"""What the folder of a run holds: its recipe in `config.toml` and its last good checkpoint, compared with each other."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from .._declared import MOST
from .._errors import CheckpointError
from . import checkpoint
from . import recipe as recipes
from .checkpoint import Checkpoint
from .recipe import Recipe, RecipeError

CHECKPOINT = "checkpoint.h5"
CONFIG = "config.toml"


_Line = Annotated[str, StringConstraints(pattern=r"^\P{C}*$")]  # of text that is shown: nothing that moves a terminal's cursor

_ABSENT: Any = None  # of what need not be there, and is not None if it is


class Control(BaseModel):
    """What a control came to."""

    model_config = ConfigDict(strict=True, extra="allow")

    test_accuracy: float = Field(allow_inf_nan=False)
    how: _Line


class _Said(BaseModel):
    """What a checkpoint says of a run besides its arrays and its recipe, as far as anything depends on it."""

    model_config = ConfigDict(strict=True)

    data: _Line
    source: _Line
    seconds: float = Field(ge=0, allow_inf_nan=False)
    environment: dict[_Line, _Line]
    outputs: int = Field(0, ge=0, le=MOST)  # of the system; 0 where an older version did not say
    passes_per_epoch: int = Field(0, ge=0, lt=2**63)
    finished: bool = False  # with its controls
    sessions: list[dict[str, str | int]] = []  # when and where it was worked on
    control: Control = _ABSENT
    exact: Control = _ABSENT


def exists(folder: Path) -> bool:
    """True if there is a checkpoint, or the one before it, or anything else in the place of one."""
    newest = folder / CHECKPOINT
    return os.path.lexists(newest) or os.path.lexists(checkpoint.previous(newest))


def read(folder: Path) -> tuple[Recipe, Checkpoint]:
    """The recipe of the run in `folder` and its last good checkpoint.

    `Checkpoint.warning` says where that is not the newest one, and what was changed in config.toml since (of `recipe.CHANGEABLE`).
    Raises `CheckpointError` where anything else differs: the checkpoint is of another run, or config.toml was edited.
    """
    recipe = recipes.read_run(folder)
    found = checkpoint.load(folder / CHECKPOINT)
    changed = recipes.differences(made_by(found), recipe)
    _refuse_strange(found)
    refused = recipes.fixed(changed)
    if refused:
        raise CheckpointError(
            f"{found.path} does not belong to {folder / CONFIG}: there {_listed({key: changed[key] for key in refused})}; one of the two "
            "was edited or is of another run: put it back, or start a new run"
        )
    if not changed:
        return recipe, found
    edited = f"{CONFIG} is not what {found.path.name} was made with: {_listed(changed)}"
    return recipe, replace(found, warning="; ".join(filter(None, (found.warning, edited))))


def made_by(found: Checkpoint) -> Recipe:
    """The recipe that a checkpoint says it was made by."""
    try:
        config = found.meta["config"]
        return recipes.read(config if isinstance(config, dict) else {})
    except KeyError as error:
        raise CheckpointError(f"{found.path} is of no run: it does not hold the recipe that it was made by") from error
    except (RecipeError, RecursionError) as error:
        raise CheckpointError(f"{found.path} was made by a recipe that is none to this pnnkern: {error}") from error


def outputs(found: Checkpoint) -> int:
    """How many outputs the system of a run has. Raises `CheckpointError` where an older version did not write it down."""
    count = int(found.meta.get("outputs", 0))
    if not count:
        older = "was made by an older pnnkern, which did not say how many outputs its system has: read it with that one"
        raise CheckpointError(f"{found.path} {older}")
    return count


def _refuse_strange(found: Checkpoint) -> None:
    """Raise `CheckpointError` for a checkpoint that says of its run, or of how far it is, what no run says."""
    try:
        _Said.model_validate(found.meta)
        step, losses, accuracies, evaluations = (
            found.state[f"progress/{name}"] for name in ("step", "loss", "accuracy", "evaluations")
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"{found.path} is of no run: {where!r} in its description: {first['msg']}") from error
    except KeyError as error:
        raise CheckpointError(f"{found.path} is of no run: it has no {error}") from error
    if not (
        step.shape == () and step.dtype.kind == "i" and losses.shape == accuracies.shape == (step,)
        and evaluations.ndim == 2 and evaluations.shape[1] == 2
        and {a.dtype for a in (losses, accuracies, evaluations)} == {np.dtype(np.float64)}
    ):  # fmt: skip
        raise CheckpointError(f"{found.path} is of no run: it does not hold a loss and an accuracy of each step")


def _listed(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{key} is {now!r}, was {then!r}" for key, (then, now) in changed.items())
