"""Writers change the parameters of a physical device; a rule only proposes. Without a writer, an optimiser writes what it computes.

A system names its writers by parameter in `system.writers`, and holds what they must remember in `system.memory`, a flat dict of arrays
that is saved with the run.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Numbers
from .._capture import counter
from .._checks import real, shaped
from .._declared import Count, Described, NotNegative, Positive, Range, check
from .._errors import CapabilityError
from .._gate import accepts_any
from .._updates import Derivative, Factors, Gradient, Move, Rate, Set, Update, dense, scaled

_SAMPLES = ".samples"  # of which a writer counts how many it has had, in memory
Change = tuple[Array, Factors, float, float, float]  # what `networks.layered.updates` does to an array


class Writer(Protocol):
    """Changes one parameter, in place."""

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these values, as far as the devices can hold them."""

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        """Go down a derivative of the mean loss, at the learning rate lr: a number, or float64 (1,) on the GPU while a step is captured."""

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        """Add an array, as far as the devices can.

        Raises
        ------
        CapabilityError
            Where they only follow gradients.
        """


@accepts_any
@dataclass(frozen=True)
class Pulsed:
    """A crossbar of pulsed devices (`pnnkern.crossbar.pulsed`): each cell moves by the coincidences of two pulse trains.

    Parameters
    ----------
    device
        Name or description.
    key
        Of `pnnkern.random`; makes the devices and all that is random.
    pulses : int
        Longest train.

    Notes
    -----
    An update in factors is written as it comes, sample by sample; one that is an array by counted pulses, ``lr g / step`` rounded at random to
    whole ones. Weights (n_in, n_out) or (n,) float32, within the range of their cells (`crossbar.clip_weights`).
    """

    device: Any
    key: Any
    pulses: int = 31

    def __post_init__(self) -> None:
        check(self)

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these weights, as far as the devices can hold them."""
        from ..crossbar import pulsed

        cells = _cells(name, parameter)
        new = pulsed.clip_weights(cells, device=self.device, key=random.fold_in(self.key, name))
        parameter[...] = new.reshape(parameter.shape)

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        from ..crossbar import pulsed

        device = pulsed.pulsed_device(self.device)
        cells = _cells(name, parameter)
        sample = _count(memory, f"{name}{_SAMPLES}", len(update.first) if isinstance(update, Factors) else 1)
        key = random.fold_in(self.key, name)
        if isinstance(update, Factors):
            sign = float(np.sign(update.scale))
            new = pulsed.pulse_update(
                cells, update.first, sign * update.second, device=device, lr=lr * abs(update.scale), key=key, sample=sample,
                pulses=self.pulses,
            )  # fmt: skip
        else:
            exact_counts = -lr / device.step * _step(name, parameter, update).reshape(cells.shape)
            xp = _array.namespace(exact_counts)
            draws = random.uniform(random.fold_in(key, "rounding"), (1, exact_counts.size), sample=sample, like=exact_counts)
            counts = xp.floor(exact_counts + draws.reshape(exact_counts.shape)).astype(np.int32)
            new = pulsed.apply_pulses(cells, counts, device=device, key=key, sample=sample)
        parameter[...] = new.reshape(parameter.shape)

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        self.write(name, parameter, -_step(name, parameter, by), 1.0, memory)


@accepts_any
@dataclass(frozen=True)
class Transferred:
    """Gradients that are gathered in another array or in memory and transferred from there (`pnnkern.crossbar.transfer`).

    Parameters
    ----------
    rule
        `TikiTaka` or `MixedPrecision`.
    key
        Of `pnnkern.random`; makes the devices and all that is random. Its state is kept in `system.memory`; `start` makes it from the
        parameter, which then holds the weights that a pass meets. Updates must be in factors.

    Notes
    -----
    TikiTaka's transfer_lr counts per unit of the learning rate here, as in the published algorithms: what the fast array holds does not decay
    when the gradients stop, so transfers must stop with them.
    """

    rule: Any
    key: Any

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these weights, as far as the devices can hold them."""
        from ..crossbar import transfer

        state = transfer.transfer_start(self.rule, parameter.shape, key=random.fold_in(self.key, name), weights=parameter)
        self._keep(name, parameter, memory, state)

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        from ..crossbar import transfer

        if not isinstance(update, Factors):
            raise CapabilityError(
                f"{name} is written by {type(self.rule).__name__}, which takes updates in factors, and this rule gives it an array: take "
                f"another rule, or pulses (system.writer='pulsed')"
            )
        state = {k.removeprefix(f"{name}."): v for k, v in memory.items() if k.startswith(f"{name}.")}
        sign, key = float(np.sign(update.scale)), random.fold_in(self.key, name)
        rule = self.rule
        if isinstance(rule, transfer.TikiTaka):
            rule = dataclasses.replace(rule, transfer_lr=rule.transfer_lr * lr)
        new = transfer.transfer_update(rule, state, update.first, sign * update.second, lr=lr * abs(update.scale), key=key)
        self._keep(name, parameter, memory, new)

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        raise CapabilityError(
            f"{name} is written by {type(self.rule).__name__}, which follows gradients and cannot be moved or set: take another rule, or "
            f"pulses (system.writer='pulsed')"
        )

    def _keep(self, name: str, parameter: Array, memory: dict[str, Array], state: dict[str, Array]) -> None:
        from ..crossbar import transfer

        memory.update({f"{name}.{k}": v for k, v in state.items()})
        parameter[...] = transfer.transfer_weights(self.rule, state)


@accepts_any
@dataclass(frozen=True)
class Stepped:
    """Parameters that move in whole steps within a range, such as digital potentiometers.

    Parameters
    ----------
    step : float
        Of the parameter's unit.
    low, high : float
        Its range.
    key
        Of `pnnkern.random`: ``lr g / step`` is rounded at random to a whole number of steps, so that the mean movement is that of the update.
    by_sign : bool
        Instead, everything moves by one step against the sign of its gradient, however small that is, and not at all where it is zero: edges
        that know no more, Dillavou et al., Phys. Rev. Applied 18, 014040 (2022).
    """

    step: float
    low: float
    high: float
    key: Any
    by_sign: bool = False

    def __post_init__(self) -> None:
        check(self)

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these values, within the range."""
        parameter[...] = parameter.clip(self.low, self.high)

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        gradient = _step(name, parameter, update)
        xp = _array.namespace(gradient)
        if self.by_sign:
            parameter[...] = (parameter - self.step * xp.sign(gradient)).clip(self.low, self.high)
            return
        moved = parameter + self.step * _whole(name, -lr / self.step * gradient, self.key, memory)
        parameter[...] = moved.clip(self.low, self.high)

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        self.write(name, parameter, -_step(name, parameter, by), 1.0, memory)


@accepts_any
@dataclass(frozen=True)
class Rheostats:
    """Conductances of digital potentiometers, whose resistance moves in whole positions.

    Parameters
    ----------
    ohms : float
        Resistance of one position.
    low, high : float
        Range of the conductance, siemens, low above 0.
    key, by_sign
        As of `Stepped`; by the sign alone it is `networks.potentiometer_step`.
    """

    ohms: float
    low: float
    high: float
    key: Any
    by_sign: bool = False

    def __post_init__(self) -> None:
        check(self)

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these values, within the range."""
        parameter[...] = parameter.clip(self.low, self.high)

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        gradient = _step(name, parameter, update)
        if self.by_sign:
            from ..networks import potentiometer_step

            parameter[...] = potentiometer_step(parameter, gradient, ohms=self.ohms, low=1 / self.high, high=1 / self.low)
            return
        self.move(name, parameter, -lr * gradient, memory)

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        resistance = 1 / real(name, parameter).astype(np.float64)
        change = 1 / (parameter + _step(name, parameter, by)).clip(self.low, self.high) - resistance
        moved = resistance + self.ohms * _whole(name, change / self.ohms, self.key, memory)
        parameter[...] = 1 / moved.clip(1 / self.high, 1 / self.low)


@accepts_any
@dataclass(frozen=True)
class InPlace:
    """Weights that move by exactly ``-lr rate g`` and stay within low .. high; an update in factors is never made an array.

    Parameters
    ----------
    rate : float
        Of this parameter, relative to the learning rate.
    """

    low: float = -np.inf
    high: float = np.inf
    rate: float = 1.0

    def __post_init__(self) -> None:
        check(self)

    def start(self, name: str, parameter: Numbers, memory: dict[str, Array]) -> None:
        """Begin with these weights, within the range."""
        parameter[...] = parameter.clip(self.low, self.high)

    def change(self, parameter: Numbers, update: Gradient | Factors, count: int) -> Change | None:
        """What a launch does to the parameter beside others, for an update that is a sum over `count` samples: factors, or a row."""
        if isinstance(update, Factors):
            return parameter, scaled(update, 1 / count), self.rate, self.low, self.high
        row = update.value
        if parameter.ndim != 1 or row.shape != parameter.shape or row.dtype != parameter.dtype:
            return None
        factors = Factors(_constants.constant([[1.0]], row.dtype, row), row[None], update.scale / count)
        return parameter[None], factors, self.rate, self.low, self.high

    def write(self, name: str, parameter: Numbers, update: Derivative, lr: Rate, memory: dict[str, Array]) -> None:
        if isinstance(update, Factors):
            from ..networks import layered

            layered.updates([(parameter, update, self.rate, self.low, self.high)], lr)
            return
        rate = lr * self.rate
        if _array.is_array(rate):
            rate = _array.as_type(rate, parameter.dtype)
        parameter -= rate * shaped(f"the update of {name}", update, *parameter.shape)
        _keep_within(parameter, self.low, self.high)

    def move(self, name: str, parameter: Numbers, by: Numbers, memory: dict[str, Array]) -> None:
        parameter += shaped(f"the move of {name}", by, *parameter.shape)
        _keep_within(parameter, self.low, self.high)


CAPTURED = (InPlace, Pulsed, Stepped, Rheostats)  # what can be part of a captured step
_IDEAL = InPlace()  # what writes a move of a parameter that an optimiser writes otherwise


def _keep_within(parameter: Array, low: float, high: float) -> None:
    if np.isfinite(low) or np.isfinite(high):
        _array.namespace(parameter).clip(parameter, low, high, out=parameter)


# ------------------------------------------------------------------------------------------------- how a description says it
WRITERS = Literal["ideal", "pulsed", "tiki-taka-v1", "tiki-taka-v2", "tiki-taka-chopped", "tiki-taka-dynamic", "mixed-precision"]


@accepts_any
@dataclass(frozen=True, kw_only=True)
class Pulses(Described):
    """What writes arrays of weights, which may be pulsed devices; then they hold what the devices hold, and move as they move."""

    # by the optimiser; or by pulses, at once, through a fast array (Tiki-Taka), or from memory
    writer: WRITERS = "ideal"
    pulsed_device: str = "gokmen-vlasov"  # a name in pnnkern.crossbar.PULSED_DEVICES
    pulses: Annotated[int, Range(ge=1, le=31)] = 31  # the longest train
    transfer_every: Count = 1  # samples between two transfers
    transfer_lines: Count = 1  # inputs of the fast array that are read at a transfer
    transfer_lr: Positive = 0.1  # how much of what is read is transferred, per unit of the learning rate

    def __post_init__(self) -> None:
        check(self)

    def give(self, system: Any, names: Iterable[str]) -> None:
        """Let devices made from the system's key hold the weights called `names`.

        Raises
        ------
        ValueError
            For weights that are not float32.
        """
        if self.writer == "ideal":
            return
        if system.dtype != "float32":
            raise ValueError("pulsed devices hold float32 weights: set compute.dtype=float32")
        writer = self._writer(random.fold_in(random.require_key(system.key, "pulsed devices are random"), "pulsed"))
        for name in names:
            writer.start(name, system.parameters[name], system.memory)
            system.writers[name] = writer

    def _writer(self, key: Any) -> Writer:
        from ..crossbar import MixedPrecision, TikiTaka

        if self.writer == "pulsed":
            return Pulsed(self.pulsed_device, key, self.pulses)
        if self.writer == "mixed-precision":
            return Transferred(MixedPrecision(self.pulsed_device, self.transfer_every, pulses=self.pulses), key)
        rule = TikiTaka(
            self.writer.removeprefix("tiki-taka-"), fast=self.pulsed_device, slow=self.pulsed_device, transfer_every=self.transfer_every,
            lines=self.transfer_lines, transfer_lr=self.transfer_lr, pulses=self.pulses,
        )  # fmt: skip
        return Transferred(rule, key)


@accepts_any
@dataclass(frozen=True, kw_only=True)
class Potentiometers(Described):
    """Parts that may be digital potentiometers: what they learn moves in whole steps within its range, at once.

    Raises
    ------
    ValueError
        For steps both of the parameter and of its resistance.
    """

    step: NotNegative = 0.0  # of the learned parameter's unit; 0: the optimiser moves it as it likes
    ohms: NotNegative = 0.0  # [ohm] of one position, in the place of step: resistances move in whole positions, of conductances only
    by_sign: bool = False  # one step at a time, by the sign of the update alone; else by its size, rounded at random

    def __post_init__(self) -> None:
        check(self)
        if self.step and self.ohms:
            raise ValueError(f"potentiometers have steps of one kind: give step or ohms, got step={self.step:g} and ohms={self.ohms:g}")

    def give(self, system: Any) -> None:
        """Put all parameters with bounds into the hands of potentiometers, if there are any.

        Raises
        ------
        ValueError
            For ohms of what is no conductance.
        """
        for name, (low, high) in system.bounds.items() if self.step or self.ohms else ():
            key = random.fold_in(random.require_key(system.key, "steps are rounded at random"), "steps")
            if self.ohms and name != "conductance":
                raise ValueError(f"ohms are steps of resistances, and this system learns {name}: give step, in its unit, in the place of ohms")
            writer = (Rheostats if self.ohms else Stepped)(self.ohms or self.step, low, high, key, self.by_sign)
            writer.start(name, system.parameters[name], system.memory)
            system.writers[name] = writer


def _cells(name: str, parameter: Array) -> Array:
    """A parameter (..., n) as rows of cells."""
    if not parameter.ndim:
        raise ValueError(f"{name} must be (..., n) to be held by cells, got shape ()")
    return parameter.reshape(-1, parameter.shape[-1])


def _step(name: str, parameter: Array, update: Derivative) -> Array:
    """An update or a move of this parameter, float64. Raises TypeError and ValueError for what is no array of real numbers in its shape."""
    real(name, parameter)
    out: Array = real(f"the update of {name}", shaped(f"the update of {name}", dense(update), *parameter.shape)).astype(np.float64)
    return out


def _whole(name: str, steps: Array, key: Any, memory: dict[str, Array]) -> Array:
    """Steps, float64, rounded at random to whole ones that come to them in the mean."""
    draws = random.uniform(random.fold_in(key, name), (1, steps.size), sample=_count(memory, f"{name}{_SAMPLES}", 1), like=steps)
    out: Array = _array.namespace(steps).floor(steps + draws.reshape(steps.shape))
    return out


def is_count(name: str) -> bool:
    """Whether what a system's memory holds by this name is how many samples a writer has had."""
    return name.endswith(_SAMPLES)


def _count(memory: dict[str, Array], name: str, samples: int) -> Any:
    """The number of the first of these samples, counted in `memory`; of all of them, in a GPU's memory, while a step is captured."""
    if there := counter(name):
        return there.take(samples)
    first = int(real(f"memory of {name}", shaped(f"memory of {name}", memory.get(name, np.zeros(1, np.int64)), 1))[0])
    memory[name] = np.array([first + samples], np.int64)
    return first


def apply(system: Any, updates: dict[str, Update], optimizer: Any, lr: float, count: int = 1) -> None:
    """Carry out updates that are sums over `count` samples; then keep to `system.bounds`.

    Gradients and factors go to the parameter's writer where it has one, else to the optimiser. Moves and sets are written as they are.
    What moves in place moves in one launch. Writers move at the rate that the optimiser has in the GPU's memory, if it is there.
    """
    now = getattr(optimizer, "now", None)
    rate: Rate = lr if now is None else now[:1]
    writers: dict[str, Writer] = getattr(system, "writers", {})
    memory: dict[str, Array] = getattr(system, "memory", {})
    free: dict[str, Array] = {}
    scales: dict[str, tuple[float, float]] = {}
    in_place: list[Change] = []
    for name, update in updates.items():
        if isinstance(update, Move | Set):
            by = update.value if isinstance(update, Move) else update.value - system.parameters[name]
            if isinstance(update, Set) and name not in writers:
                system.parameters[name][...] = update.value
            else:
                writers.get(name, _IDEAL).move(name, system.parameters[name], by, memory)
        elif name in writers:
            writer, parameter = writers[name], system.parameters[name]
            change = writer.change(parameter, update, count) if isinstance(writer, InPlace) else None
            if change is not None:
                in_place.append(change)
                continue
            derivative = update if isinstance(update, Factors) else update.dense()
            writer.write(name, parameter, scaled(derivative, 1 / count), rate, memory)
        else:
            free[name], scales[name] = _mean(update, count)
    if in_place:
        from ..networks import layered

        layered.updates(in_place, rate)
    bounds = getattr(system, "bounds", {})
    if free:
        optimizer.apply(system.parameters, free, lr=lr, scales=scales, bounds={name: bounds[name] for name in free if name in bounds})
    for name in bounds.keys() - free.keys():
        _keep_within(system.parameters[name], *bounds[name])
    touched(system)


def _mean(update: Gradient | Factors, count: int) -> tuple[Array, tuple[float, float]]:
    """What is descended: an array, and the factor and the divisor that make the mean of it."""
    if isinstance(update, Factors):
        return scaled(update, 1 / count).dense(), (1.0, 1.0)
    return update.value, (1.0, float(count)) if update.scale == 1 else (update.scale / count, 1.0)


def touched(system: Any) -> None:
    """Tell a system that keeps what it has made of its parameters that they were changed in place."""
    touch = getattr(system, "touch", None)
    if touch is not None:
        touch()


def limits(system: Any) -> dict[str, tuple[float, float]]:
    """Ranges of parameters by name, of `system.bounds` and of the writers that keep one."""
    kept = {name: (w.low, w.high) for name, w in getattr(system, "writers", {}).items() if isinstance(w, InPlace | Rheostats | Stepped)}
    return kept | getattr(system, "bounds", {})


__all__ = ["InPlace", "Potentiometers", "Pulsed", "Pulses", "Rheostats", "Stepped", "Transferred", "Writer", "apply", "limits", "touched"]
