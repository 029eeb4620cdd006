"""Optimisers: one fused kernel per update, all state in one flat dict of arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Real
from .._errors import nearest
from .._gate import accepts_any

Scales = Mapping[str, tuple[float, float]]
Bounds = Mapping[str, tuple[float, float]]
FREE = (-np.inf, np.inf)
EIGHT = 8  # arrays that a launch takes


@accepts_any
@dataclass
class Adam:
    """Adam, Kingma and Ba, ICLR 2015. `lr` is in the parameters' unit (radians for phases).

    `epsilon` is in the unit of gradients: parameters whose gradients are far below it, as of hertz or ohms, hardly move; give them another
    unit, or `epsilon` another value.
    """

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    state: dict[str, Array] = field(default_factory=dict)
    now: Array | None = field(default=None, repr=False)  # what `known` gives for the step, on the device, in the place of lr

    def known(self, step: int, lr: float) -> tuple[float, float, float]:
        """What a step, from 1, is made with at a learning rate: the rate, and what the two moments are corrected by."""
        return lr, 1 - self.beta1**step, 1 - self.beta2**step

    def apply(
        self, parameters: dict[str, Real], gradients: dict[str, Real], lr: float | None = None, scales: Scales | None = None,
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        """Update `parameters` in place; those that cannot be written, as JAX's, are replaced in the dict.

        Parameters
        ----------
        lr : float | None
            For this step alone.
        scales : Scales | None
            Of gradients by name (factor, divisor), as a mean is a sum over its number; 1 for those that are not named.
        bounds : Bounds | None
            (low, high) by name, which the values are kept within.

        Raises
        ------
        ValueError
            For a gradient of another shape than its parameter, or of none.
        TypeError
            For another dtype.
        """
        rate, *corrections = self.known(count_up(self.state), self.lr if lr is None else lr)
        how = (rate, self.beta1, self.beta2, self.epsilon, *corrections, self.now)
        _update("adam", how, parameters, gradients, scales or {}, bounds or {}, self.state, ("first", "second"))


@accepts_any
@dataclass
class SGD:
    """Gradient descent with momentum: v = momentum v + g; parameter -= lr v."""

    lr: float = 1e-2
    momentum: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)
    now: Array | None = field(default=None, repr=False)  # what `known` gives for the step, on the device, in the place of lr

    def known(self, step: int, lr: float) -> tuple[float, float, float]:
        """What a step is made with at a learning rate: the rate; there is nothing to correct."""
        return lr, 1.0, 1.0

    def apply(
        self, parameters: dict[str, Real], gradients: dict[str, Real], lr: float | None = None, scales: Scales | None = None,
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        """Update `parameters`; as `Adam.apply`."""
        count_up(self.state)
        how = (self.lr if lr is None else lr, self.momentum, self.now)
        _update("sgd", how, parameters, gradients, scales or {}, bounds or {}, self.state, ("velocity",))


def _update(verb: str, how: tuple[Any, ...], parameters: dict[str, Array], gradients: dict[str, Array], scales: Scales, bounds: Bounds,
            state: dict[str, Array], moments: tuple[str, ...]) -> None:  # fmt: skip
    """Change parameters, and what the state has of them: those of one precision and place by one launch for each eight."""
    for name, g in gradients.items():
        p = parameters.get(name)
        if p is None:
            raise ValueError(f"there is a gradient of {name!r}, which is no parameter: {nearest(name, parameters)}")
        if g.shape != p.shape:
            raise ValueError(f"the gradient of {name!r} must have its shape {p.shape}, got {g.shape}")
        if g.dtype != p.dtype:
            raise TypeError(f"the gradient of {name!r} must be {p.dtype} as it is, got {g.dtype}")
    for names in eights({name: parameters[name] for name in gradients}):
        places = [_writable(parameters, name) for name in names]
        inside = [_array.contiguous(place) for place in places]
        none, arrays = [None] * (EIGHT - len(names)), [_array.contiguous(gradients[name]) for name in names]
        for moment in moments:
            arrays += [*none, *(_slot(state, f"{name}.{moment}", p) for name, p in zip(names, inside, strict=True))]
        like, sizes = inside[0], [p.size for p in inside]
        each = _constants.constant([(*scales.get(name, (1.0, 1.0)), *bounds.get(name, FREE)) for name in names], np.float64, like)
        _launch.launch(
            "learning/optimizer", verb, like.dtype, len(names), _constants.constant(sizes, np.int64, like), each, *how, *arrays, *none, *inside,
            *none, threads=sum(-(-size // 32) * 32 for size in sizes),
        )  # fmt: skip
        for place, written in zip(places, inside, strict=True):
            if written is not place:
                place[...] = written


def eights(arrays: Mapping[str, Array]) -> list[list[str]]:
    """Names of arrays of one precision and place, eight at a time: what a launch takes."""
    groups: dict[Any, list[str]] = {}
    for name, p in arrays.items():
        groups.setdefault((p.dtype, p.data.device_id if _array.is_on_gpu(p) else None), []).append(name)
    return [some[i : i + EIGHT] for some in groups.values() for i in range(0, len(some), EIGHT)]


def _writable(parameters: dict[str, Array], name: str) -> Array:
    """A parameter; a copy in its place, where it cannot be written."""
    p = parameters[name]
    if isinstance(p, np.ndarray) and not p.flags.writeable:
        p = parameters[name] = p.copy()
    return p


def count_up(state: dict[str, Array]) -> int:
    """Count the step in `state` (from 1)."""
    step = int(state.get("step", np.zeros(1, np.int64))[0]) + 1
    state["step"] = np.array([step], np.int64)
    return step


def _slot(state: dict[str, Array], name: str, like: Array) -> Array:
    """What the state has by a name, zeros at first; C-contiguous."""
    if name not in state:
        state[name] = _array.namespace(like).zeros(like.shape, like.dtype)
    kept = state[name]
    if kept.shape != like.shape or kept.dtype != like.dtype:
        raise ValueError(f"{name!r} of the optimiser must be {like.dtype} {like.shape} as the parameter, got {kept.dtype} {kept.shape}")
    return kept


__all__ = ["SGD", "Adam"]
