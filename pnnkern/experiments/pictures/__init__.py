"""What a report draws of a trained system, one file for those that are drawn alike: `pictures`, and `checks` under better physics.

A system names its file by `drawn_by`; one of your own, a module of your own by its full name.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..plots import Picture


@dataclass(frozen=True)
class Checks:
    """A table for the report: rows {"what", "accuracy", "note"}, with a title and a caption, and pictures to go with it."""

    title: str
    caption: str
    rows: list[dict[str, Any]]
    pictures: tuple[Picture, ...] = ()


def pictures(trainer: Any, scores: np.ndarray) -> list[Picture]:
    """Pictures of the trained system; `scores` are those of all test images."""
    drawn: list[Picture] = getattr(_module(trainer.system), "pictures", lambda trainer, scores: [])(trainer, scores)
    return drawn


def checks(trainer: Any, chosen: np.ndarray) -> Checks | None:
    """The trained system under better physics, on the `chosen` test images; None where there are no such checks."""
    made: Checks | None = getattr(_module(trainer.system), "checks", lambda trainer, chosen: None)(trainer, chosen)
    return made


def _module(system: Any) -> Any:
    name = getattr(system, "drawn_by", "")
    return importlib.import_module(name if "." in name else f"{__name__}.{name}") if name else None
