"""Adjoint learning: the device runs backwards by itself, and each part multiplies what went through it both ways.

Reciprocal physics is its own adjoint. Light sent back from the detectors meets the masks of the device as it was built: Hughes et al.,
Optica 5, 864 (2018). Voltages driven into an array's columns give errors at its rows. Error currents driven into the outputs of a network
of resistors make the drops that multiply those of the forward pass. No digital twin is asked, so what it does not know does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Key, Numbers, Sample
from .._gate import accepts_any
from .._updates import Derivative, gradients
from ..systems.protocols import Reciprocal
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def adjoint_gradient(
    system: Reciprocal, inputs: Numbers, labels: Numbers, loss: Any, *, key: Key | None = None, sample: Sample = 0
) -> tuple[dict[str, Derivative], Metrics]:
    """dL/dparameter of the device itself, sums over the batch, from one pass forward and one back; and the metrics as measured.

    Parameters
    ----------
    inputs : Array
        (batch, ...) as the system encodes them.
    labels, loss
        As in `pnnkern.learning.losses`.
    key, sample
        Of the noise.
    """
    outputs, record = system.forward_reading(inputs, key, sample)
    cotangent, found = loss_and_metrics(loss, outputs, labels)
    return system.backward(cotangent, record, key, sample), found


@accepts_any
@dataclass(frozen=True)
class AdjointLearning(Supervised):
    """The rule: one pass forward, one back, both through the device and read inside. The gradient of the loss of the device itself."""

    kind: ClassVar[str] = "adjoint-learning"
    needs: ClassVar[tuple[type, ...]] = (Reciprocal,)
    passes: ClassVar[int] = 2
    functions: ClassVar[Mapping[str, str]] = {
        "learning.adjoint_gradient": "", "learning.adjoint_learning_update": "resistor-network; rule.loss='mse', system.hinge=false",
    }  # fmt: skip

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, metrics = adjoint_gradient(system, part.inputs, part.labels, self.loss_on(system), key=key, sample=part.index)
            return gradients(found), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics


__all__ = ["AdjointLearning", "adjoint_gradient"]
