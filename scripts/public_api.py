"""The public surface as one text: ``python scripts/public_api.py``; ``--write`` puts it where the test compares it, tests/public_api.txt.

Rooms, their functions with arguments, types and defaults, their classes with what these have; commands of the command line with their options.
"""

import ast
import dataclasses
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pnnkern

TEXT = Path(__file__).resolve().parents[1] / "tests/public_api.txt"
ROOMS = ("optics", "crossbar", "networks", "dynamics", "learning", "systems", "random", "testing")
PACKAGE = ("train", "run", "load", "evaluate", "load_data", "linear_control", "results", "check", "clear_caches", "get_include")


def source(thing: Any) -> Any:
    """The definition of a function or a class, as it is written: types of libraries print otherwise in other versions."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))).body[0]


def signature(thing: Any) -> str:
    """Arguments with types and defaults of a function, or of what makes an instance of a class."""
    if not isinstance(thing, type):
        return _arguments(source(thing))
    written: dict[str, ast.AnnAssign] = {}
    for base in (base for base in thing.__mro__ if base.__module__.startswith("pnnkern")):
        body = source(base).body
        made = [part for part in body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
        if made and not written:
            return _arguments(made[0]).partition(" -> ")[0].replace("(self, ", "(").replace("(self)", "()")
        written = {a.target.id: a for a in body if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)} | written
    fields = [written[f.name] for f in dataclasses.fields(thing) if f.init] if dataclasses.is_dataclass(thing) else []
    return f"({', '.join(f'{ast.unparse(a.target)}: {ast.unparse(a.annotation)}{_default(a.value)}' for a in fields)})"


def _arguments(found: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(found.returns)}" if found.returns is not None else ""
    return f"({ast.unparse(found.args)}){returns}"


def _default(value: Any) -> str:
    if value is None:
        return ""
    made = isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) == "field"
    return " = ..." if made else f" = {ast.unparse(value)}"


def of_class(cls: type) -> Iterator[str]:
    """What an instance has, by itself or from classes of ours."""
    names = {name for base in cls.__mro__ if base.__module__.startswith("pnnkern") for name in vars(base) if not name.startswith("_")}
    if any("__call__" in vars(base) for base in cls.__mro__ if base.__module__.startswith("pnnkern")):
        names.add("__call__")
    for name in sorted(names):
        value = inspect.getattr_static(cls, name)
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if inspect.isfunction(value):
            yield f"    .{name}{signature(value)}"
        elif isinstance(value, property):
            yield f"    .{name}"


def of_module(module: ModuleType, name: str) -> Iterator[str]:
    """A room, and the modules that it gives."""
    yield f"\n{name}"
    own = [key for key, value in vars(module).items() if key[0] != "_" and getattr(value, "__module__", "") == module.__name__]
    public = getattr(module, "__all__", own)
    inner = []
    for key in sorted(public, key=str.lower):
        thing = getattr(module, key)
        if inspect.ismodule(thing):
            inner.append((key, thing))
        elif isinstance(thing, type):
            yield f"  class {key}{signature(thing)}"
            yield from of_class(thing)
        elif inspect.isroutine(thing):
            yield f"  {key}{signature(thing)}"
        else:
            yield f"  {key}: {type(thing).__name__}"
    for key, thing in inner:
        if thing.__name__.startswith("pnnkern"):
            yield from of_module(thing, f"{name}.{key}")


def commands() -> Iterator[str]:
    """Commands and their options."""
    import typer.main

    from pnnkern import cli

    yield "\ncommand line"
    group: Any = typer.main.get_command(cli.app)
    for name, command in sorted(group.commands.items()):
        options = [p.opts[-1] if p.param_type_name == "option" else p.name.upper() for p in command.params if not getattr(p, "hidden", False)]
        yield f"  pnnkern {name} {' '.join(options)}"


def text() -> str:
    """All of it."""
    lines = ["pnnkern", *(f"  {name}{signature(getattr(pnnkern, name))}" for name in PACKAGE)]
    lines += [f"  class ScalarFunction{signature(pnnkern.ScalarFunction)}", *of_class(pnnkern.ScalarFunction)]
    for room in ROOMS:
        lines += of_module(importlib.import_module(f"pnnkern.{room}"), f"pnnkern.{room}")
    return "\n".join([*lines, *commands(), ""])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        TEXT.write_text(text())
    else:
        print(text(), end="")
