"""A fitted read-out: the physics stays as it is, and a linear map from what is measured to the classes is found in closed form.

Reservoir computing and extreme learning machines: ``W = (X^T X + ridge s)^-1 X^T Y`` with X the features of the samples and a constant, Y their
one-hot labels or real targets. X^T X and X^T Y are sums over samples, so that batches, and shares of batches, add up. Huang et al.,
Neurocomputing 70, 489 (2006); Jaeger and Haas, Science 304, 78 (2004).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _array, _launch
from .._array import Array, Key, Numbers
from .._checks import real, shaped
from .._declared import NotNegative
from .._gate import accepts_any
from ..systems.protocols import Featured
from .losses import SquareError
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates

SIDE = 16  # of a tile of products, as in dense.cuh
PANEL, STRIP = 32, 4  # variables of a panel, and tiles of a block beside each other, as in readout.cuh
ROUNDING = 64 * np.finfo(np.float64).eps  # what elimination leaves of a square, for each variable, as in readout.cuh
SINGULAR = _launch.fault(
    79, "the weights of a read-out are not determined: a feature is, but for rounding, a sum of others, or 0; give it a ridge, or more samples"
)


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
    return _moments(features, targets, targets.shape[1])


@accepts_any
def ridge_weights(gram: Numbers, cross: Numbers, ridge: float) -> Array:
    """W (F + 1, outputs), which minimises ``sum |x W - y|^2 + ridge s |W|^2``, the constant's row of W left out of the second sum.

    Parameters
    ----------
    gram, cross : Array
        Sums of `moments`. s : the features' sum of squares, averaged over the features, so that neither their unit nor the number of samples
        matters to `ridge`.

    Raises
    ------
    FaultError
        A ValueError, where a feature is a sum of others, but for rounding (a pivot of the elimination is at most 64 (F + 1) eps of the
        feature's own square), so that W is not determined; on a GPU at `pnnkern.check()`.
    """
    shaped("cross", cross, len(shaped("gram", gram, None, len(gram))), None)
    if _array.is_on_gpu(gram):
        return _eliminated(gram, cross, ridge)
    squares = np.diagonal(gram)[:-1]
    penalty = np.full(len(gram), 1.0) * ridge * squares.mean()
    penalty[-1] = 0.0
    matrix = gram + np.diag(penalty)
    _launch.flag(np.bool_(_singular(matrix, np.diagonal(gram), ridge)), SINGULAR)
    return np.linalg.solve(matrix, cross)


def _singular(matrix: Array, squares: Array, ridge: float) -> bool:
    """Whether a pivot is no more than what rounding leaves of the variable's own square. NaN is not, and shows in the weights."""
    count, least = len(matrix) - 1, len(matrix) * ROUNDING
    # a penalty ridge s leaves of each pivot ridge / (count + ridge) or more: a feature's is at least ridge s of a square of count s at most,
    # and the constant's at least n ridge s / (count s + ridge s) of n samples
    if (ridge > least * (count + ridge) and squares[:-1].any()) or not np.isfinite(squares).all():
        return False
    try:
        pivots = np.diagonal(np.linalg.cholesky(matrix)) ** 2
    except np.linalg.LinAlgError:
        return True
    return bool((pivots <= least * squares).any())


def _moments(features: Array, wanted: Array, outputs: int) -> tuple[Array, Array]:
    """Those of `moments`, for targets (batch, outputs), or labels (batch,), which are 1 at the output of the class and 0 elsewhere."""
    x, (samples, count), xp, to_classes = _known(features), features.shape, _array.namespace(features), wanted.ndim == 1
    wanted = xp.ascontiguousarray(xp.asarray(wanted, np.int64 if to_classes else np.float64))
    gram, cross = xp.empty((count + 1, count + 1)), xp.empty((count + 1, outputs))
    labels, targets = (wanted, None) if to_classes else (None, wanted)
    _start("moments", x.dtype, _pieces(count + 1) * _pieces(count + 1 + outputs), samples, count, outputs, x, labels, targets, gram, cross)
    return gram, cross


def _scores(features: Array, weights: Array) -> Array:
    """X W, (batch, outputs)."""
    x, (samples, count), outputs = _known(features), features.shape, weights.shape[1]
    out: Array = _array.namespace(features).empty((samples, outputs))
    _start("scores", x.dtype, _pieces(samples) * _pieces(outputs), samples, count, outputs, x, _array.contiguous(weights), out)
    return out


def _eliminated(gram: Array, cross: Array, ridge: float) -> Array:
    """The weights by elimination, which can be captured as a graph: a launch for every 32 variables."""
    xp, (size, outputs) = _array.namespace(gram), cross.shape
    gram, cross = (_array.contiguous(_array.as_type(a, np.float64, copy=False)) for a in (gram, cross))
    panels = -(-size // PANEL)
    a, rhs, weights = xp.empty((size, size)), xp.empty((size, outputs)), xp.empty((size, outputs))
    inverses = xp.empty((panels, PANEL, PANEL))
    _start("begin", np.float64, size, size, outputs, float(ridge), gram, cross, a, rhs, inverses)
    for panel in range(panels):
        right = panels - 1 - panel + -(-outputs // PANEL)  # tiles of a and of rhs
        _start("panel", np.float64, panels * -(-right // STRIP), size, outputs, panel, gram, a, rhs, inverses, weights)
    return weights


def _known(features: Array) -> Array:
    """Features in a precision that kernels take."""
    return _array.contiguous(features if features.dtype in (np.float32, np.float64) else _array.as_type(features, np.float64))


def _pieces(values: int) -> int:
    return -(-values // SIDE)


def _start(verb: str, dtype: Any, blocks: int, *args: Any) -> None:
    _launch.launch("learning/readout", verb, dtype, *args, grid=(max(1, min(blocks, _launch.MAX_BLOCKS)),), block=(256,))


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
            return _moments(features, part.labels, system.outputs), found

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
        return _scores(features, weights)


__all__ = ["FittedReadout", "moments", "ridge_weights"]
