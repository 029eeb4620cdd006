"""Adjoint learning: the device runs backwards by itself, and each part multiplies what went through it both ways.

Reciprocal physics is its own adjoint. Light sent back from the detectors meets the masks of the device as it was built: Hughes et al.,
Optica 5, 864 (2018). Voltages driven into an array's columns give errors at its rows. Error currents driven into the outputs of a network
of resistors make the drops that multiply those of the forward pass. No digital twin is asked, so what it does not know does no harm.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Reciprocal, Update, require
from .judged import Metrics, judged


@accepts_any
@dataclass(frozen=True)
class AdjointLearning:
    """The rule: one pass forward, one back, both through the device and read inside. The gradient of the loss of the device itself."""

    loss: Any
    needs: ClassVar[tuple[type, ...]] = (Reciprocal,)
    passes: ClassVar[int] = 2

    def step(
        self, system: Reciprocal, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Gradients {name: update} of the mean loss over the batch (inputs, labels), and metrics {"loss", "accuracy"}."""
        require(system, "adjoint learning", *self.needs)
        outputs, record = system.forward_reading(batch[0], key, sample)
        cotangent, metrics = judged(self.loss, outputs, batch[1])
        return system.backward(cotangent, record, key, sample), metrics


__all__ = ["AdjointLearning"]
