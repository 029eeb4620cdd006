"""Convolutional Hopfield networks: layers of feature maps that settle, joined by convolutions with pooling, and a dense output layer.

E = sum_l [sum G(s_l) - b_l s_l - s_{l+1} . P(w_l * s_l)] with the units, activations and read-outs of `hopfield`: w * s is a convolution
that keeps the size of a map, P pools squares of 2 x 2, and the last layer is dense.

With pool "mean" all terms are bilinear, so even and odd layers take exact block steps in turn and nudged states are kept as differences.
Published networks pool by the maximum, "max": Laborieux et al. (2021); Scellier et al., arXiv:2312.15103 (2023). A layer then sends what it
pulls with to the pixels that are the largest now. That is no exact block step, but as P is convex and states are not negative it is one on
a bound of the energy from above, which still never rises. Nudged states keep the choice of pixels of the free one, so that their estimates
are those of the network with these connections, and exact for small nudges, which leave the choice as it is.

weights : (maps, maps below, k, k) with k odd for each convolution, and (values below, outputs) for the last layer. biases : (maps,) and
(outputs,). images : (batch, maps, height, width), each size divisible by 2 at every convolution. All pure numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _array, _launch, _parallel, random
from .._array import Array, Key, Numbers, Real, Values
from .._checks import plain, real, shaped
from .._gate import accepts_any
from . import _convolutional, hopfield, layered
from .hopfield import check_kind
from .layered import Equilibrium, Network, Phases, Rates


@accepts_any
def initial(image: tuple[int, int, int], maps: Sequence[int], outputs: int, key: Key, *, side: int = 3, gain: float = 0.5,
            dtype: DTypeLike = np.float32, like: Numbers | None = None) -> list[Array]:  # fmt: skip
    """Weights to start from, uniform in +-gain / sqrt(values that a unit sees).

    Parameters
    ----------
    image : tuple[int, int, int]
        (maps, height, width) of the input.
    """
    below, height, width = image
    shapes: list[tuple[int, ...]] = []
    for n in maps:
        shapes.append((n, below, side, side))
        below, height, width = n, height // 2, width // 2
    shapes.append((below * height * width, outputs))
    weights = []
    for l, shape in enumerate(shapes):
        seen = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        draws = random.uniform(random.fold_in(key, l), (1, int(np.prod(shape))), dtype=dtype, like=like).reshape(shape)
        weights.append((gain / np.sqrt(seen) * (2 * draws - 1)).astype(dtype))
    return weights


# ---------------------------------------------------------------------------------------------------- convolution and pooling
def _patches(x: Array, side: int) -> Array:
    """What each pixel sees, (batch * height * width, side * side * maps): zeros beyond the edge; maps last, as they are copied in runs."""
    xp, half, (batch, maps, height, width) = _array.namespace(x), side // 2, x.shape
    padded = xp.pad(x.transpose(0, 2, 3, 1), ((0, 0), (half, half), (half, half), (0, 0)))
    out = xp.empty((batch, height, width, side, side, maps), x.dtype)
    for i in range(side):
        for j in range(side):
            out[:, :, :, i, j] = padded[:, i : i + height, j : j + width]
    return out.reshape(-1, side * side * maps)


@accepts_any
def convolve(x: Numbers, kernel: Real) -> Array:
    """sum over maps and offsets of kernel[o, c, i, j] x[:, c, y + i - k//2, x + j - k//2]: (batch, maps, height, width)."""
    plain("x", [shaped("x", x, "batch", "maps", "height", "width")])
    if kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3] or kernel.shape[2] % 2 == 0:
        raise ValueError(f"kernel must be (maps, {x.shape[1]}, k, k) with k odd, got shape {kernel.shape}")
    shaped("kernel", kernel, "maps", x.shape[1], "k", "k")
    xp, (batch, _, height, width), rows = _array.namespace(x), x.shape, kernel.transpose(0, 2, 3, 1).reshape(len(kernel), -1)
    out = xp.empty((batch, len(kernel), height, width), x.dtype)
    for part in _pieces(x, rows.shape[1]):
        flat = _patches(x[part], kernel.shape[2]) @ rows.T
        out[part] = flat.reshape(-1, height, width, len(kernel)).transpose(0, 3, 1, 2)
    return out


def _pieces(x: Array, seen: int) -> list[slice]:
    """The batch in pieces whose patches, `seen` values for each pixel, fit the memory."""
    return _parallel.pieces(len(x), _array.chunk(x, x.shape[2] * x.shape[3] * seen * x.dtype.itemsize))


MEAN = 0.25  # the share of each pixel in the mean of its square


def _largest(y: Array) -> Array:
    """The share of each pixel in the maximum of its square of 2 x 2: 1 for the largest, the first one if several are."""
    xp, (batch, maps, height, width) = _array.namespace(y), y.shape
    squares = y.reshape(batch, maps, height // 2, 2, width // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    flat = squares.reshape(*squares.shape[:4], 4)
    chosen = (xp.arange(4) == flat.argmax(axis=-1)[..., None]).astype(y.dtype)
    return chosen.reshape(squares.shape).transpose(0, 1, 2, 4, 3, 5).reshape(y.shape)


def _pooled(y: Array, share: Any) -> Array:
    """The sum of the pixels' shares over each square of 2 x 2."""
    batch, maps, height, width = y.shape
    return (share * y).reshape(batch, maps, height // 2, 2, width // 2, 2).sum(axis=(3, 5))


def _spread(y: Array, share: Any) -> Array:
    """The adjoint of `_pooled`."""
    return share * y.repeat(2, axis=2).repeat(2, axis=3)


def _mirrored(kernel: Array) -> Array:
    """The kernel of the adjoint convolution."""
    return kernel[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)


@dataclass
class _Maps(Network):
    """A network whose layers are feature maps; sizes[l] is the shape of layer l, the input first.

    pool : "mean" or "max". chosen : the pixels' shares in the pooling of each convolution, where they are fixed.
    """

    sizes: list[tuple[int, ...]] = field(default_factory=list)
    pool: str = "mean"
    chosen: list[Array] | None = None

    def shape(self, l: int) -> tuple[int, ...]:
        return self.sizes[l + 1]

    def at(self, inputs: Array, states: Sequence[Array]) -> "_Maps":
        if self.pool == "mean":
            return self
        return replace(self, chosen=[_largest(convolve(s, w)) for s, w in zip([inputs, *states], self.weights[:-1], strict=False)])

    def _share(self, l: int, convolved: Any, samples: int) -> Any:
        """The pixels' shares in the pooling between layers l and l + 1; `convolved` gives what is pooled."""
        if self.pool == "mean":
            return MEAN
        if self.chosen is None:
            return _largest(convolved())
        fixed = self.chosen[l]
        return _array.namespace(fixed).broadcast_to(fixed, (samples // max(1, len(fixed)), *fixed.shape)).reshape(-1, *fixed.shape[1:])

    def _across(self, x: Array, l: int) -> Array:
        """What layer l feeds into layer l + 1, for any leading axes."""
        flat, w = x.reshape(-1, *self.sizes[l]), self.weights[l]
        if w.ndim == 4:
            y = convolve(flat, w)
            out = _pooled(y, self._share(l, lambda: y, len(flat)))
        else:
            out = flat.reshape(len(flat), -1) @ w
        return out.reshape(*x.shape[: x.ndim - len(self.sizes[l])], *self.sizes[l + 1])

    def _back(self, y: Array, l: int, below: Array) -> Array:
        """What layer l + 1 feeds back into layer l, whose states are `below`."""
        flat, w = y.reshape(-1, *self.sizes[l + 1]), self.weights[l]
        if w.ndim == 4:
            share = self._share(l, lambda: convolve(below.reshape(-1, *self.sizes[l]), w), len(flat))
            out = convolve(_spread(flat, share), _mirrored(w))
        else:
            out = flat @ w.T
        return out.reshape(*y.shape[: y.ndim - len(self.sizes[l + 1])], *self.sizes[l])

    def bias(self, l: int) -> Array:
        b = self.biases[l]
        return b[:, None, None] if self.weights[l].ndim == 4 else b

    def drive(self, inputs: Array) -> Array:
        return self._across(inputs, 0) + self.bias(0)

    def pull(self, l: int, states: Sequence[Array], drive: Array | None, *, biased: bool = True) -> Array:
        total = drive if l == 0 else self._across(states[l - 1], l)
        if l and biased:
            total = total + self.bias(l)
        if l < self.last:
            above = self._back(states[l + 1], l + 1, states[l])
            return above if total is None else above + total
        return _array.namespace(states[l]).zeros_like(states[l]) if total is None else total

    @property
    def totals(self) -> list[Array] | None:
        return None if self.slopes is None else [1 / s for s in self.slopes]

    def plan(self, together: int) -> None:
        return None

    def phases(self, inputs: Array, target: Array | None, nudges: np.ndarray, hold: bool, start: Sequence[Array] | None, sweeps: int,
               nudged_sweeps: int, tolerance: float) -> tuple[list[Array], list[Array], Array, Any]:  # fmt: skip
        """As for any network; on a GPU in one launch, where the states of a sample fit the shared memory."""
        if _array.device_of(inputs) != "cpu":
            limit, together = _launch.shared_limit(inputs), 2 if len(nudges) > 1 and tolerance == 0 else 1
            how = _convolutional.plan(self.sizes, self.pool == "max", inputs.dtype.itemsize, together, limit)
            if how is not None:
                return _convolutional.relax(how, self, inputs, target, nudges, hold, start, sweeps, nudged_sweeps, tolerance)
        return super().phases(inputs, target, nudges, hold, start, sweeps, nudged_sweeps, tolerance)


def check_pool(pool: str, activation: str) -> None:
    if pool not in ("mean", "max"):
        raise ValueError(f"pool must be one of mean, max, got {pool!r}")
    if pool == "max" and activation == "tanh":
        raise ValueError("pooling by the maximum needs states that are not negative: activation hard-sigmoid or sigmoid, got 'tanh'")


def _network(images: Array, weights: Sequence[Real], biases: Sequence[Real] | None, activation: str, readout: str, pool: str,
             slopes: Sequence[Real] | None = None) -> tuple[Array, _Maps]:  # fmt: skip
    check_kind(activation, readout)
    check_pool(pool, activation)
    sizes = _sizes(real("images", images), weights)
    dtype, xp = weights[0].dtype, _array.namespace(images, *weights)
    if any(w.dtype != dtype for w in weights):
        raise TypeError(f"weights must all be float32 or all float64, got {', '.join(sorted({str(w.dtype) for w in weights}))}")
    counts = [s[0] for s in sizes[1:]]
    if biases is None:
        biases = [xp.zeros(n, dtype) for n in counts]
    if [b.shape for b in biases] != [(n,) for n in counts]:
        raise ValueError(f"biases must have the shapes {[(n,) for n in counts]}, got {[b.shape for b in biases]}")
    net = _Maps(
        list(weights), list(biases), hopfield.ACTIVATIONS[activation], softmax=readout == "softmax", sizes=sizes, pool=pool
    )
    return images.astype(dtype, copy=False), layered.sloped(net, slopes)


def _sizes(images: Array, weights: Sequence[Array]) -> list[tuple[int, ...]]:
    """The shapes of all layers, the input first, for one sample. Raises ValueError where the arrays do not fit each other."""
    if not len(weights) or weights[-1].ndim != 2 or any(w.ndim != 4 for w in weights[:-1]):
        raise ValueError("weights must be (maps, maps below, k, k) arrays, and a last one (values below, outputs)")
    size: tuple[int, ...] = shaped("images", images, "batch", "maps", "height", "width").shape[1:]
    sizes = [size]
    for l, w in enumerate(weights[:-1]):
        below, height, width = size
        if w.shape[1] != below or w.shape[2] != w.shape[3] or w.shape[2] % 2 == 0:
            raise ValueError(f"weights[{l}] must be (maps, {below}, k, k) with k odd, got shape {w.shape}")
        if height % 2 or width % 2:
            raise ValueError(f"maps of layer {l} are {height} x {width}: a layer that is pooled must have even sizes")
        size = (w.shape[0], height // 2, width // 2)
        sizes.append(size)
    if weights[-1].shape[0] != int(np.prod(size)):
        raise ValueError(f"weights[{len(weights) - 1}] must be ({int(np.prod(size))}, outputs), got shape {weights[-1].shape}")
    sizes.append((weights[-1].shape[1],))
    return sizes


# ------------------------------------------------------------------------------------------------------------------ relaxation
@accepts_any
def relax(images: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, activation: str = "hard-sigmoid",
          readout: str = "state", pool: str = "mean", slopes: Sequence[Real] | None = None, nudge: Values = 0.0, target: Numbers | None = None,
          start: Sequence[Numbers] | None = None, sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise",
          ) -> Equilibrium:  # fmt: skip
    """Let a network settle. Arguments and errors as for `hopfield.relax`; states are (batch, maps, height, width), outputs (batch, n).

    Parameters
    ----------
    slopes : Sequence[Real] | None
        Of the layers after the input, (maps, height, width) and (n,).
    """
    images, net = _network(images, weights, biases, activation, readout, pool, slopes)
    layered.check_settings(sweeps, on_failure)
    nudges = hopfield.nudges_of(nudge, readout, slopes, plane=activation in hopfield.HOLOMORPHIC)
    target = layered.target_like(target, nudges, len(images), net.weights)
    limit = layered.tolerance_of(tolerance, images.dtype)
    states, pulls, left = net.relax(net.drive(images), nudges, target, start, sweeps, limit)
    return layered.check_converged(states, pulls, left, sweeps, tolerance, on_failure)


@accepts_any
def phases(images: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, activation: str = "hard-sigmoid",
           readout: str = "state", pool: str = "mean", slopes: Sequence[Real] | None = None, nudges: Sequence[float] = (),
           target: Numbers | None = None, hold: bool = False, start: Sequence[Numbers] | None = None, sweeps: int = 200,
           nudged_sweeps: int | None = None, tolerance: float | None = None, on_failure: str = "raise") -> Phases:  # fmt: skip
    """The free state and how far each nudge moves it. Arguments as for `hopfield.phases`, slopes as for `relax`."""
    images, net = _network(images, weights, biases, activation, readout, pool, slopes)
    values = np.atleast_1d(hopfield.nudges_of(nudges, readout, slopes, held=hold))
    return layered.settled(net, images, values, target, hold, start, sweeps, nudged_sweeps, tolerance, on_failure)


@accepts_any
def energy(images: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
           activation: str = "hard-sigmoid", pool: str = "mean", slopes: Sequence[Real] | None = None) -> Array:  # fmt: skip
    """E of each sample, (batch,) float64."""
    images, net = _network(images, weights, biases, activation, "state", pool, slopes)
    w, b = layered.in_double(net.weights, net.biases)
    wide, below = replace(net, weights=w, biases=b), _array.as_type(images, np.float64)
    total = _array.namespace(images).zeros(len(images))
    for l, s in enumerate(layered.states_of(net, states, len(images))):
        s = s.astype(np.float64)
        own = hopfield.own_energy(s, activation, l == net.last)
        share = (own if slopes is None else own / slopes[l]) - s * (wide.bias(l) + wide._across(below, l))
        total += share.reshape(len(share), -1).sum(axis=1)
        below = s
    return total


@accepts_any
def residual(images: Numbers, states: Sequence[Real], weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
             activation: str = "hard-sigmoid", pool: str = "mean", slopes: Sequence[Real] | None = None, nudge: float = 0.0,
             target: Numbers | None = None) -> Array:  # fmt: skip
    """How far each sample is from equilibrium: the largest |s - activation(slope pull)| of its units, (batch,) float64."""
    images, net = _network(images, weights, biases, activation, "state", pool, slopes)
    target = layered.target_like(target, np.array(nudge), len(images), net.weights)
    w, b = layered.in_double(net.weights, net.biases)
    return layered.distance(replace(net, weights=w, biases=b), images, states, nudge, target)


# -------------------------------------------------------------------------------------------------------------------- learning
@accepts_any
def contrast(settled: Phases, a: int, b: int, weights: Sequence[Real], *, pool: str = "mean", mean: bool = True,
             ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """dE/dtheta of phase b less that of phase a, mean over the batch, else the sum, of weights and biases.

    As products of means and differences.
    """
    count = layered.samples(settled, mean)
    inputs, states, _ = settled._arrays()
    free = [inputs, *states]
    if [x.shape[1:] for x in free] != _sizes(inputs, weights):
        raise ValueError(f"states of shapes {[x.shape for x in free]} do not belong to weights of shapes {[w.shape for w in weights]}")
    if _array.device_of(inputs) != "cpu":
        of_weights, of_biases = _convolutional.contrast(settled, a, b, weights, pool == "max")
        return [layered.divided(g, count) for g in of_weights], [layered.divided(g, count) for g in of_biases]
    of_weights, of_biases = [], []
    pairs = settled.pairs(b, a)  # a less b, as the products have a minus sign
    for w, s, (below, d_below, above, d_above) in zip(weights, free, pairs, strict=False):
        share = _largest(convolve(s, w)) if pool == "max" and w.ndim == 4 else MEAN
        total = _product(below, d_above, w, share)
        if d_below is not None:
            total = total + _product(d_below, above, w, share)
        of_weights.append(layered.divided(total, count))
        of_biases.append(layered.divided(_over_all(d_above), count))
    return of_weights, of_biases


def _over_all(above: Array) -> Array:
    """The sum over batch and pixels: what a bias sees."""
    return above.sum(axis=tuple(i for i in range(above.ndim) if i != 1))


def _product(below: Array, above: Array, weight: Array, share: Any = MEAN) -> Array:
    """The derivative of ``above . P(weight * below)`` by the weights, summed over the batch; share : of the pixels in the pooling."""
    if weight.ndim == 2:
        return below.reshape(len(below), -1).T @ above
    maps, seen, side, _ = weight.shape
    total = _array.namespace(below).zeros((maps, weight[0].size), below.dtype)
    for part in _pieces(below, weight[0].size):
        spread = _spread(above[part], share if isinstance(share, float) else share[part]).transpose(1, 0, 2, 3)
        total += spread.reshape(maps, -1) @ _patches(below[part], side)
    return _array.contiguous(total.reshape(maps, side, side, seen).transpose(0, 3, 1, 2))


@accepts_any
def relax_vjp(cotangent: Numbers, images: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
              activation: str = "hard-sigmoid", readout: str = "state", pool: str = "mean", slopes: Sequence[Real] | None = None,
              free: Equilibrium | None = None, sweeps: int = 200, tolerance: float | None = None, on_failure: str = "raise",
              ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The exact derivative of the free output by weights and biases, for its cotangent. Arguments as for `hopfield.relax_vjp`."""
    images, net = _network(images, weights, biases, activation, readout, pool, slopes)
    response = layered.implicit(net, cotangent, images, free, sweeps, tolerance, on_failure)
    return contrast(response, 1, 2, weights, pool=pool, mean=False)


@accepts_any
def gradient(images: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudges: Values = (-0.2, 0.2),
             pool: str = "mean", **settings: Any) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The estimate of equilibrium propagation of the gradient of the mean cost over the batch; as `hopfield.gradient`."""
    b1, b2 = layered.pair_of(nudges)
    settled = phases(images, weights, biases, nudges=(b1, b2), target=target, pool=pool, **settings)
    of_weights, of_biases = contrast(settled, 1, 2, weights, pool=pool)
    return [g / float(b2 - b1) for g in of_weights], [g / float(b2 - b1) for g in of_biases]


@accepts_any
def continual(images: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *, nudge: float,
              rates: Rates, steps: int = 20, activation: str = "hard-sigmoid", readout: str = "state", pool: str = "mean",
              slopes: Sequence[Real] | None = None, free: Equilibrium | Phases | None = None, sweeps: int = 200,
              tolerance: float | None = None, on_failure: str = "raise") -> tuple[list[Array], list[Array]]:  # fmt: skip
    """Continual equilibrium propagation: new weights and biases. Arguments as for `hopfield.continual`."""
    images, net = _network(images, weights, biases, activation, readout, pool, slopes)
    beta = float(hopfield.nudges_of(float(nudge), readout, slopes))

    def shares(settled: Phases, a: int, b: int) -> tuple[list[Array], list[Array]]:
        return contrast(settled, a, b, weights, pool=pool)

    new_weights, new_biases = layered.continual(
        lambda parts: replace(net, weights=parts[0], biases=parts[1]), shares, images, target, [net.weights, net.biases], beta, rates,
        steps, free, sweeps, tolerance, -np.inf, on_failure,
    )  # fmt: skip
    return new_weights, new_biases


@accepts_any
def holomorphic_contrast(images: Numbers, target: Numbers, weights: Sequence[Real], biases: Sequence[Real] | None = None, *,
                         radius: float = 0.2, points: int = 6, activation: str = "sigmoid", **settings: Any,
                         ) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """The gradient by nudges on a circle in the complex plane, as `hopfield.holomorphic_gradient`; of weights and biases, as arrays."""
    hopfield.refuse_sharp(activation)
    if settings.get("pool", "mean") != "mean":
        raise ValueError("nudges in the complex plane need pooling by the mean: a maximum is not holomorphic")
    shares = layered.around(
        images, lambda nudges: relax(images, weights, biases, activation=activation, nudge=nudges, target=target, **settings),
        radius, points,
    )  # fmt: skip
    products = [_product(first, second, w) for (first, second, _), w in zip(shares, weights, strict=True)]
    return products, [_over_all(own) for _, _, own in shares]


__all__ = [
    "continual", "contrast", "convolve", "energy", "gradient", "holomorphic_contrast", "initial", "phases", "relax", "relax_vjp", "residual",
]  # fmt: skip
