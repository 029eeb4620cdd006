"""What descriptions of systems are given: a value of another type than its field's is one sentence, wherever it is given."""

import dataclasses
import importlib
import pkgutil
import typing
from typing import Any

import numpy as np
import pytest

from pnnkern import random, systems
from pnnkern._declared import check
from pnnkern.systems.d2nn import D2NN, Geometry, Imperfections
from pnnkern.systems.drn import DRN
from pnnkern.systems.writers import Stepped

RECORDS = {  # what passes give back: made by this package alone
    "Ensemble", "Ensembles", "Equilibria", "Factors", "Gradient", "MeasuredPhases", "Move", "Passed", "Quantity", "Set", "Shapes", "Spins",
    "States", "Target", "_Made",
}  # fmt: skip

def descriptions() -> dict[str, type]:
    modules = [importlib.import_module(f"pnnkern.systems.{m.name}") for m in pkgutil.iter_modules(systems.__path__)]
    classes = [c for m in modules for c in vars(m).values() if isinstance(c, type)]
    found = [c for c in classes if dataclasses.is_dataclass(c) and c.__module__.startswith(systems.__name__)]
    bases = [c for c in found if issubclass(c, systems.System) and not vars(c).get("kind")]  # the classes made of them check
    return {c.__name__: c for c in found if c.__name__ not in RECORDS | {"Plugin"} and c not in bases}


def good(cls: type, name: str) -> Any:
    """A value of the right type, for a field without a default."""
    kind = typing.get_type_hints(cls)[name]
    if typing.get_origin(kind) is tuple:
        return (2, 2)
    kind = next(iter(typing.get_args(kind)), kind)
    return {int: 2, float: 1.0}.get(kind) or (None if kind is Any else object.__new__(kind))


CLASSES = descriptions()
HINTS = {name: typing.get_type_hints(cls) for name, cls in CLASSES.items()}
FIELDS = [
    (name, f.name)
    for name, cls in CLASSES.items()
    for f in dataclasses.fields(cls)
    if Any not in (HINTS[name][f.name], *typing.get_args(HINTS[name][f.name])) or typing.get_origin(HINTS[name][f.name]) is dict
]


def test_there_are_fields_of_every_system() -> None:
    known = {c.__name__ for c in vars(systems).values() if dataclasses.is_dataclass(c)} - {"System", "Transferred"}  # the last: any rule
    assert known <= {name for name, _ in FIELDS} | RECORDS


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_another_type_is_one_sentence(name: str, field: str) -> None:
    cls = CLASSES[name]
    required = {f.name: good(cls, f.name) for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING}
    for wrong in (object(), {1}):
        with pytest.raises(TypeError, match=rf"^{field} of {name} must be .*, got .*$"):
            cls(**{**required, field: wrong})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Geometry(pitch=(4e-4, 4e-4)), r"^pitch of Geometry must be a number, got \(0.0004, 0.0004\)$"),
        (lambda: Geometry(size="200"), r"^size of Geometry must be an integer, got '200'$"),
        (lambda: Geometry(size=200.0), "^size of Geometry must be an integer, got 200.0$"),
        (lambda: Geometry(layers=True), "^layers of Geometry must be an integer, got True$"),
        (lambda: Geometry(band_limit="no"), "^band_limit of Geometry must be True or False, got 'no'$"),
        (lambda: Geometry(spacing=None), "^spacing of Geometry must be a number, got None$"),
        (lambda: Imperfections(levels=4.0), "^levels of Imperfections must be an integer"),
        (lambda: D2NN(geometry={"size": 24}), "^geometry of D2NN must be a Geometry, got {'size': 24}$"),
        (lambda: D2NN(shifts=((0, 0), (1,))), r"^shifts of D2NN must be a sequence, each 2 values, a number, a number or None, got"),
        (lambda: D2NN(imperfections=3), "^imperfections of D2NN must be an Imperfections, got 3$"),
        (lambda: DRN(hidden=10), "^hidden of DRN must be a sequence, each an integer, got 10$"),
        (lambda: DRN(hidden="10"), "^hidden of DRN must be a sequence, each an integer, got '10'$"),
        (lambda: Stepped(step=None, low=0, high=1, key=None), "^step of Stepped must be a number, got None$"),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_right(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["pitch", "wavelength"])
def test_lengths_of_a_geometry_are_positive_and_finite(name: str, wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} of Geometry must be a finite number > 0 and <= 1000000000.0, got {wrong}$"):
        Geometry(**{name: wrong})


def test_numbers_of_numpy_are_numbers() -> None:
    Geometry(layers=np.int64(2), pitch=np.float32(4e-4), spacing=1, band_limit=np.bool_(True))
    check(D2NN(geometry=Geometry(layers=1, size=24, detector_size=2, input_size=14), shifts=[(0, 0.0), np.zeros(2)], key=random.key(1)))


def test_systems_are_shown_in_one_line() -> None:
    """The keys that are not at their defaults, and the shapes of the parameters; never their values."""
    system = DRN(hidden=[32], key=random.key(0))
    shapes = "W1 (1568, 32) float32, b1 (32,) float32, W2 (32, 10) float32, b2 (10,) float32"
    assert repr(system) == f"DRN(hidden=[32], {shapes})"
