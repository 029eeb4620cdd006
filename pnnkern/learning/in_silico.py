"""In-silico training: exact gradients of a digital twin by its hand-written adjoint.

theta* = argmin E[ L(f_m(x, theta), y) ], then written to hardware once. Lin et al., Science 361, 1004 (2018).
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .. import _array
from .._array import Array
from .._errors import CapabilityError


@runtime_checkable
class Modelled(Protocol):
    """A system with a digital twin: a forward pass that keeps what its adjoint needs, and that adjoint."""

    parameters: dict[str, Array]

    def forward_saving(self, inputs: Array) -> tuple[Array, Any]: ...

    def vjp(self, cotangent: Array, record: Any) -> dict[str, Array]: ...


@dataclass(frozen=True)
class InSilico:
    """The rule: exact gradient of `loss` on the system's twin."""

    loss: Any

    def step(
        self, system: Modelled, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Array], dict[str, float]]:
        """Gradients {name: array} of the mean loss over the batch (inputs, labels), and metrics {"loss", "accuracy"}."""
        if not isinstance(system, Modelled):
            raise CapabilityError(
                f"in-silico training needs a digital twin (forward_saving, vjp); {type(system).__name__} has none"
            )
        inputs, labels = batch
        outputs, record = system.forward_saving(inputs)
        loss, cotangent = self.loss(outputs, labels)
        right = _array.to_numpy(self.loss.scores(outputs).argmax(axis=1)) == np.asarray(labels)
        return system.vjp(cotangent, record), {"loss": loss, "accuracy": float(right.mean())}
