"""What fields of one's own systems are declared with: bounds are held, and said in one sentence."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated

import pytest

from pnnkern.systems import fields


@dataclass(kw_only=True)
class Lens:
    focal: fields.Positive = 0.1
    absorbed: fields.Share = 0.0
    turns: Annotated[int, fields.Range(ge=1, le=99)] = 3
    glass: Annotated[str, fields.Choice(("bk7", "silica"))] = "bk7"

    def __post_init__(self) -> None:
        fields.check(self)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"focal": 0.0}, ValueError, "focal of Lens must be a finite number > 0, got 0.0"),
        ({"focal": "far"}, TypeError, "focal of Lens must be a number, got 'far'"),
        ({"absorbed": 1.5}, ValueError, "absorbed of Lens must be a finite number >= 0 and <= 1, got 1.5"),
        ({"turns": 100}, ValueError, "turns of Lens must be a finite number >= 1 and <= 99, got 100"),
        ({"turns": 2.5}, TypeError, "turns of Lens must be an integer, got 2.5"),
        ({"glass": "ice"}, ValueError, "glass of Lens must be .*'bk7', 'silica'.*, got 'ice'"),
    ],
)
def test_bounds_are_held_and_said(values: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Lens(**values)


def test_values_within_bounds_are_kept() -> None:
    assert Lens(focal=2, absorbed=1.0, turns=99, glass="silica") == Lens(glass="silica", turns=99, absorbed=1.0, focal=2)


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        (fields.Positive, 1e-300, 0.0),
        (fields.NotNegative, 0.0, -1e-300),
        (fields.Share, 1.0, 1.0000001),
        (fields.Count, 1, 0),
        (fields.Turns, 100_000, 100_001),
        (Annotated[tuple[float, ...], fields.Length(2, 3)], (1.0, 2.0), (1.0,)),
    ],
)
def test_each_kind_has_its_bounds(kind: object, inside: object, outside: object) -> None:
    Own = dataclasses.make_dataclass("Own", [("value", kind)], namespace={"__post_init__": fields.check})
    Own(inside)
    with pytest.raises(ValueError, match="value of Own must be"):
        Own(outside)
