"""The gradient by central differences, one parameter after another: what zeroth-order rules save passes beside."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from pnnkern import learning
from pnnkern.systems.protocols import Measurable


def difference_gradient(losses: np.ndarray, size: float) -> np.ndarray:
    """``(L(theta + size e_i) - L(theta - size e_i)) / (2 size)`` of losses (2 n,): all that were moved up, then all that were moved down."""
    up, down = np.split(losses, 2)
    return (up - down) / (2 * size)


@dataclass(frozen=True)
class FiniteDifferences(learning.Supervised):
    """Two passes for each parameter and sample; the error falls as the square of `size`."""

    size: float = 0.0  # of the steps, in the parameters' unit; 0: the system's own
    steps: int = 0  # how many parameters the system has, from which passes are counted; it is found by itself

    kind: ClassVar[str] = "finite-differences"
    needs: ClassVar[tuple[type, ...]] = (Measurable,)
    natural: ClassVar[dict[str, str]] = {"size": "natural_step", "steps": ""}

    @property
    def passes(self) -> int:
        """Physical passes per sample and step."""
        return 2 * self.steps

    def fitted(self, system: Any, batch: Any = None) -> Any:
        rule = super().fitted(system, batch)
        return rule if rule.steps else replace(rule, steps=sum(p.size for p in system.parameters.values()))

    def step(self, system: Any, state: Any, batch: Any, key: Any = None) -> Any:
        loss, parameters, size = self.loss_on(system), system.parameters, self.fitted(system).size
        moved = {name: [] for name in parameters}
        for name, p in parameters.items():
            steps = size * np.eye(p.size, dtype=p.dtype).reshape(p.size, *p.shape)
            for other, q in parameters.items():
                moved[other] += [q + s if other == name else q for s in (*steps, *-steps)]
        members = {name: np.stack(values) for name, values in moved.items()}

        def share(part: Any) -> Any:
            outputs = system.forward_population(part.inputs, members, key, part.index)
            found = [learning.metrics.metrics(loss, one, part.labels) for one in outputs]
            return np.array([one["loss"] for one in found]), np.array([one["rating"] for one in found])

        losses, ratings = batch.sum(share)  # over fixed shards of the batch, which ranks share
        updates, first = {}, 0
        for name, p in parameters.items():
            gradient = difference_gradient(losses[first : first + 2 * p.size], size)
            updates[name] = learning.Gradient(gradient.reshape(p.shape).astype(p.dtype))
            first += 2 * p.size
        return updates, state, {"loss": losses.mean(), "rating": ratings.mean()}
