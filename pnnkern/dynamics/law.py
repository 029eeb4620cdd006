"""The law of a node: how fast its components change, by scalar functions of your own."""

import functools
from collections.abc import Mapping

import numpy as np

from .. import _constants
from .._array import Array
from .._gate import accepts_any
from .._own import Code, ScalarFunction, compare
from ._code import COUPLED, DRIVE, LawCode, roles

MOST = 4  # components of a node


@accepts_any
class Law:
    """The rates of a node's components, one to four, as scalar functions that run inside the kernels.

    Parameters
    ----------
    rates : Mapping[str, ScalarFunction | str]
        Of each component by its name its rate of change: a function, or the name of the component that it is, as in
        ``{"q": "v", "v": force}``. What a function is of, its arguments' names say: components; `coupled`, the sum over the node's edges of
        weight times what it feels there; `drive`, its input; every other name is a parameter, a number for each node.
    coupling : ScalarFunction | None
        What a node feels of another one, of the first component of both, `coupling(own, other)`; by default the other's.

    Attributes
    ----------
    states, parameters : tuple[str, ...]
        Names of the components, and of the parameters, in the order in which their arrays have them.
    constants : dict[str, float]
        Values of the constants of all functions, by name: numbers that all nodes, or edges, have in common. A name is one constant, in
        whichever functions it stands; ValueError where it has two values.

    Raises
    ------
    TypeError
        For what is no such function.
    ValueError
        For a name that is none of a component, or stands for two things.

    Notes
    -----
    Functions are compiled into the kernels, once in a process: make a law once, and change constants by `with_constants`. Time does not
    come as an argument: what depends on it is a drive.

    Examples
    --------
    >>> from pnnkern import ScalarFunction
    >>> force = ScalarFunction(lambda q, v, drive, k, gamma=0.1: -gamma * v - k * q + drive)
    >>> law = Law({"q": "v", "v": force})
    >>> law.states, law.parameters
    (('q', 'v'), ('k',))
    """

    def __init__(self, rates: Mapping[str, ScalarFunction | str], coupling: ScalarFunction | None = None) -> None:
        if not isinstance(rates, Mapping) or not 1 <= len(rates) <= MOST:
            raise TypeError(f"rates must name the rates of 1 to {MOST} components, as {{'q': 'v', 'v': force}}, got {rates!r:.80}")
        self.states = tuple(rates)
        wrong = [name for name in self.states if not isinstance(name, str) or not name.isidentifier() or name in (COUPLED, DRIVE)]
        if wrong:
            raise ValueError(f"a component must be named by a word other than {COUPLED!r} and {DRIVE!r}, got {wrong[0]!r:.60}")
        self._rates: dict[str, ScalarFunction | str] = {}
        taken: dict[str, None] = {}
        for name, rate in rates.items():
            if isinstance(rate, str):
                if rate not in self.states:
                    raise ValueError(f"the rate of {name} is {rate!r}, which is no component: they are {', '.join(self.states)}")
            elif not isinstance(rate, ScalarFunction):
                raise TypeError(f"the rate of {name} must be a pnnkern.ScalarFunction or the name of a component, got {type(rate).__name__}")
            else:
                taken |= dict.fromkeys(rate.arguments)
            self._rates[name] = rate
        if coupling is not None:
            if not isinstance(coupling, ScalarFunction):
                raise TypeError(f"coupling must be a pnnkern.ScalarFunction of own and other, got {type(coupling).__name__}")
            coupling._takes(("own", "other"), "coupling")
        self.coupling = coupling
        self.parameters = tuple(name for name in taken if name not in (*self.states, COUPLED, DRIVE))
        self.coupled, self.driven = COUPLED in taken, DRIVE in taken
        if coupling is not None and not self.coupled:
            raise ValueError(f"coupling is given, and no rate takes {COUPLED!r}")

    @functools.cached_property
    def constants(self) -> dict[str, float]:
        """Values of the constants of all functions, by name. Raises ValueError where a name has two values."""
        found: dict[str, float] = {}
        for function in self._functions.values():
            for name, value in function.constants.items():
                if found.setdefault(name, value) != value:
                    told = f"{found[name]:g} in one function of the law and {value:g} in another"
                    raise ValueError(f"constant {name} is {told}: give them two names")
        return found

    def with_constants(self, **constants: float) -> "Law":
        """The same law with other values of these constants of its functions: nothing is compiled for it. Raises ValueError."""
        functions = self._functions
        unknown = [name for name in constants if not any(name in f.constants for f in functions.values())]
        if unknown:
            known = ", ".join(dict.fromkeys(c for f in functions.values() for c in f.constants)) or "none"
            raise ValueError(f"no function of the law has a constant {unknown[0]!r}: they have {known}")
        changed = {name: f.with_constants(**{c: v for c, v in constants.items() if c in f.constants}) for name, f in functions.items()}
        other = object.__new__(type(self))
        other.__dict__.update(vars(self))
        for kept in ("_functions", "constants"):
            other.__dict__.pop(kept, None)
        other.__dict__.update(forward=self.forward, _backs=self._backs)
        other._rates = {name: changed.get(name, rate) for name, rate in self._rates.items()}
        other.coupling = changed.get("", self.coupling)
        return other

    def __repr__(self) -> str:
        told = ", ".join(f"{name}' = {rate if isinstance(rate, str) else rate._code.called}" for name, rate in self._rates.items())
        return f"Law({told}{'' if self.coupling is None else f', coupling={self.coupling._code.called}'})"

    # ------------------------------------------------------------------------------------------------------------------ inside
    @functools.cached_property
    def _functions(self) -> dict[str, ScalarFunction]:
        """The functions by the components that they are rates of; the coupling as ""."""
        found = {name: rate for name, rate in self._rates.items() if isinstance(rate, ScalarFunction)}
        return found if self.coupling is None else {**found, "": self.coupling}

    @functools.cached_property
    def forward(self) -> LawCode:
        """The law in a kernel that steps."""
        return self._made(back=False)

    @functools.cached_property
    def _backs(self) -> dict[bool, LawCode]:
        return {}

    def back(self, constants: bool = False) -> LawCode:
        """The law in a kernel that goes back, with all derivatives, by constants as well if they are asked for.

        Raises TypeError or ValueError where one is missing or another.
        """
        if constants not in self._backs:
            for function in self._functions.values():
                for name in (*function.arguments, *function.constants) if constants else function.arguments:
                    function._check_slope_by(name)
            self._backs[constants] = self._made(back=True, constants=constants)
        return self._backs[constants]

    def _made(self, back: bool, constants: bool = False) -> LawCode:
        rates: tuple[Code | str, ...] = tuple(rate if isinstance(rate, str) else rate._code for rate in self._rates.values())
        counts = [0 if isinstance(rate, str) else len(rate.constants) for rate in self._rates.values()]
        counts.append(0 if self.coupling is None else len(self.coupling.constants))
        firsts = tuple(int(n) for n in np.cumsum([0, *counts]))
        coupling = None if self.coupling is None else self.coupling._code
        forward = self.forward if back else None
        return LawCode(
            roles(rates, coupling, back, constants), self.states, self.parameters, rates, coupling, firsts, back, constants, forward
        )

    def _ready(self, like: Array, back: bool, constants: bool = False) -> None:
        """On a device: compare all text with the Python functions, the first time there."""
        parts = []
        for function in self._functions.values():
            by = (*function.arguments * back, *tuple(function.constants) * constants)
            parts += [(function, part) for part in ("f", *(f"by {name}" for name in by))]
        compare(parts, like)

    def _by_name(self, sums: Array) -> Array:
        """Derivatives (constants of all functions, one behind the other) as such by names, in the order of `constants`."""
        names = [name for function in self._functions.values() for name in function.constants]
        order = {name: i for i, name in enumerate(self.constants)}
        which = np.zeros((len(order), len(names)), sums.dtype)
        which[[order[name] for name in names], np.arange(len(names))] = 1
        found: Array = _constants.constant(which, sums.dtype, sums) @ sums
        return found

    def _table(self, like: Array) -> Array:
        """The constants of all functions, those of the coupling last."""
        values = [value for f in self._functions.values() for value in f.constants.values()]
        return _constants.constant(np.array(values, like.dtype), like.dtype, like)

    @functools.cached_property
    def is_second_order(self) -> bool:
        """Whether the leapfrog takes it: ``{"q": "v", "v": f}``, where f is not of v."""
        if len(self.states) != 2:
            return False
        first, second = self._rates.values()
        return first == self.states[1] and isinstance(second, ScalarFunction) and self.states[1] not in second.arguments


__all__ = ["Law"]
