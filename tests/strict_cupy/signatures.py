"""What the real CuPy accepts: `signatures.json`, dumped from its wheel by scripts/dump_cupy_signatures.py."""

import functools
import inspect
import json
from pathlib import Path
from typing import Any

LINES: dict[str, str] = json.loads(Path(__file__).with_name("signatures.json").read_text())
VERSION = LINES.pop("version")


@functools.cache
def signature(path: str) -> inspect.Signature:
    """Of a callable, from its line `(a, axis=..., out=...)`. Raises AttributeError as CuPy would for a name that it lacks."""
    line = LINES.get(path)
    if line is None:
        raise AttributeError(f"module {path.rpartition('.')[0]!r} has no attribute {path.rpartition('.')[2]!r}")
    if not line.startswith("("):
        raise TypeError(f"{path} is no function: {line}")
    return inspect.signature(eval(f"lambda {line[1:-1]}: None"))


def check(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raises TypeError for arguments that the real function does not take."""
    try:
        signature(path).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{path}{LINES[path]}: {error}") from None


def ufunc(path: str) -> tuple[int, int] | None:
    """Inputs and outputs of an elementwise function; None for anything else."""
    words = LINES.get(path, "").split()
    return (int(words[1]), int(words[2])) if words[:1] == ["ufunc"] else None
