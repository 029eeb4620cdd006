"""What the folder of a run holds: its recipe in `config.toml` and its last good checkpoint, compared with each other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._errors import CheckpointError
from . import checkpoint
from . import recipe as recipes
from .checkpoint import Checkpoint
from .recipe import Recipe, RecipeError

CHECKPOINT = "checkpoint.h5"
CONFIG = "config.toml"


def exists(folder: Path) -> bool:
    """True if there is a checkpoint, or the one before it."""
    newest = folder / CHECKPOINT
    return newest.exists() or checkpoint.previous(newest).exists()


def read(folder: Path) -> tuple[Recipe, Checkpoint]:
    """The recipe of the run in `folder` and its last good checkpoint.

    `Checkpoint.warning` says where that is not the newest one, and what was changed in config.toml since (of `recipe.CHANGEABLE`).
    Raises `CheckpointError` where anything else differs: the checkpoint is of another run, or config.toml was edited.
    """
    recipe = recipes.read_run(folder)
    found = checkpoint.load(folder / CHECKPOINT)
    changed = recipes.differences(made_by(found), recipe)
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
        return recipes.read(found.meta["config"])
    except KeyError as error:
        raise CheckpointError(f"{found.path} is of no run: it does not hold the recipe that it was made by") from error
    except RecipeError as error:
        raise CheckpointError(f"{found.path} was made by a recipe that is none to this pnnkern: {error}") from error


def _listed(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{key} is {now!r}, was {then!r}" for key, (then, now) in changed.items())
