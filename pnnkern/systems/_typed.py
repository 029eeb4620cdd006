"""What a description is given, held against the types of its fields."""

import dataclasses
import functools
import numbers
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _array
from .._array import Array

_PLAIN: dict[Any, tuple[Any, str]] = {
    int: (numbers.Integral, "an integer"),
    float: (numbers.Real, "a number"),
    bool: ((bool, np.bool_), "True or False"),
    str: (str, "a string"),
    type(None): (type(None), "None"),
}


def check_types(description: Any) -> None:
    """Raise TypeError, in one sentence, for a field of a dataclass whose value is not of the field's type.

    Fields that may be anything (keys) are left to what uses them.
    """
    cls: Any = type(description)
    for name, kind in _fields(cls):
        value = getattr(description, name)
        if not _fits(value, kind):
            raise TypeError(f"{name} of {cls.__name__} must be {_words(kind)}, got {value!r:.80}")


@functools.cache
def _fields(cls: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(cls)
    return tuple((f.name, hints[f.name]) for f in dataclasses.fields(cls))


def _fits(value: Any, kind: Any) -> bool:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if kind is Array:
        return _array.is_array(value)
    if kind in _PLAIN:
        return isinstance(value, _PLAIN[kind][0]) and (kind is bool or not isinstance(value, bool))
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, one) for one in args)
    if origin in (tuple, Sequence):
        if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str):
            return False
        each = args[0] if origin is Sequence or args[-1] is Ellipsis else None
        return all(_fits(v, each) for v in value) if each else len(value) == len(args) and all(map(_fits, value, args))
    return isinstance(value, Mapping if origin is dict else origin or kind)


def _words(kind: Any) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind][1]
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_words, args))
    if origin in (tuple, Sequence):
        if origin is Sequence or args[-1] is Ellipsis:
            return f"a sequence, each {_words(args[0])}"
        return f"{len(args)} values, {', '.join(map(_words, args))}"
    name = (origin or kind).__name__
    return "a dictionary" if origin is dict else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
