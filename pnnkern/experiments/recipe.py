"""Recipes: TOML tables that say what to learn, with what, how, and for how long."""

import difflib
import hashlib
import importlib.resources
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from .. import _files
from .._errors import PnnError
from .._version import __version__
from . import derived, files, tables

FIXED: dict[str, type[tables.Table]] = {
    "data": tables.Data,
    "training": tables.Training,
    "compute": tables.Compute,
    "checkpoint": tables.Checkpoint,
    "control": tables.Control,
}
TABLES = ("data", "system", "rule", "training", "compute", "checkpoint", "control")
_DEFAULT_KIND = {"rule": "in-silico"}
LONGEST = 1 << 15  # characters of a recipe or an override: what the longest key or the deepest nesting costs grows with their square
_NAME = r"(\w([\w .,@+=()-]{0,98}[\w+=)-])?)?"  # of a recipe, if it has one
_WRITTEN_BY = "# Written by pnnkern "  # the first line of config.toml goes on with a version; before 0.2.0 there was no such line
_DEEPEST = 8  # tables and lists inside each other; recipes have two
# What may change while a run goes on: tables or keys. Where the data lie is of no matter, their digest is compared.
CHANGEABLE = (
    "training.epochs", "training.lr", "checkpoint", "control", "compute.device", "compute.threads", "compute.ranks",
    "compute.patience", "data.folder", "data.path",
)  # fmt: skip


class RecipeError(PnnError, ValueError):
    """A recipe, or a change to one, that cannot be followed."""


class UnknownKeys(RecipeError):
    """A recipe with keys that there are not."""

    def __init__(self, message: str, keys: list[str]) -> None:
        super().__init__(message)
        self.keys = keys


@dataclass(frozen=True)
class Recipe:
    """A complete recipe: every key has its value."""

    recipe: str  # its name
    summary: str
    data: tables.Data
    system: derived.Derived
    rule: derived.Derived
    training: tables.Training
    compute: tables.Compute
    checkpoint: tables.Checkpoint
    control: tables.Control

    def table(self) -> dict[str, Any]:
        """The recipe as nested plain values; `read` gives the recipe back."""
        return {"recipe": self.recipe, "summary": self.summary} | {name: getattr(self, name).model_dump() for name in TABLES}

    def dumps(self) -> str:
        """The recipe as TOML."""
        return tomli_w.dumps(self.table())


# ------------------------------------------------------------------------------------------------------------------------ find
def names() -> list[str]:
    """The recipes that come with the package."""
    folder = importlib.resources.files("pnnkern.experiments.recipes")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def find(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe called `name`, or in the file `name` if that ends in .toml, with ``path.to.key=value`` overrides applied."""
    if name.endswith(".toml"):
        text = _files.read_text(name, LONGEST, f"the recipe {name}", RecipeError)
        return loads(text, Path(name).stem, where=name, overrides=overrides)
    if name not in names():
        raise RecipeError(f"no recipe is called {shown(name)}: {nearest(name, names())}")
    text = (importlib.resources.files("pnnkern.experiments.recipes") / f"{name}.toml").read_text(encoding="utf-8")
    return loads(text, name, where=name, overrides=overrides)


def loads(text: str, name: str, *, where: str, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe from TOML text; `name` unless the text gives one; `where` is for messages."""
    try:
        table = parsed(text)
    except ValueError as error:
        raise RecipeError(f"{where} is no valid TOML: {error}") from error
    overrides = list(overrides)
    for override in overrides:
        if override.partition("=")[0].strip() in ("system.kind", "rule.kind"):
            _change_kind(table, override)
    for override in overrides:
        _apply(table, override)
    return read({"recipe": name, **table})


def parsed(text: str) -> dict[str, Any]:
    """TOML text as nested values. Raises ValueError for what is none, and for what is too long or too deep to be a recipe."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text)} characters, and a recipe has {LONGEST} at most")
    try:
        table = tomllib.loads(text)
        _refuse_deep(table)
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
    except ValueError as error:
        if isinstance(error, tomllib.TOMLDecodeError):
            raise
        raise ValueError("a whole number has too many digits") from error
    return table


def _refuse_deep(table: Any, room: int = _DEEPEST) -> None:
    """Raise RecursionError for values inside more than `room` others."""
    if not room:
        raise RecursionError
    for value in table.values() if isinstance(table, dict) else table:
        if isinstance(value, (dict, list)):
            _refuse_deep(value, room - 1)


# ------------------------------------------------------------------------------------------------------------------------ read
def read(table: Mapping[str, Any]) -> Recipe:
    """Check nested plain values against the models of their tables and fill in the defaults. Raises `RecipeError`."""
    models = {name: FIXED.get(name) or _kind(name, table.get(name, {})) for name in TABLES}
    _refuse_unknown(table, models)
    for name in ("recipe", "summary"):
        if not isinstance(table.get(name, ""), str):
            raise RecipeError(f"{name} must be a string, got {shown(table[name])}")
    if not is_name(table.get("recipe", "")):
        raise RecipeError(
            f"recipe must be a name for a folder, of at most 100 letters, digits and - _ . , @ + = ( ) within, got {shown(table['recipe'])}"
        )
    parts = {name: _validated(name, models[name], table.get(name, {})) for name in TABLES}
    return Recipe(table.get("recipe", ""), table.get("summary", ""), **parts)


def is_name(name: str) -> bool:
    """Whether a recipe can be called that."""
    return bool(re.fullmatch(_NAME, name))


def _kind(name: str, table: Any) -> type[tables.Table]:
    """The model of [system] or [rule], by its `kind`."""
    classes = kinds(name)
    if not isinstance(table, Mapping):
        raise RecipeError(f"{name} must be a table, got {shown(table)}")
    kind = table.get("kind", "plugin" if name == "system" and "plugin" in table else _DEFAULT_KIND.get(name))
    if kind is None:
        raise RecipeError(f"{name}.kind is missing: it is one of {', '.join(sorted(classes))}")
    if not isinstance(kind, str):
        raise RecipeError(f"{name}.kind must be a string, one of {', '.join(sorted(classes))}, got {shown(kind)}")
    if kind not in classes:
        raise RecipeError(f"no {name} is of kind {shown(kind)}: {nearest(kind, sorted(classes))}")
    return derived.table(classes[kind])


def kinds(name: str) -> dict[str, Any]:
    """The classes that the table [system] or [rule] can name, by their kinds."""
    from .. import learning, systems

    return {"system": systems.kinds, "rule": learning.kinds}[name].classes()


def _refuse_unknown(table: Mapping[str, Any], models: Mapping[str, type[tables.Table]]) -> None:
    known = ["recipe", "summary", *(f"{name}.{key}" for name, model in models.items() for key in model.model_fields)]
    for path, value in leaves(table):
        if path in models and not isinstance(value, Mapping):
            raise RecipeError(f"{path} must be a table, got {shown(value)}")
        if path not in known and path not in models:
            unknown = [key for key, _ in leaves(table) if key not in known and key not in models]
            raise UnknownKeys(f"unknown key {shown(path)}: {nearest(path, known)}", unknown)
        if isinstance(value, str) and (len(value) > 4096 or re.search(r"[\0\ud800-\udfff]", value)):
            raise RecipeError(f"{path} must be text in UTF-8, of 4096 characters at most and without zero bytes, got {shown(value)}")


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("table.key", value) of nested tables; empty tables count as values."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def digest(recipe: Recipe) -> str:
    """The first twelve digits of the SHA-256 of a complete recipe: equal recipes have equal ones."""
    text = json.dumps(recipe.table(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Both values of each key that two recipes differ in; None where a kind of system or rule has no such key."""
    a, b = dict(leaves(one.table())), dict(leaves(other.table()))
    return {key: (a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)}


def fixed(keys: Iterable[str]) -> list[str]:
    """Those keys that must not change while a run goes on; `CHANGEABLE` has the others."""
    return [key for key in keys if not {key, key.partition(".")[0]} & {*CHANGEABLE}]


def nearest(name: str, known: list[str]) -> str:
    """The known name that was probably meant: with the same last part, or similar as a whole, or in its last part."""
    name = name[:80]
    leaf = {k.rpartition(".")[2]: k for k in reversed(known)}
    last = name.rpartition(".")[2]
    near = [leaf[last]] if last in leaf else difflib.get_close_matches(name, known, 1, 0.75)
    near = near or [leaf[n] for n in difflib.get_close_matches(last, leaf, 1)] or difflib.get_close_matches(name, known, 1, 0.4)
    return f"the nearest is {near[0]!r}" if near else f"there are {', '.join(known)}"


def _validated(name: str, model: type[BaseModel], table: Any) -> Any:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([name, *(str(part) for part in first["loc"])])
        message = first["msg"]
        raise RecipeError(f"{path}: {message[0].lower()}{message[1:]}, got {shown(first['input'])}") from error


def shown(value: Any) -> str:
    """A value as messages show it: the beginning of a long one, and whole numbers that Python does not spell out as what they are."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


# ------------------------------------------------------------------------------------------------------------------- overrides
def _apply(table: dict[str, Any], override: str) -> None:
    """Set one ``path.to.key=value``, the value in TOML; a bare word is taken as a string."""
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise RecipeError(f"--set takes path.to.key=value, got {shown(override)}")
    *above, last = path.strip().split(".")
    if len(above) > _DEEPEST:
        raise RecipeError(f"unknown key {shown(path.strip())}: keys are table.key")
    for key in above:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {shown(override)}: {key} is a value, not a table")
    table[last] = _value(text)


def _value(text: str) -> Any:
    """The value in TOML of an override; of text that is none, the text."""
    try:
        table = parsed(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise RecipeError(f"--set takes path.to.key=value, and {shown(text)} is none: {error}") from error
    return table["value"] if len(table) == 1 else text


def _change_kind(table: dict[str, Any], override: str) -> None:
    """Another kind of system or rule: what the recipe says of the old kind only is dropped, what both know stays."""
    name = override.partition(".")[0].strip()
    _apply(table, override)
    known = _kind(name, table[name]).model_fields
    table[name] = {key: value for key, value in table[name].items() if key in known}


def write(recipe: Recipe, path: Path) -> None:
    """Write the complete recipe as TOML, whole or not at all."""
    head = f"{_WRITTEN_BY}{__version__}.\n# The complete recipe of this run. Repeat it elsewhere with: pnnkern run config.toml --out FOLDER\n\n"
    text = head + recipe.dumps()
    if len(text) > LONGEST:
        raise RecipeError(f"the complete recipe has {len(text)} characters, and a recipe has {LONGEST} at most: shorten its lists")
    try:
        files.replace(path, text.encode())
    except OSError as error:
        raise RecipeError(f"cannot write {path}: {error.strerror or error}") from error


def read_run(folder: Path, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe of the run in `folder`, from its config.toml; `overrides` must be of what may change while it goes on."""
    path = folder / "config.toml"
    if not os.path.lexists(path):
        raise RecipeError(f"{folder} holds no run: there is no {path.name} in it")
    text = _files.read_text(path, LONGEST, str(path), RecipeError, links=False)
    recipe = _read_old(text, folder, path)
    overrides = list(overrides)
    changed = loads(text, folder.name, where=str(path), overrides=overrides) if overrides else recipe
    refused = fixed(differences(recipe, changed))
    if refused:
        raise RecipeError(
            f"{', '.join(refused)} cannot change while a run goes on: only {', '.join(CHANGEABLE)} can; start a new one with `pnnkern run`"
        )
    return changed


def _read_old(text: str, folder: Path, path: Path) -> Recipe:
    """The recipe of a run, which another version may have written: if it cannot be followed for that, the version that can is named."""
    first, written = text.partition("\n")[0], "0.1.0"
    if first.startswith(_WRITTEN_BY):
        written = first.removeprefix(_WRITTEN_BY).rstrip(".")[:40]
    try:
        return loads(text, folder.name, where=str(path))
    except RecipeError as error:
        if written == __version__:
            raise
        why = f"and this version ({__version__}) cannot follow it: {error}"
        if isinstance(error, UnknownKeys):
            keys = [shown(key)[1:-1] for key in error.keys]
            listed = " and ".join(filter(None, (", ".join(keys[:-1]), keys[-1])))
            why = f"whose key{'s' * (len(keys) > 1)} {listed} this version ({__version__}) does not have"
        raise RecipeError(
            f"{path} was written by pnnkern {written}, {why}: resume it with pnnkern {written} (pip install pnnkern=={written})"
        ) from error
