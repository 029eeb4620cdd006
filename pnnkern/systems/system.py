"""What every system is: a description of plain numbers, declared once, and what it was given to be built from them.

A system is one file in this package, with a class that names its `kind`. Its plain fields are the keys of the table [system] of a recipe;
they do not change once it is built, its `parameters` do.
"""

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from .. import _array, _declared, _launch
from .._array import Array, Real
from .._declared import Described
from .._gate import accepts_any, record
from .._kinds import Kinds

kinds = Kinds("system", "pnnkern.systems")
T = TypeVar("T")
CHANGED = _launch.fault(
    31, "parameters of a system were changed in place while it held what was made of the old ones: call its touch() after such a change"
)
_SUPPLIED = frozenset({"outputs", "dtype", "device", "chunk", "key"})  # what a run has at hand, and not all systems have use for


@dataclass(frozen=True)
class Quantity:
    """What can be exported: a line on it, and its SI unit; "1" for pure numbers."""

    about: str
    unit: str = "1"


@dataclass(frozen=True)
class Target:
    """A loss in plain words, which `pnnkern.learning.losses.make` makes.

    Parameters
    ----------
    loss : str
        "mse", towards `high` for the sample's class and `low` for the others, in the unit of the outputs, with `hinge` only as far as that; or
        "cross-entropy" of ``scale * output``.
    real : bool
        Whether outputs can be trained towards numbers at all.
    """

    loss: str = "mse"
    high: float = 1.0
    low: float = 0.0
    hinge: bool = False
    scale: float = 1.0
    real: bool = True


@dataclass(frozen=True)
class _Made:
    """What was made of a parameter: the parameter, a copy of it as it was, the writes until then."""

    result: Any
    parameter: Array
    then: Array
    writes: int

    def holds(self, parameter: Array, writes: int) -> bool:
        """Whether it is still what would be made. On a GPU nobody waits to look: a change that was not told of is a fault."""
        on_cpu = _array.namespace(parameter) is np
        if not on_cpu and (self.parameter is not parameter or self.writes != writes):
            return False
        if parameter.shape != self.then.shape or parameter.dtype != self.then.dtype:
            return False
        now, then = (_array.contiguous(x).view(f"u{x.itemsize}") for x in (parameter, self.then))  # bits: NaN is itself, too
        changed = (now != then).any()
        if not on_cpu:
            _launch.flag(changed, CHANGED)
        return not on_cpu or not changed


@record
@dataclass(frozen=True)
class States:
    """What `relax` gives where phases are whole states: output (batch, outputs) of the free one, and all phases, the free one first."""

    output: Real
    phases: list[Any]


@accepts_any
@dataclass(kw_only=True)
class System(Described):
    """Base of all systems.

    Parameters
    ----------
    parameters : dict[str, Array]
        Name -> array; given, or made by the system, at random with `key`.
    writers : dict[str, Any]
        What writes a parameter, by its name; those without one an optimiser writes.
    memory : dict[str, Array]
        What writers must remember, saved with a run.
    device : str
        "cpu" or "cuda", of the arrays.

    Notes
    -----
    What takes long to make of parameters (programmed arrays, factorisations) is kept until they change: on a CPU that is seen by itself; on a
    GPU, where looking would mean waiting, `writers.apply` says so, and who changes parameters in place otherwise calls `touch`. Forgotten, it
    is an error at the next `pnnkern.check()`.
    """

    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    key: Any = None
    device: str = "cpu"

    kind: ClassVar[str] = ""
    recipe: ClassVar[str] = ""  # the one that comes with the package and stands for the kind
    given: ClassVar[frozenset[str]] = _SUPPLIED
    measured: ClassVar[Literal["powers", "signed"]] = "signed"  # what comes out: powers of light, or values of either sign
    output_unit: ClassVar[str] = "1"  # SI unit of what comes out
    nudge_unit: ClassVar[str] = "1"  # SI unit of what outputs are nudged by, beta
    device_samples: ClassVar[bool] = False  # whether `encode` takes samples that are on the system's device, too
    drawn_by: ClassVar[str] = ""  # file in experiments/pictures that draws it for a report
    exact: ClassVar[Mapping[str, Any]] = {}  # keys that the exact-gradient control sets: parameters that an optimiser can write as it likes

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kinds.file(cls)
        if "__repr__" not in vars(cls):  # or a dataclass makes one, with all arrays in it
            cls.__repr__ = System.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """One line: the keys that are not at their defaults, and the shapes of the parameters."""
        values, defaults = _declared.values(self), {key.name: key.default for key in _declared.keys(type(self))}
        told = [f"{name}={value!r}" for name, value in values.items() if value != defaults[name]]
        told += [f"{name} {tuple(p.shape)} {p.dtype}" for name, p in self.parameters.items()]
        return f"{type(self).__name__}({', '.join(told)})"

    if not typing.TYPE_CHECKING:  # where any attribute could be set

        def __setattr__(self, name: str, value: Any) -> None:
            if name in vars(self) and name in _plain(type(self)):
                raise AttributeError(f"{name} of a {type(self).__name__} is fixed once it is built: dataclasses.replace makes another")
            super().__setattr__(name, value)

    @classmethod
    def build(cls, values: Mapping[str, Any], **given: Any) -> Any:
        """The system with these values of its keys.

        Parameters
        ----------
        given
            Other fields; of those that a run has at hand, what this system has no use for.

        Raises
        ------
        TypeError, ValueError
            For values that cannot be.
        """
        own = {f.name for f in dataclasses.fields(cls)}
        return _declared.made(cls, values, **{name: value for name, value in given.items() if name in own or name not in _SUPPLIED})

    # ------------------------------------------------------------------------------------------------ what is made of parameters
    _writes = 0

    def touch(self) -> None:
        """Say that parameters were changed in place: what was made of them is made anew before it is next used."""
        self._writes += 1

    @functools.cached_property
    def _made(self) -> dict[Any, _Made]:
        return {}

    def _kept(self, name: Any, parameter: Array, make: Callable[[], T]) -> T:
        """``make()``, which depends on this parameter, called again only when it was written. name : of what is made."""
        known = self._made.get(name)
        if known is None or not known.holds(parameter, self._writes):
            known = self._made[name] = _Made(make(), parameter, parameter.copy(), self._writes)
        found: T = known.result
        return found

    # ------------------------------------------------------------------------------------------------ what rules and reports ask
    @property
    def natural_loss(self) -> "Target":
        """What its outputs are trained towards when nothing else is said: the loss that nudges towards its targets lower."""
        return Target()

    @property
    def natural_nudge(self) -> float:
        """A nudge, beta, that moves outputs a little, in `nudge_unit`: what rules take where nothing else is said."""
        return 0.1

    @property
    def natural_hold(self) -> float:
        """How far outputs are held from where they are towards their targets, a fraction, where nothing else is said."""
        return 1e-2

    @property
    def natural_step(self) -> float:
        """A change of its parameters that is small, in their unit: a tenth of their root mean square."""
        squares = sum(float((abs(p) ** 2).sum()) for p in self.parameters.values())
        return 0.1 * (squares / max(1, sum(p.size for p in self.parameters.values()))) ** 0.5 or 0.05

    @property
    def step_unit(self) -> str:
        """SI unit of `natural_step`, that of the parameters as they are exported; "1" where they differ."""
        units = {what.unit for name, what in self.exports().items() if name in self.parameters}
        return units.pop() if len(units) == 1 else "1"

    @property
    def unmet(self) -> Mapping[str, str]:
        """By a protocol's name, which keys would have to be set for this system to have it: it has the methods, but not the values."""
        return {}

    @property
    def perfect(self) -> bool:
        """Whether what was built is as its model, by what it describes of itself."""
        return all(getattr(value, "perfect", True) for value in vars(self).values() if isinstance(value, Described))

    @classmethod
    def without_imperfections(cls) -> dict[str, Any]:
        """The keys of its imperfections, as they are where there are none."""
        return {key.name: key.default for key in _declared.keys(cls) if key.path[0] == "imperfections" and not key.default}

    # ------------------------------------------------------------------------------------------------------ for other programs
    def exports(self) -> dict[str, Quantity]:
        """What `export` can give."""
        return {}

    def export(self, what: str, index: float | None = None) -> np.ndarray:
        """The array `what`, float64.

        Parameters
        ----------
        index : float | None
            Refractive index of a print, None for the system's own.

        Raises
        ------
        ValueError
            For an unsuitable index, and for what there is nothing of.
        """
        if what not in self.exports() or what not in self.parameters:
            raise ValueError(f"a system of kind {self.kind!r} has nothing called {what!r} to export")
        return _array.to_numpy(self.parameters[what]).astype(np.float64)

    def facts(self, what: str, index: float | None = None) -> dict[str, Any]:
        """What else must be known to use an exported array, by name, in SI units.

        Pictures need "pitch", and "full_scale": what can be added to a value without a change, 2 pi for phases.
        """
        return {}

    def costs(self) -> dict[str, float]:
        """What it would cost to build and run, by name with the unit (`latency_s`); printed beside the accuracy."""
        return {}


@functools.cache
def _plain(cls: type) -> frozenset[str]:
    """Names of the fields that a recipe can set, or a run by itself."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return frozenset(f.name for f in dataclasses.fields(cls) if _declared.is_plain(hints[f.name]))


__all__ = ["Quantity", "States", "System", "Target", "kinds"]
