"""What a laboratory could do with a system. A rule asks for protocols, never for a class.

Every system has `parameters`, one flat dict ``name -> array``, `encode` (images or features as what enters it), and `forward`. Outputs are
real, (batch, outputs). Derivatives are sums over the batch of dL/dparameter, arrays or `Factors`; a rule makes updates of them
(`pnnkern.learning`), and what is done with an update is the parameter's writer's business (`pnnkern.systems.writers`).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Sample
from .._errors import CapabilityError, nearest
from .._updates import Derivative

T = TypeVar("T", bound=Callable[..., Any])


@runtime_checkable
class Measurable(Protocol):
    """Its outputs can be measured, noise and all."""

    parameters: dict[str, Array]

    def forward(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """One physical pass, (batch, outputs)."""

    def forward_population(
        self, inputs: Numbers, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """The passes of a population, (members, batch, outputs); `parameters` with a first axis of members, some or all of the names.

        Parameters
        ----------
        first
            The number of the first member in the whole population, or the numbers of all: each has the noise of its own number.
        """


@runtime_checkable
class Modelled(Protocol):
    """It has a digital twin with a derivative."""

    parameters: dict[str, Array]

    def forward_saving(self, inputs: Numbers) -> tuple[Array, Any]:
        """A pass of the twin, and its record for `vjp`."""

    def vjp(self, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """The twin's gradients for a cotangent (batch, outputs)."""


@runtime_checkable
class Layered(Protocol):
    """It is a chain of layers whose outputs can be measured, and each layer's own derivative is known."""

    parameters: dict[str, Array]

    def measure(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """One physical pass, and the record for the derivatives, at what was measured on the way as far as it can be."""

    def hidden_outputs(self, record: Any) -> list[Array]:
        """Outputs (batch, ...) of all layers but the last; real or complex."""

    def layer_vjp(self, layer: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradients of the parameters of one layer alone, for a cotangent of its output; the last layer's is (batch, outputs)."""


@runtime_checkable
class Relaxing(Protocol):
    """It relaxes to equilibrium, where its outputs can be nudged or held, and its parts know their own share of the energy.

    Parameters
    ----------
    has_energy : bool
        Whether equilibria are minima of an energy. Without one, contrasts are no gradients, however small the nudge.
    """

    parameters: dict[str, Array]
    has_energy: bool

    def targets(self, labels: Numbers) -> Array:
        """What the outputs should be for labels (batch,): (batch, outputs)."""

    def relax(
        self, inputs: Numbers, *, target: Numbers | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
        sample: Sample = 0,
    ) -> Any:  # fmt: skip
        """Equilibria, with `output` (batch, outputs), that of the free one: phase 0. Phase p = 1, 2, ... has nudge beta = nudges[p - 1].

        Nudged, a phase minimises E + beta C, C = |output - target|^2 / 2 or a cost of the system's own. With `hold` its outputs are held at
        ``output + beta (target - output)`` instead.
        """

    def contrast(self, relaxed: Any, a: int, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, a sum over the batch, in product form."""


@runtime_checkable
class Holomorphic(Protocol):
    """Its equilibria can be followed to nudges in the complex plane: the activations are holomorphic."""

    parameters: dict[str, Array]

    def holomorphic_contrast(self, inputs: Numbers, target: Numbers, *, radius: float, points: int) -> dict[str, Derivative]:
        """``1/(N r) sum_k dE/dparameter(r w^k) w^-k``, w = exp(2 pi i / N), a sum over the batch: by N nudges of size r on a circle.

        Raises
        ------
        ValueError
            Where nudges cannot be complex.
        """


@runtime_checkable
class Continual(Protocol):
    """Its parts can move after every nudged step, while it is still on its way from the free state to the nudged equilibrium."""

    parameters: dict[str, Array]

    def continual_moves(self, relaxed: Any, target: Numbers, *, nudge: float, steps: int, rate: float) -> dict[str, Array]:
        """By how much each parameter has moved after `steps` nudged steps from the free state `relaxed`, at the learning rate `rate`.

        It is back where it was in the end: writing the move brings it where it went.
        """


@runtime_checkable
class Reciprocal(Protocol):
    """It can be run backwards, from its outputs through the very same parts, and read inside both ways: the device is its own adjoint."""

    parameters: dict[str, Array]

    def forward_reading(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """One physical pass, (batch, outputs), and what was read inside on the way."""

    def backward(self, cotangent: Numbers, record: Any, key: Key | None = None, sample: Sample = 0) -> dict[str, Derivative]:
        """The pass backwards, driven by a cotangent (batch, outputs): each part's product of what went through it both ways."""


@runtime_checkable
class Driven(Protocol):
    """It follows its sources at once, so that inputs and forces at the outputs can oscillate, and each part sees what is at which frequency.

    States are arrays, (batch, ...): sums of states are taken over time.
    """

    parameters: dict[str, Array]

    def targets(self, labels: Numbers) -> Array:
        """What the outputs should be for labels (batch,): (batch, outputs)."""

    def driver(self) -> Callable[[Array, Array], Array]:
        """The state as a function of inputs and of forces (batch, outputs) on the outputs, for its parameters as they are now."""

    def read(self, states: Numbers) -> Array:
        """Outputs (batch, outputs) of states."""

    def errors(self, output: Numbers, target: Numbers) -> Array:
        """What outputs are to be pulled by, (batch, outputs): as a rule target - output."""

    def products(self, one: Numbers, two: Numbers) -> dict[str, Derivative]:
        """The derivative of the second variation of E between two states, by each parameter: the product of what a part feels in both.

        A sum over the batch.
        """


@runtime_checkable
class Weighing(Protocol):
    """It relaxes, as `Relaxing`, its samples can count differently, and its outputs can be pulled to rails.

    Parameters
    ----------
    rails : tuple[float, float]
        (low, high) of an output. The target of `relax` may be a function of the free outputs, whose errors decide on the side.
    """

    parameters: dict[str, Array]
    rails: tuple[float, float]

    def errors(self, output: Numbers, target: Numbers) -> Array:
        """What outputs are to be pulled by, (batch, outputs): as a rule target - output."""

    def contrast(self, relaxed: Any, a: int, b: int, weights: Numbers | None = None) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, a sum over the batch by weights (batch,)."""

    def absorbed(self, relaxed: Any, weights: Numbers | None = None) -> dict[str, Derivative]:
        """dE/dparameter in the free state, likewise: what each part takes of the power."""


@runtime_checkable
class Resistive(Protocol):
    """It is a network of resistors on a graph, whose voltages take time where nodes have a capacitance."""

    parameters: dict[str, Array]

    def targets(self, labels: Numbers) -> Array:
        """What the outputs should be for labels (batch,): (batch, outputs)."""

    def resistors(self, inputs: Numbers) -> tuple[Any, Array, np.ndarray, Array, np.ndarray]:
        """The `ResistorNetwork`, the conductances (E,) that it was built with, siemens, its source nodes and their volts, and its target nodes.

        A conductance that moves, moves the parameter as far.
        """

    def pulls(self, output: Numbers, target: Numbers) -> Array:
        """What voltages of the target nodes (batch, outputs) are pulled by: as a rule target - output."""


@runtime_checkable
class Yielding(Protocol):
    """Its equilibria at different parameters can be compared, as parts need that give way to what they feel."""

    parameters: dict[str, Array]

    def contrast_between(self, one: Any, a: int, two: Any, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b of the equilibria `two` less that in phase a of `one`, a sum over the batch, in product form."""


@runtime_checkable
class Generative(Protocol):
    """It has a law of its own over inputs and outputs together, by which it can be drawn with nothing held."""

    parameters: dict[str, Array]

    def targets(self, labels: Numbers) -> Array:
        """What the outputs are for labels (batch,): (batch, outputs)."""

    def forward(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """One physical pass, (batch, outputs)."""

    def undecided(self, count: int, key: Key) -> tuple[Array, Array]:
        """Inputs and outputs, so many of each, where nothing is known of them: where chains of draws begin."""

    def dream(self, inputs: Numbers, target: Numbers, *, steps: int, key: Key, sample: Sample = 0) -> tuple[Array, Array]:
        """Inputs and outputs after so many steps of drawing everything, from these."""

    def joint_contrast(self, data: tuple[Numbers, Numbers], model: tuple[Numbers, Numbers]) -> dict[str, Derivative]:
        """dE/dparameter of (inputs, outputs) of the data, a sum, less as much of the model's mean."""


@runtime_checkable
class Staged(Protocol):
    """It is a chain of stages that can be run one by one, with real outputs between them that can be measured and fed in again.

    Parameters
    ----------
    stages : int
        How many there are. Each has parameters of its own, and its own derivative is known.
    """

    parameters: dict[str, Array]
    outputs: int
    stages: int

    def stage(self, stage: int, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """One physical pass of one stage, outputs (batch, ...), real, and the record for `stage_vjp`.

        The first stage takes encoded inputs, each other one outputs of the one before, scaled as one likes.
        """

    def stage_vjp(self, stage: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradients of the stage's own parameters, zero for what others have of the same, for a cotangent of its outputs."""


@runtime_checkable
class Featured(Protocol):
    """What can be measured of it, inside too where that is possible, as features for a read-out that is fitted.

    Parameters
    ----------
    feature_count : int
        Of a sample.
    """

    parameters: dict[str, Array]
    outputs: int
    feature_count: int

    def read_features(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """Features (batch, feature_count) of one physical pass, real."""


# what a system that is refused lacks, in words
_WORDS = {
    "Measurable": "outputs that can be measured at other parameters (forward, forward_population)",
    "Modelled": "a digital twin with a derivative (forward_saving, vjp)",
    "Layered": "layers whose outputs can be measured (measure, hidden_outputs, layer_vjp)",
    "Relaxing": "equilibria that can be nudged (relax, contrast, targets)",
    "Continual": "parts that can move on the way to a nudged equilibrium (continual_moves)",
    "Holomorphic": "equilibria at complex nudges (holomorphic_contrast)",
    "Staged": "stages that can be run one by one (stage, stage_vjp)",
    "Featured": "features for a read-out (read_features)",
    "Generative": "a law of its own to draw inputs and outputs by (dream, joint_contrast)",
    "Reciprocal": "a way backwards through the same parts, read inside (forward_reading, backward)",
    "Driven": "inputs and outputs that can be driven at two frequencies (driver, read, errors, products, targets)",
    "Weighing": "samples that can count differently, rails of its outputs and parts that know their power (absorbed, errors)",
    "Resistive": "a network of resistors on a graph, whose voltages can take time (resistors, pulls, targets)",
    "Yielding": "equilibria that can be compared at different parameters (contrast_between)",
}


def lacks(system: Any, *needs: type) -> str:
    """What a system, or a class of systems, lacks of the protocols `needs`, in words; "" if nothing.

    A system lacks a protocol whose methods it has, but not the values, as its `unmet` says.
    """
    unmet = {} if isinstance(system, type) else getattr(system, "unmet", {})
    missing = []
    for name, need in ((need.__name__, need) for need in needs):
        if any(not callable(getattr(system, method, None)) for method in _methods(need)):
            missing.append(_WORDS.get(name, name))
        elif name in unmet:
            missing.append(unmet[name])
    return ", and ".join(missing)


def require(system: Any, rule: str, *needs: type) -> None:
    """Raise `CapabilityError` if the system lacks one of the protocols that a rule needs."""
    missing = lacks(system, *needs)
    if missing and not lacks(type(system), *needs):
        raise CapabilityError(f"{rule} needs {missing}")
    if missing:
        raise CapabilityError(
            f"{rule} needs {missing}; {type(system).__name__} has none. `pnnkern list --matrix` shows which rules train which systems"
        )


def _methods(protocol: type) -> list[str]:
    return [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]


@contextlib.contextmanager
def replaced(system: Any, parameters: dict[str, Array]) -> Iterator[None]:
    """The system with these parameters in the place of its own, for a while."""
    kept = dict(system.parameters)
    system.parameters.update(parameters)
    try:
        yield
    finally:
        system.parameters.update(kept)


def population(
    system: Any, inputs: Numbers, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
) -> Array:
    """`forward_population` of any system: one member after another, each with noise of its own number (see `numbered`)."""
    xp = _array.namespace(inputs)
    outputs = []
    for m, number in enumerate(numbered(members(system, parameters), first)):
        with replaced(system, {name: values[m] for name, values in parameters.items()}):
            outputs.append(system.forward(inputs, None if key is None else random.fold_in(key, number), sample))
    return xp.stack(outputs)


ONE_PASS, LOOPED = "in one pass", "member by member"


def population_runs(how: str) -> Callable[[T], T]:
    """Mark a `forward_population` with how populations run, in words, where that is not `ONE_PASS`; `how_population_runs` reads it."""

    def mark(method: T) -> T:
        method.population_runs = how  # type: ignore[attr-defined]
        return method

    return mark


def how_population_runs(system: Any) -> str:
    """How a population of a system, or of a class of systems, goes through its kernels: `ONE_PASS`, `LOOPED`, or which of them when."""
    return str(getattr(system.forward_population, "population_runs", ONE_PASS))


def looped_population(forward: Callable[..., Array]) -> Callable[..., Array]:
    """The `forward_population` of a system whose kernels have no axis of members: ``forward_population = looped_population(forward)``.

    It passes one member after another through the system, and is marked as `LOOPED`.
    """

    @population_runs(LOOPED)
    def forward_population(
        self: Any, inputs: Array, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """The passes of a population, (members, batch, outputs), one member after another; see `Measurable`."""
        return population(self, inputs, parameters, key, sample, first=first)

    forward_population.__module__, forward_population.__qualname__ = forward.__module__, f"{forward.__qualname__}_population"
    return forward_population


def numbered(count: int, first: Sample = 0) -> list[int]:
    """The numbers of `count` members in the whole population: from `first` on, or `first` itself where it holds all of them.

    Raises
    ------
    TypeError
        For what are no integers.
    ValueError
        For another count of them and for negative ones.
    """
    given = np.asarray(first)
    if given.dtype.kind not in "iu":
        raise TypeError(f"first must be the number of the first member, or the numbers of all, got {first!r:.80}")
    numbers = given + np.arange(count) if given.ndim == 0 else given
    if numbers.shape != (count,) or (count and numbers.min() < 0):
        raise ValueError(f"first must be a number of at least 0, or such numbers of all {count} members, got {first!r:.80}")
    return [int(n) for n in numbers]


@contextlib.contextmanager
def stacked(system: Any, parameters: dict[str, Array], first: Sample = 0) -> Iterator[None]:
    """The system with all its parameters (members, ...) for a while: those of a population, and its own for every member where it has none.

    Notes
    -----
    Raises as `members` and `numbered`.
    """
    count = members(system, parameters)
    numbered(count, first)
    xp = _array.namespace(*parameters.values())
    shared = {name: xp.broadcast_to(p, (count, *p.shape)) for name, p in system.parameters.items() if name not in parameters}
    with replaced(system, parameters | shared):
        yield


def members(system: Any, parameters: dict[str, Array]) -> int:
    """How many members a population has.

    Raises
    ------
    ValueError
        For a name that is no parameter, and for values that are not (members, ...) of the parameter's shape and dtype.
    """
    count = 0
    for name, values in parameters.items():
        if name not in system.parameters:
            raise ValueError(f"{name!r} is no parameter of {type(system).__name__}: {nearest(name, system.parameters)}")
        own = system.parameters[name]
        count = count or (len(values) if values.ndim else 0)
        if values.shape != (count, *own.shape) or not count or values.dtype != own.dtype:
            right = f"{own.dtype} ({', '.join(map(str, (count or 'members', *own.shape)))})"
            raise ValueError(f"{name} of a population must be {right}, got {values.dtype} {values.shape}")
    if not count:
        raise ValueError("a population needs parameters with a first axis of members, got none")
    return count


__all__ = [
    "LOOPED", "ONE_PASS", "Continual", "Driven", "Featured", "Generative", "Holomorphic", "Layered", "Measurable", "Modelled", "Reciprocal",
    "Relaxing", "Resistive", "Staged", "Weighing", "Yielding", "how_population_runs", "lacks", "looped_population", "members", "numbered",
    "population", "population_runs", "replaced", "require", "stacked",
]  # fmt: skip
