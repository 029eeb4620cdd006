"""A system that a function of your own makes, named in a recipe: ``plugin = "my_lab.py:bench"``."""

import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from .system import System


@dataclass(kw_only=True)
class Plugin(System):
    """Your own apparatus: what a function in a file of yours makes, which is run as the code that it is. Run recipes that you trust.

    The function is given, by name, those of `key`, `outputs`, `device`, `dtype` and `chunk` that it takes.
    """

    plugin: str = ""  # FILE.py:FUNCTION that makes the system

    kind: ClassVar[str] = "plugin"

    @classmethod
    def build(cls, values: Mapping[str, Any], **given: Any) -> Any:
        path, _, name = str(values["plugin"]).rpartition(":")
        if not path.endswith(".py") or not name.isidentifier():
            raise ValueError(f"system.plugin must be FILE.py:FUNCTION, got {values['plugin']!r:.80}")
        make = _function(Path(path), name)
        parameters = inspect.signature(make).parameters
        every = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        own = {field: value for field, value in given.items() if field != "parameters" and (every or field in parameters)}
        made = make(**own)
        if not isinstance(made, System):
            raise TypeError(f"{name} in {path} must give a system, such as systems.from_callable makes, got {type(made).__name__}")
        for field, value in given.get("parameters", {}).items():
            made.parameters[field] = value
        return made


def _function(path: Path, name: str) -> Any:
    """A function in a file. Raises ValueError, in one line, where there is none."""
    if not path.is_file():
        raise ValueError(f"system.plugin: the file {path} does not exist")
    spec = importlib.util.spec_from_file_location(f"pnnkern_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"system.plugin: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's code raises
        raise ValueError(f"system.plugin: {path} cannot be run: {type(error).__name__}: {error}") from error
    made = getattr(module, name, None)
    if not callable(made):
        raise ValueError(f"system.plugin: there is no function {name!r} in {path}")
    return made


__all__ = ["Plugin"]
