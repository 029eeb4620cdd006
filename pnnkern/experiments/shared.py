"""What several runs have in common is done once: their controls lie in a folder that they share, and who comes second waits for the first."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from .. import _files
from .._errors import CheckpointError
from . import checkpoint, files
from .checkpoint import Locked
from .recipe import LONGEST
from .saved import Control
from .signals import Stop, Stopped

RESULT = "result.json"
POLL = 0.2  # seconds between two looks at what another process does
T = TypeVar("T")


def linear(folder: Path | None, name: str, work: Callable[[], dict[str, Any]], stop: Stop) -> dict[str, Any]:
    """What `work` comes to, or what it came to in another run, kept as `name` in the shared folder; None: of this run alone.

    Raises `Stopped` when a signal ends the waiting.
    """
    if folder is None:
        return work()
    place = made(folder, name)

    def once() -> dict[str, Any]:
        with checkpoint.lock(place):
            checkpoint.clean(place)
            if (place / RESULT).exists():
                return _read(place / RESULT)
            result = work()
            with contextlib.suppress(OSError):  # on a full disk the next run does it again
                files.replace(place / RESULT, Control.model_validate(result).model_dump_json().encode())
            return result

    return in_turn(once, stop)


def in_turn(work: Callable[[], T], stop: Callable[[], bool], say: Callable[[str], None] = files.say) -> T:
    """What `work` gives, once no other process holds the folder that it works in. Raises `Stopped` when a signal ends the waiting."""
    told = False
    while True:
        try:
            return work()
        except Locked as error:
            if not told:
                say(f"waiting: {error.holder} works on what this run shares with it, in {error.folder}")
                told = True
        if stop():
            raise Stopped
        time.sleep(POLL)


def made(folder: Path, name: str) -> Path:
    """A folder in a folder, both made if they are not there. Raises `CheckpointError`."""
    try:
        return files.subfolder(files.subfolder(folder.parent, folder.name), name)
    except OSError as error:
        raise CheckpointError(f"cannot make the folder {folder / name}: {error.strerror}") from error


def _read(path: Path) -> dict[str, Any]:
    text = _files.read_text(path, LONGEST, str(path), CheckpointError, links=False)
    try:
        return Control.model_validate_json(text).model_dump()
    except ValidationError as error:
        raise CheckpointError(f"{path} holds no result of a control: remove it, and it is made again") from error
