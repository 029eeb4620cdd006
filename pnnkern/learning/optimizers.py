"""Optimisers: one fused kernel per update, all state in one flat dict of arrays."""

from dataclasses import dataclass, field

import numpy as np

from .. import _array, _launch
from .._array import Array
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

    def apply(self, parameters: dict[str, Array], gradients: dict[str, Array], lr: float | None = None) -> None:
        """Update `parameters` in place; `lr` overrides the rate for this step."""
        step = _next_step(self.state)
        for name, g in gradients.items():
            p = parameters[name]
            first, second = (_slot(self.state, f"{name}.{moment}", p) for moment in ("first", "second"))
            _launch.launch(
                "learning/optimizer", "adam", p.dtype, p.size, self.lr if lr is None else lr, self.beta1, self.beta2, self.epsilon,
                1 - self.beta1**step, 1 - self.beta2**step, g, first, second, p, threads=p.size,
            )  # fmt: skip


@accepts_any
@dataclass
class SGD:
    """Gradient descent with momentum: v = momentum v + g; parameter -= lr v."""

    lr: float = 1e-2
    momentum: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)

    def apply(self, parameters: dict[str, Array], gradients: dict[str, Array], lr: float | None = None) -> None:
        """Update `parameters` in place; `lr` overrides the rate for this step."""
        _next_step(self.state)
        for name, g in gradients.items():
            p = parameters[name]
            velocity = _slot(self.state, f"{name}.velocity", p)
            _launch.launch(
                "learning/optimizer",
                "sgd",
                p.dtype,
                p.size,
                self.lr if lr is None else lr,
                self.momentum,
                g,
                velocity,
                p,
                threads=p.size,
            )


def _next_step(state: dict[str, Array]) -> int:
    """Count the step in `state` (from 1)."""
    step = int(state.get("step", np.zeros(1, np.int64))[0]) + 1
    state["step"] = np.array([step], np.int64)
    return step


def _slot(state: dict[str, Array], name: str, like: Array) -> Array:
    if name not in state:
        state[name] = _array.namespace(like).zeros_like(like)
    return state[name]
