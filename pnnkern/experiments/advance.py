"""`advance`: the one verb that may be said to a point of a sweep at any time, and as often as one likes. It starts, goes on, or does nothing.

What became of it is told by the exit code, for engines, and by the folder, for people: 0 and a finished run; 75 and a run that goes on
later; else `error.json`, which the next `advance` that gets further removes.
"""

import datetime
import json
import platform
import traceback
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from .. import _files
from .._errors import PnnError
from . import files, saved, sweep, text
from . import run as runs
from .checkpoint import Locked
from .ranks import started
from .recipe import LONGEST, RecipeError
from .run import STOPPED, Run

ERROR = "error.json"
REFUSED, BROKEN = 2, 1  # exit codes: for what this run is, trying again is of no use; something unforeseen
_LINES = 60  # of a traceback


class Failure(BaseModel):
    """What error.json says of the last try. code : the exit code. tries : how many failed since one got further."""

    model_config = ConfigDict(strict=True, extra="ignore")

    message: str
    code: int
    tries: int = 1
    when: str = ""
    host: str = ""
    traceback: list[str] = []


@dataclass(frozen=True)
class Outcome:
    """Exit code, a line about it, and the run, where there was something to do."""

    code: int
    message: str
    run: Run | None = None


def advance(folder: Path, *, quiet: bool = False) -> Outcome:
    """Start the run of a point, or go on with it, or find that it is done. Raises `RecipeError` for a folder that is no point."""
    if not sweep.is_point(folder):
        raise RecipeError(f"{folder} is no point of a sweep: there is no {sweep.POINT} in it; other runs go on with `pnnkern resume`")
    try:
        if is_done(folder):
            forget(folder)
            return Outcome(0, f"nothing to do: {folder} is finished")
        run = runs.resume(folder, quiet=quiet, shared=folder.parent / sweep.CONTROLS)
    except Locked as error:
        return Outcome(STOPPED, str(error))
    except (PnnError, OSError, MemoryError) as error:
        return _failed(folder, error, REFUSED)
    except Exception as error:  # whatever it is, the sweep goes on, and who looks at it later finds it
        return _failed(folder, error, BROKEN)
    forget(folder)
    if run.finished:
        return Outcome(0, f"finished: {folder}", run)
    return Outcome(STOPPED, f"stopped at step {run.trainer.step} of {run.trainer.steps}; go on with: pnnkern advance {folder}", run)


def is_done(folder: Path) -> bool:
    """Whether the run in a folder has come to its end, its controls with it, by what its last good checkpoint says. Loads no data."""
    if not saved.exists(folder):
        return False
    recipe, found = saved.read(folder)
    return bool(found.meta.get("finished")) and len(found.state["progress/evaluations"]) >= recipe.training.epochs


def forget(folder: Path) -> None:
    """Remove what an earlier try failed by."""
    files.remove(folder / ERROR)


def failure(folder: Path) -> Failure | None:
    """What the last try failed by, if it did."""
    path = folder / ERROR
    if not path.exists():
        return None
    try:
        return Failure.model_validate_json(_files.read_text(path, LONGEST, str(path), RecipeError, links=False))
    except (RecipeError, ValidationError):
        return Failure(message=f"{ERROR} cannot be read", code=BROKEN)


def note(folder: Path, message: str, code: int, trace: list[str] | None = None) -> None:
    """Write down what a try failed by. A disk that does not take it is said on standard error, as the failure itself is."""
    before = failure(folder)
    told = Failure(
        message=text.plain(" ".join(message.split()))[:2000], code=code, tries=1 + (before.tries if before else 0),
        when=datetime.datetime.now().astimezone().isoformat(timespec="seconds"), host=platform.node(), traceback=(trace or [])[-_LINES:],
    )  # fmt: skip
    try:
        files.replace(folder / ERROR, f"{json.dumps(told.model_dump(), indent=1)}\n".encode())
    except OSError as error:
        files.say(f"pnnkern: warning: {folder / ERROR} cannot be written: {error.strerror or error}")


def _failed(folder: Path, error: BaseException, code: int) -> Outcome:
    if isinstance(error, OSError) and not isinstance(error, PnnError):
        message = f"{error.filename or 'a file'}: {error.strerror or error}"
    else:
        message = " ".join(str(error).split()) or type(error).__name__
    trace: list[str] = []
    if code == BROKEN:
        message = f"{type(error).__name__}: {message}"
        trace = [line for entry in traceback.format_exception(error) for line in entry.rstrip().split("\n")]
    if started()[0] == 0:  # of ranks one notes it
        note(folder, message, code, trace)
    return Outcome(code, message)
