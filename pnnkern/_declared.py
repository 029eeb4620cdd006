"""A description declares its fields once: type, default, bounds, unit and a line on each. Everything else is derived from that.

    @dataclass(kw_only=True)
    class Lens(Described):
        focal: Annotated[float, Range(gt=0)] = 0.1  # [m] focal length

The comment beside a field, or above it, is its documentation, its unit first in brackets. Fields of plain types (numbers, strings, choices,
lists of these) are keys of a recipe; those of a field that is itself `Described` are keys beside them; others are for Python.
"""

import ast
import dataclasses
import functools
import inspect
import io
import numbers
import textwrap
import tokenize
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from . import _array
from ._array import Array

MOST = 1 << 24  # of anything: sizes of arrays still multiply to what memory can be asked for, and loops come to an end


@dataclass(frozen=True)
class Range:
    """Bounds of a number."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def holds(self, value: Any) -> bool:
        """Whether a finite number lies within."""
        return (
            (self.ge is None or value >= self.ge) and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le) and (self.lt is None or value < self.lt)
        )  # fmt: skip

    def __str__(self) -> str:
        signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        bounds = [(sign, getattr(self, name)) for name, sign in signs if getattr(self, name) is not None]
        return " and ".join(f"{sign} {bound:g}" if abs(bound) < 1e6 else f"{sign} {bound}" for sign, bound in bounds)


@dataclass(frozen=True)
class Length:
    """Bounds of how many values a list has."""

    least: int = 0
    most: int = 100


@dataclass(frozen=True)
class Choice:
    """Strings that a field may have; in Python anything that is no string too."""

    names: tuple[str, ...]


Positive = Annotated[float, Range(gt=0)]
NotNegative = Annotated[float, Range(ge=0)]
Share = Annotated[float, Range(ge=0, le=1)]
Count = Annotated[int, Range(ge=1, le=MOST)]
CountOrNone = Annotated[int, Range(ge=0, le=MOST)]  # 0 has a meaning of its own
Turns = Annotated[int, Range(ge=1, le=100_000)]  # of a loop inside one step


class Described:
    """Base of what declares its fields. `given` are fields of plain types that a run supplies by itself and a recipe has no key for."""

    given: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Key:
    """One declared field: `path` leads to it through descriptions inside each other; `default` is `dataclasses.MISSING` if there is none."""

    name: str
    path: tuple[str, ...]
    type: Any
    default: Any
    unit: str
    about: str


# ------------------------------------------------------------------------------------------------------------------------- keys
def keys(cls: Any) -> tuple[Key, ...]:
    """The keys of a description, in the order of their declaration. Raises TypeError for two of one name."""
    return _collected(cls)


@functools.cache
def _collected(cls: Any) -> tuple[Key, ...]:
    found: dict[str, Key] = {}
    told, hints = comments(cls), typing.get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        inner = _bare(kind)
        if isinstance(inner, type) and issubclass(inner, Described):
            own = [dataclasses.replace(key, path=(field.name, *key.path)) for key in keys(inner)]
        elif field.init and field.name not in cls.given and is_plain(kind):
            own = [Key(field.name, (field.name,), kind, _default(field), *told.get(field.name, ("", "")))]
        else:
            continue
        for key in own:
            if key.name in found:
                raise TypeError(f"{cls.__name__} declares {key.name!r} twice: in {found[key.name].path} and in {key.path}")
            found[key.name] = key
    return tuple(found.values())


def _default(field: Any) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _bare(kind: Any) -> Any:
    return kind.__origin__ if typing.get_origin(kind) is Annotated else kind


def is_plain(kind: Any) -> bool:
    """Whether a type is of values that a recipe can have."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return any(isinstance(mark, Choice) for mark in args[1:]) or is_plain(args[0])
    if origin in (tuple, list, Sequence):
        return all(is_plain(arg) for arg in args if arg is not Ellipsis)
    return origin is Literal or kind in (int, float, bool, str)


def values(description: Any) -> dict[str, Any]:
    """The value of each key of a description."""
    return {key.name: functools.reduce(getattr, key.path, description) for key in keys(type(description))}


def made(cls: type, flat: Mapping[str, Any], **others: Any) -> Any:
    """The description with these values of its keys, and other fields as given."""
    nested: dict[str, Any] = {}
    for key in keys(cls):
        if key.name in flat:
            place = nested
            for step in key.path[:-1]:
                place = place.setdefault(step, {})
            place[key.path[-1]] = flat[key.name]
    return _build(cls, nested | others)


def _build(cls: type, fields: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    return cls(**{name: _build(hints[name], value) if _is_nested(hints[name], value) else value for name, value in fields.items()})


def _is_nested(kind: Any, value: Any) -> bool:
    return isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Described)


# ----------------------------------------------------------------------------------------------------------------------- checks
_PLAIN: dict[Any, tuple[Any, str]] = {
    int: (numbers.Integral, "an integer"),
    float: (numbers.Real, "a number"),
    bool: ((bool, np.bool_), "True or False"),
    str: (str, "a string"),
    type(None): (type(None), "None"),
}


def check(description: Any) -> None:
    """Raise TypeError or ValueError, in one sentence, for a field of a dataclass whose value is not of its type or out of its bounds.

    Fields that may be anything (keys) are left to what uses them.
    """
    cls: Any = type(description)
    for name, kind in _fields(cls):
        value = getattr(description, name)
        if not _fits(value, kind):
            raise TypeError(f"{name} of {cls.__name__} must be {_words(kind)}, got {value!r:.80}")
        if wrong := _out_of_bounds(value, kind):
            raise ValueError(f"{name} of {cls.__name__} must be {wrong}, got {value!r:.80}")


@functools.cache
def _fields(cls: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((f.name, hints[f.name]) for f in dataclasses.fields(cls))


def _fits(value: Any, kind: Any) -> bool:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if kind is Array:
        return _array.is_array(value)
    if kind in _PLAIN:
        return isinstance(value, _PLAIN[kind][0]) and (kind is bool or not isinstance(value, bool))
    if origin is Annotated:
        return _fits(value, args[0])
    if origin is Literal:
        return isinstance(value, type(args[0]))
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, one) for one in args)
    if origin in (tuple, list, Sequence):
        if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str):
            return False
        each = args[0] if origin is not tuple or args[-1] is Ellipsis else None
        return all(_fits(v, each) for v in value) if each else len(value) == len(args) and all(map(_fits, value, args))
    return isinstance(value, Mapping if origin is dict else origin or kind)


def _out_of_bounds(value: Any, kind: Any) -> str:
    """What a value of the right type must be and is not, in words; "" if it is."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal and value not in args:
        return f"one of {', '.join(map(repr, args))}"
    if origin is Annotated:
        for mark in args[1:]:
            if isinstance(mark, Choice) and isinstance(value, str) and value not in mark.names:
                return f"one of {', '.join(map(repr, mark.names))}"
            if isinstance(mark, Range) and not (isinstance(value, str) or (np.isfinite(value) and mark.holds(value))):
                return f"a finite number {mark}".rstrip()
            if isinstance(mark, Length) and not mark.least <= len(value) <= mark.most:
                return f"{mark.least} values" if mark.least == mark.most else f"{mark.least} to {mark.most} values"
        return _out_of_bounds(value, args[0])
    if origin in (tuple, list, Sequence):
        of = args if origin is tuple and args[-1] is not Ellipsis else [args[0]] * len(value)
        return next((f"values that are each {wrong}" for v, one in zip(value, of, strict=True) if (wrong := _out_of_bounds(v, one))), "")
    return ""


def _words(kind: Any) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind][1]
    if origin is Annotated:
        return _words(args[0])
    if origin is Literal:
        return f"one of {', '.join(map(repr, args))}"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_words, args))
    if origin in (tuple, list, Sequence):
        if origin is not tuple or args[-1] is Ellipsis:
            return f"a sequence, each {_words(args[0])}"
        return f"{len(args)} values, {', '.join(map(_words, args))}"
    name = (origin or kind).__name__
    return "a dictionary" if origin is dict else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


# --------------------------------------------------------------------------------------------------------------- documentation
@functools.cache
def comments(cls: type) -> dict[str, tuple[str, str]]:
    """Unit and documentation of each field, from the comments beside or above its declaration: ``# [m] side of a neuron``."""
    found: dict[str, tuple[str, str]] = {}
    for base in reversed(cls.__mro__):
        if "__annotations__" in vars(base):
            for name, comment in _declared(base).items():
                found[name] = _parted(comment) if comment else found.get(name, ("", ""))
    return found


def _parted(comment: str) -> tuple[str, str]:
    if comment.startswith("[") and "]" in comment:
        unit, _, about = comment[1:].partition("]")
        return unit, about.strip()
    return "", comment


def _declared(cls: type) -> dict[str, str]:
    """The comment of each annotated name in the body of a class: at its end, else in the lines above it; "" for none."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # a class of somebody else's without a file
        return {}
    lines = source.splitlines()
    comments = {
        token.start[0]: (token.string.lstrip("# "), lines[token.start[0] - 1].lstrip().startswith("#"))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith("# fmt")
    }
    found = {}
    for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        end, alone = comments.get(node.end_lineno or node.lineno, ("", True))
        above: list[str] = []
        line = node.lineno - 1
        while line in comments and comments[line][1]:
            above.insert(0, comments[line][0])
            line -= 1
        found[node.target.id] = " ".join(above) if alone else end
    return found
