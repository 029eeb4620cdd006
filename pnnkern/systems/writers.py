"""Writers change the parameters of a physical device; a rule only proposes. Without a writer, an optimiser writes what it computes.

A system names its writers by parameter in `system.writers`, and holds what they must remember in `system.memory`, a flat dict of arrays
that is saved with the run.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .. import _array, random
from .._array import Array
from .._errors import CapabilityError
from ._typed import check_types
from .protocols import OuterProduct, Update, dense


class Writer(Protocol):
    """Changes one parameter by an update, in place."""

    def start(self, name: str, parameter: Array, memory: dict[str, Array]) -> None: ...

    def write(self, name: str, parameter: Array, update: Update, lr: float, memory: dict[str, Array]) -> None: ...


@dataclass(frozen=True)
class Pulsed:
    """A crossbar of pulsed devices (`pnnkern.crossbar.pulsed`): each cell moves by the coincidences of two pulse trains.

    device : name or description. key : of `pnnkern.random`; makes the devices and all that is random. pulses : longest train.

    An update in factors is written as it comes, sample by sample; one that is an array by counted pulses, ``lr g / step`` rounded at
    random to whole ones. Weights (n_in, n_out) or (n,) float32, within the range of their cells (`crossbar.clip_weights`).
    """

    device: Any
    key: Any
    pulses: int = 31

    def __post_init__(self) -> None:
        check_types(self)

    def start(self, name: str, parameter: Array, memory: dict[str, Array]) -> None:
        """Begin with these weights, as far as the devices can hold them."""
        from ..crossbar import pulsed

        cells = parameter.reshape(-1, parameter.shape[-1])
        new = pulsed.clip_weights(cells, device=self.device, key=random.fold_in(self.key, name))
        parameter[...] = new.reshape(parameter.shape)

    def write(self, name: str, parameter: Array, update: Update, lr: float, memory: dict[str, Array]) -> None:
        from ..crossbar import pulsed

        device = pulsed.pulsed_device(self.device)
        cells = parameter.reshape(-1, parameter.shape[-1])
        sample = _count(memory, f"{name}.samples", len(update.first) if isinstance(update, OuterProduct) else 1)
        key = random.fold_in(self.key, name)
        if isinstance(update, OuterProduct):
            sign = float(np.sign(update.scale))
            new = pulsed.pulse_update(
                cells, update.first, sign * update.second, device=device, lr=lr * abs(update.scale), key=key, sample=sample,
                pulses=self.pulses,
            )  # fmt: skip
        else:
            wanted = -lr / device.step * update.reshape(cells.shape).astype(np.float64)
            xp = _array.namespace(wanted)
            draws = random.uniform(random.fold_in(key, "rounding"), (1, wanted.size), sample=sample, like=wanted)
            counts = xp.floor(wanted + draws.reshape(wanted.shape)).astype(np.int32)
            new = pulsed.apply_pulses(cells, counts, device=device, key=key, sample=sample)
        parameter[...] = new.reshape(parameter.shape)


@dataclass(frozen=True)
class Transferred:
    """Gradients that are gathered in another array or in memory and transferred from there (`pnnkern.crossbar.transfer`).

    rule : `TikiTaka` or `MixedPrecision`. key : of `pnnkern.random`; makes the devices and all that is random. Its state is kept in
    `system.memory`; `start` makes it from the parameter, which then holds the weights that a pass meets. Updates must be in factors.

    TikiTaka's transfer_lr counts per unit of the learning rate here, as in the published algorithms: what the fast array holds does not
    decay when the gradients stop, so transfers must stop with them.
    """

    rule: Any
    key: Any

    def start(self, name: str, parameter: Array, memory: dict[str, Array]) -> None:
        """Begin with these weights, as far as the devices can hold them."""
        from ..crossbar import transfer

        state = transfer.transfer_start(self.rule, parameter.shape, key=random.fold_in(self.key, name), weights=parameter)
        self._keep(name, parameter, memory, state)

    def write(self, name: str, parameter: Array, update: Update, lr: float, memory: dict[str, Array]) -> None:
        from ..crossbar import transfer

        if not isinstance(update, OuterProduct):
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

    def _keep(self, name: str, parameter: Array, memory: dict[str, Array], state: dict[str, Array]) -> None:
        from ..crossbar import transfer

        memory.update({f"{name}.{k}": v for k, v in state.items()})
        parameter[...] = transfer.transfer_weights(self.rule, state)


@dataclass(frozen=True)
class Stepped:
    """Parameters that move in whole steps within a range, such as digital potentiometers.

    step : of the parameter's unit. low, high : its range. key : of `pnnkern.random`: ``lr g / step`` is rounded at random to a whole
    number of steps, so that the mean movement is that of the update. by_sign : instead, everything moves by one step against the sign of
    its gradient, however small that is, and not at all where it is zero: edges that know no more, Dillavou et al., Phys. Rev. Applied 18,
    014040 (2022).
    """

    step: float
    low: float
    high: float
    key: Any
    by_sign: bool = False

    def __post_init__(self) -> None:
        check_types(self)

    def start(self, name: str, parameter: Array, memory: dict[str, Array]) -> None:
        """Begin with these values, within the range."""
        parameter[...] = parameter.clip(self.low, self.high)

    def write(self, name: str, parameter: Array, update: Update, lr: float, memory: dict[str, Array]) -> None:
        gradient = dense(update).astype(np.float64)
        xp = _array.namespace(gradient)
        if self.by_sign:
            parameter[...] = (parameter - self.step * xp.sign(gradient)).clip(self.low, self.high)
            return
        sample = _count(memory, f"{name}.samples", 1)
        wanted = -lr / self.step * gradient
        draws = random.uniform(random.fold_in(self.key, name), (1, wanted.size), sample=sample, like=wanted)
        moved = parameter + self.step * xp.floor(wanted + draws.reshape(wanted.shape))
        parameter[...] = moved.clip(self.low, self.high)


@dataclass(frozen=True)
class InPlace:
    """Weights that move by exactly ``-lr rate g`` and stay within low .. high; an update in factors is never made an array.

    rate : of this parameter, relative to the learning rate.
    """

    low: float = -np.inf
    high: float = np.inf
    rate: float = 1.0

    def __post_init__(self) -> None:
        check_types(self)

    def start(self, name: str, parameter: Array, memory: dict[str, Array]) -> None:
        """Begin with these weights, within the range."""
        parameter[...] = parameter.clip(self.low, self.high)

    def write(self, name: str, parameter: Array, update: Update, lr: float, memory: dict[str, Array]) -> None:
        if isinstance(update, OuterProduct):
            from ..networks._layered import Factors
            from ..networks._layered import update as outer_update

            outer_update(parameter, Factors(update.first, update.second), lr * self.rate * update.scale, self.low, self.high)
            return
        parameter -= (lr * self.rate) * update
        if np.isfinite(self.low) or np.isfinite(self.high):
            _array.namespace(parameter).clip(parameter, self.low, self.high, out=parameter)


def _count(memory: dict[str, Array], name: str, samples: int) -> int:
    """The number of the first of these samples, counted in `memory`."""
    first = int(memory.get(name, np.zeros(1, np.int64))[0])
    memory[name] = np.array([first + samples], np.int64)
    return first


def apply(system: Any, updates: dict[str, Update], optimizer: Any, lr: float) -> None:
    """Carry out updates: by the parameter's writer where it has one, else by the optimiser; then keep to `system.bounds`."""
    writers: dict[str, Writer] = getattr(system, "writers", {})
    free = {name: dense(update) for name, update in updates.items() if name not in writers}
    if free:
        optimizer.apply(system.parameters, free, lr=lr)
    for name, update in updates.items():
        if name in writers:
            writers[name].write(name, system.parameters[name], update, lr, system.memory)
    for name, (low, high) in getattr(system, "bounds", {}).items():
        parameter = system.parameters[name]
        _array.namespace(parameter).clip(parameter, low, high, out=parameter)
    touched(system)


def touched(system: Any) -> None:
    """Tell a system that keeps what it has made of its parameters that they were changed in place."""
    touch = getattr(system, "touch", None)
    if touch is not None:
        touch()


def limits(system: Any) -> dict[str, tuple[float, float]]:
    """Ranges of parameters by name, of `system.bounds` and of the writers that keep one."""
    kept = {name: (w.low, w.high) for name, w in getattr(system, "writers", {}).items() if isinstance(w, InPlace | Stepped)}
    return kept | getattr(system, "bounds", {})


__all__ = ["InPlace", "Pulsed", "Stepped", "Writer", "apply", "limits", "touched"]
