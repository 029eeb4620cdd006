"""Physics-aware training: measure forward, go back through the digital twin.

The loss and its cotangent are those of the measured outputs; the twin's vjp, taken at what was measured on the way, carries it to the
parameters. Works as long as the estimate is less than 90 degrees off the gradient. Wright, Onodera et al., Nature 601, 549 (2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Key, Numbers, Sample
from .._gate import accepts_any
from .._updates import Derivative, gradients
from ..systems.protocols import Layered, Measurable, Modelled
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def physics_aware_gradient(
    system: Any, inputs: Numbers, labels: Numbers, loss: Any, *, key: Key | None = None, sample: Sample = 0
) -> tuple[dict[str, Derivative], Metrics]:
    """Estimate of dL/dparameter of the device, sums over the batch: the twin's vjp of the measured loss; and the metrics as measured.

    Layers that can be measured one by one are: the twin's derivative is taken at what each was measured to send on.

    Parameters
    ----------
    inputs : Array
        (batch, ...) as the system encodes them.
    labels, loss
        As in `pnnkern.learning.losses`.
    key, sample
        Of the noise.
    """
    if isinstance(system, Layered):
        outputs, record = system.measure(inputs, key, sample)
    else:
        outputs, record = system.forward(inputs, key, sample), system.forward_saving(inputs)[1]
    cotangent, found = loss_and_metrics(loss, outputs, labels)
    return system.vjp(cotangent, record), found


@accepts_any
@dataclass(frozen=True)
class PhysicsAware(Supervised):
    """The rule: one physical pass, then the twin's derivative at what was measured."""

    kind: ClassVar[str] = "physics-aware"
    needs: ClassVar[tuple[type, ...]] = (Measurable, Modelled)
    functions: ClassVar[Mapping[str, str]] = {"learning.physics_aware_gradient": ""}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, metrics = physics_aware_gradient(system, part.inputs, part.labels, self.loss_on(system), key=key, sample=part.index)
            return gradients(found), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics
