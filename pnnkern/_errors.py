"""The exceptions of pnnkern. Each is also the builtin a caller would expect, so `except ValueError` keeps working."""

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path

from .kernels._errors import CacheWarning, DeviceError, PnnError, SettingError  # noqa: F401  (theirs are ours, too)


class DeviceMemoryError(PnnError, MemoryError):
    """There is no memory for an array."""


class FaultError(PnnError, ValueError):
    """A kernel met a value it cannot work with (a mean below zero, say) and flagged it in its fault word."""


class LaunchError(PnnError, TypeError):
    """The arguments of a launch do not fit the kernel's prototype."""


class CheckpointError(PnnError, RuntimeError):
    """A checkpoint is damaged, of a newer format, or locked by another process."""


class ResultsError(PnnError, RuntimeError):
    """A file of results cannot be written, or is none."""


class DataError(PnnError, ValueError):
    """A data set is missing, damaged, or of the wrong form."""


class CapabilityError(PnnError, TypeError):
    """A learning rule needs something that the system cannot do."""


class ConvergenceError(PnnError, ArithmeticError):
    """A relaxation has not reached the tolerance in the steps it was allowed."""


class NudgeError(PnnError, ValueError):
    """A nudge that the outputs cannot take: it leaves them without an equilibrium, or holds half way what is held whole or not at all."""


class UnitWarning(UserWarning):
    """A number looks as if it were given in another unit: a length not in metres, say, or a conductance in ohms."""


class SamplingWarning(UserWarning):
    """A grid is too coarse for what it is asked to hold: the result repeats itself or aliases."""


def nearest(name: object, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the known one that was probably meant, or all there are."""
    names = list(known)
    near = difflib.get_close_matches(str(name).lower(), names, 1, 0.4)
    return f"the nearest is {near[0]!r}" if near else f"there are {', '.join(names)}"


def out_of_memory(error: MemoryError, advice: str) -> DeviceMemoryError:
    """NumPy's or CuPy's `error`, which says how many bytes were asked for, with the line of ours that asked, and what makes it less."""
    if isinstance(error, DeviceMemoryError) and isinstance(error.__cause__, MemoryError):
        error = error.__cause__  # already told once, with other advice
    on_purpose = isinstance(error, DeviceMemoryError)  # where it was raised is of no interest
    ours = [] if on_purpose else [f for f in traceback.extract_tb(error.__traceback__) if Path(__file__).parent in Path(f.filename).parents]
    place = f", for `{(ours[-1].line or '').rstrip('(')}` in {Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else ""
    return DeviceMemoryError(f"{str(error).rstrip('.') or 'out of memory'}{place}; {advice}")
