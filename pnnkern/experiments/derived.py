"""The tables [system] and [rule] of a recipe as pydantic models, derived from what the classes of systems and rules declare."""

import dataclasses
import functools
import typing
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, create_model

from .. import _declared
from .._declared import Choice, Length, Range
from .tables import Table


class Derived(Table):
    """A table whose keys a class declares: `of`."""

    of: ClassVar[Any]

    kind: str

    def values(self) -> dict[str, Any]:
        """The keys but for the kind."""
        return self.model_dump(exclude={"kind"})


@functools.cache
def table(cls: Any) -> type[Derived]:
    """The table whose keys are those that a class of systems or rules declares."""
    fields: dict[str, Any] = {"kind": (Literal[cls.kind], cls.kind)}
    for key in _declared.keys(cls):
        told = Field(
            default=... if key.default is dataclasses.MISSING else _listed(key.default), description=key.about,
            json_schema_extra={"unit": key.unit},
        )  # fmt: skip
        fields[key.name] = (_checked(key.type), told)
    model = create_model(f"{cls.__name__}Table", __base__=Derived, __doc__=cls.__doc__, __module__=cls.__module__, **fields)
    model.of = cls
    return model


def _listed(value: Any) -> Any:
    """Sequences as TOML has them."""
    return [_listed(v) for v in value] if isinstance(value, tuple | list) else value


def _checked(kind: Any) -> Any:
    """A declared type as pydantic checks it."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        marks = [mark for mark in args[1:] if isinstance(mark, Range | Length | Choice)]
        if choice := next((mark for mark in marks if isinstance(mark, Choice)), None):
            return Literal[choice.names]
        inner = _checked(args[0])
        for mark in marks:
            if isinstance(mark, Range):
                inner = Annotated[inner, Field(**{k: v for k, v in dataclasses.asdict(mark).items() if v is not None})]
            elif isinstance(mark, Length):
                inner = Annotated[inner, Field(min_length=mark.least, max_length=mark.most)]
        return inner
    if origin is tuple and args[-1] is not Ellipsis:
        return Annotated[list[_checked(args[0])], Field(min_length=len(args), max_length=len(args))]  # type: ignore[misc]
    if origin in (tuple, list, Sequence):
        return list[_checked(args[0])]  # type: ignore[misc]
    return kind
