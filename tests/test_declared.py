"""What a description declares once: keys in order with defaults, units, bounds and words, flat values and back, and checks in one sentence."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import pytest

from pnnkern import _declared
from pnnkern._declared import Choice, Count, Described, Length, Positive, Range
from pnnkern.experiments import derived


@dataclass(frozen=True, kw_only=True)
class Inner(Described):
    bits: Annotated[int, Range(ge=0, le=24)] = 0  # of a converter; 0: exact
    # [ohm] of a wire,
    # on two lines
    wires: float = 0.0


@dataclass(kw_only=True)
class Outer(Described):
    length: Positive  # [m] of it
    kinds: Annotated[Sequence[Count], Length(1, 3)] = (4,)  # of things
    mode: Literal["a", "b"] = "a"  # of working
    inner: Inner = field(default_factory=Inner)
    pair: tuple[float, float] = (1.0, 2.0)  # two numbers
    own: Annotated[Any, Choice(("auto", "mse"))] = "auto"  # by name, or one of your own
    edges: Any = None
    device: str = "cpu"

    kind: ClassVar[str] = "outer"
    given: ClassVar[frozenset[str]] = frozenset({"device"})

    def __post_init__(self) -> None:
        _declared.check(self)


def test_keys_are_the_plain_fields_flat_and_in_order() -> None:
    keys = _declared.keys(Outer)
    assert [(k.name, k.path, k.unit, k.about) for k in keys] == [
        ("length", ("length",), "m", "of it"), ("kinds", ("kinds",), "", "of things"), ("mode", ("mode",), "", "of working"),
        ("bits", ("inner", "bits"), "", "of a converter; 0: exact"), ("wires", ("inner", "wires"), "ohm", "of a wire, on two lines"),
        ("pair", ("pair",), "", "two numbers"), ("own", ("own",), "", "by name, or one of your own"),
    ]  # fmt: skip
    assert keys[0].default is dataclasses.MISSING
    assert keys[1].default == (4,)


def test_flat_values_and_back() -> None:
    made = _declared.made(Outer, {"length": 2.0, "bits": 3, "mode": "b"}, edges=[1])
    assert made == Outer(length=2.0, mode="b", inner=Inner(bits=3), edges=[1])
    assert _declared.values(made) == {
        "length": 2.0, "kinds": (4,), "mode": "b", "bits": 3, "wires": 0.0, "pair": (1.0, 2.0), "own": "auto",
    }  # fmt: skip
    assert _declared.made(Outer, _declared.values(made), edges=[1]) == made


def test_two_keys_of_one_name_are_refused() -> None:
    @dataclass
    class Twice(Described):
        bits: int = 0
        inner: Inner = field(default_factory=Inner)

    with pytest.raises(TypeError, match="Twice declares 'bits' twice"):
        _declared.keys(Twice)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"length": -1.0}, ValueError, "length of Outer must be a finite number > 0, got -1.0"),
        ({"length": float("nan")}, ValueError, "length of Outer must be a finite number > 0, got nan"),
        ({"length": "1"}, TypeError, "length of Outer must be a number, got '1'"),
        ({"length": 1.0, "kinds": ()}, ValueError, r"kinds of Outer must be 1 to 3 values, got \(\)"),
        ({"length": 1.0, "kinds": (1, 0)}, ValueError, r"kinds of Outer must be values that are each a finite number >= 1 and"),
        ({"length": 1.0, "kinds": (1, 2.5)}, TypeError, "kinds of Outer must be a sequence, each an integer, got"),
        ({"length": 1.0, "mode": "c"}, ValueError, "mode of Outer must be one of 'a', 'b', got 'c'"),
        ({"length": 1.0, "own": "mae"}, ValueError, "own of Outer must be one of 'auto', 'mse', got 'mae'"),
        ({"length": 1.0, "pair": (1.0,)}, TypeError, "pair of Outer must be 2 values, a number, a number, got"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(fields: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        Outer(**fields)


def test_a_value_of_your_own_may_stand_for_a_name() -> None:
    assert Outer(length=1.0, own=len).own is len


def test_the_table_of_a_recipe_is_derived() -> None:
    table = derived.table(Outer)
    made = table.model_validate({"kind": "outer", "length": 1, "kinds": [1, 2], "pair": [3.0, 4]})
    assert _declared.made(Outer, made.values()) == Outer(length=1, kinds=[1, 2], pair=[3.0, 4])
    schema = table.model_json_schema()["properties"]
    assert schema["wires"]["unit"] == "ohm"
    assert schema["bits"]["maximum"] == 24
    assert schema["mode"]["enum"] == ["a", "b"]
    assert schema["own"]["enum"] == ["auto", "mse"]
    assert "edges" not in schema
    assert "device" not in schema
    for wrong in ({"length": 0}, {"length": 1, "bits": 25}, {"length": 1, "kinds": []}, {"length": 1, "what": 1}, {"length": True}):
        with pytest.raises(ValueError, match="validation error"):
            table.model_validate(wrong)
