"""Optimisers: one fused kernel per update, all state in one flat dict of arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .. import _array, _launch
from .._array import Array, Real
from .._errors import nearest
from .._gate import accepts_any


@accepts_any
@dataclass
class Adam:
    """Adam, Kingma and Ba, ICLR 2015. `lr` is in the parameters' unit (radians for phases)."""

    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    state: dict[str, Array] = field(default_factory=dict)
    now: Array | None = field(default=None, repr=False)  # what `known` gives for the step, on the device, in the place of lr

    def known(self, step: int, lr: float) -> tuple[float, float, float]:
        """What a step, from 1, is made with at a learning rate: the rate, and what the two moments are corrected by."""
        return lr, 1 - self.beta1**step, 1 - self.beta2**step

    def apply(self, parameters: dict[str, Real], gradients: dict[str, Real], lr: float | None = None) -> None:
        """Update `parameters` in place; those that cannot be written, as JAX's, are replaced in the dict. lr : for this step alone.

        Raises ValueError for a gradient of another shape than its parameter, or of none, TypeError for another dtype.
        """
        rate, *corrections = self.known(next_step(self.state), self.lr if lr is None else lr)
        for p, g, (first, second) in _updates(parameters, gradients, self.state, ("first", "second")):
            _launch.launch(
                "learning/optimizer", "adam", p.dtype, p.size, rate, self.beta1, self.beta2, self.epsilon, *corrections, self.now, g, first,
                second, p, threads=p.size,
            )  # fmt: skip


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

    def apply(self, parameters: dict[str, Real], gradients: dict[str, Real], lr: float | None = None) -> None:
        """Update `parameters`; as `Adam.apply`."""
        next_step(self.state)
        for p, g, (velocity,) in _updates(parameters, gradients, self.state, ("velocity",)):
            _launch.launch(
                "learning/optimizer", "sgd", p.dtype, p.size, self.lr if lr is None else lr, self.momentum, self.now, g, velocity, p,
                threads=p.size,
            )  # fmt: skip


def _updates(
    parameters: dict[str, Array], gradients: dict[str, Array], state: dict[str, Array], moments: tuple[str, ...]
) -> Iterator[tuple[Array, Array, list[Array]]]:  # fmt: skip
    """For each gradient the parameter, to be changed in place, the gradient, and what of the state is its own."""
    for name, g in gradients.items():
        p = parameters.get(name)
        if p is None:
            raise ValueError(f"there is a gradient of {name!r}, which is no parameter: {nearest(name, parameters)}")
        if g.shape != p.shape:
            raise ValueError(f"the gradient of {name!r} must have its shape {p.shape}, got {g.shape}")
        if g.dtype != p.dtype:
            raise TypeError(f"the gradient of {name!r} must be {p.dtype} as it is, got {g.dtype}")
        if isinstance(p, np.ndarray) and not p.flags.writeable:
            p = parameters[name] = p.copy()
        with _array.in_place(p) as inside:
            yield inside, _array.contiguous(g), [_slot(state, f"{name}.{moment}", p) for moment in moments]


def next_step(state: dict[str, Array]) -> int:
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
