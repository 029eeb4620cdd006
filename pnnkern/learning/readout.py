"""A fitted read-out: the physics stays as it is, and a linear map from what is measured to the classes is found in closed form.

Reservoir computing and extreme learning machines: ``W = (X^T X + ridge s)^-1 X^T Y`` with X the features of the samples and a constant, Y their
one-hot labels or real targets. X^T X and X^T Y are sums over samples, so that batches, and shares of batches, add up. Huang et al.,
Neurocomputing 70, 489 (2006); Jaeger and Haas, Science 304, 78 (2004).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array
from .._array import Array, Key, Numbers
from .._checks import real, shaped
from .._declared import NotNegative
from .._gate import accepts_any
from ..systems.protocols import Featured
from .losses import SquareError
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
def moments(features: Numbers, targets: Numbers) -> tuple[Array, Array]:
    """``X^T X`` (F + 1, F + 1) and ``X^T Y`` (F + 1, outputs), float64, with a constant as the last column of X.

    Parameters
    ----------
    features : Array
        (batch, F).
    targets : Array
        (batch, outputs). Sums over the batch.
    """
    shaped("features", real("features", features), "batch", None)
    shaped("targets", real("targets", targets), len(features), None)
    xp = _array.namespace(features)
    x = xp.concatenate([_array.as_type(features, np.float64), xp.ones((len(features), 1))], axis=1)
    return x.T @ x, x.T @ _array.as_type(targets, np.float64)


@accepts_any
def ridge_weights(gram: Numbers, cross: Numbers, ridge: float) -> Array:
    """W (F + 1, outputs), which minimises ``sum |x W - y|^2 + ridge s |W|^2``, the constant's row of W left out of the second sum.

    Parameters
    ----------
    gram, cross : Array
        Sums of `moments`. s : the features' sum of squares, averaged over the features, so that neither their unit nor the number of samples
        matters to `ridge`.
    """
    shaped("cross", cross, len(shaped("gram", gram, None, len(gram))), None)
    xp = _array.namespace(gram)
    squares = xp.diagonal(gram)[:-1]
    penalty = xp.full(len(gram), 1.0) * ridge * squares.mean()
    penalty[-1] = 0.0
    return xp.linalg.solve(gram + xp.diag(penalty), cross)


@accepts_any
@dataclass(frozen=True)
class FittedReadout(Rule):
    """The rule: no parameter of the system changes. Its state are the moments so far and the weights that they give.

    One epoch is all that it needs; in another one the same samples count again. Metrics of a step are those of the weights that have not seen
    its batch.
    """

    ridge: NotNegative = 1e-3  # weight of the squares of the read-out's weights, relative to those of the features

    kind: ClassVar[str] = "fitted-readout"
    functions: ClassVar[Mapping[str, str]] = {"learning.moments": "", "learning.ridge_weights": ""}
    needs: ClassVar[tuple[type, ...]] = (Featured,)

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        features, outputs = system.feature_count, system.outputs
        xp = _array.namespace(*system.parameters.values())
        return {
            "gram": xp.zeros((features + 1, features + 1)), "cross": xp.zeros((features + 1, outputs)),
            "weights": xp.zeros((features + 1, outputs)),
        }  # fmt: skip

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[tuple[Array, Array], Metrics]:
            features = system.read_features(part.inputs, key, part.index)
            found = metrics(self.loss_on(system), self._read(features, state["weights"]), part.labels)
            return moments(features, self._targets(part.labels, system.outputs, features)), found

        (gram, cross), found = batch.sum(share)
        after = {"gram": state["gram"] + gram, "cross": state["cross"] + cross}
        after["weights"] = ridge_weights(after["gram"], after["cross"], self.ridge)
        return {}, after, found

    def predict(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> Array:
        return self._read(system.read_features(batch.inputs, key, batch.index), state["weights"])

    def loss_on(self, system: Any) -> Any:
        return SquareError()

    @staticmethod
    def _read(features: Array, weights: Array) -> Array:
        shaped("weights of the state", weights, features.shape[1] + 1, None)
        return features.astype(np.float64) @ weights[:-1] + weights[-1]

    @staticmethod
    def _targets(labels: Array, outputs: int, like: Array) -> Array:
        return SquareError().targets(labels, _array.namespace(like).empty((len(labels), outputs)))


__all__ = ["FittedReadout", "moments", "ridge_weights"]
