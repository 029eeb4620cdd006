"""Weights that are trained by pulses: each sample's outer product is done by coincidences of two stochastic pulse trains.

Every line of inputs and of errors fires a train of pulses; a cell moves by one step wherever a pulse of its row meets one of its
column, up or down by the signs of the two values. The mean effect on a linear device is ``w - lr x^T d``. Weights are in the units of
the network, w (n_in, n_out), and bounded by their device.

No parameter of a cell is stored: steps, bounds and shapes are drawn from the key by the cell's place (device to device), and the noise
of each coincidence (cycle to cycle) by the place and the sample. So a batch gives the same weights, to the bit, in one call or many,
on any number of threads, on the CPU and the GPU.

Source: Gokmen and Vlasov, Acceleration of deep neural network training with resistive cross-point devices, Frontiers in Neuroscience
10, 333 (2016). Management of the trains: Gokmen, Onen and Haensch, Frontiers in Neuroscience 11, 538 (2017).
"""

from typing import Any

import numpy as np

from .. import _array, _constants, _launch, _parallel, random
from .._array import Array, Key, Numbers, Real, Sample
from .._gate import accepts_any
from .._updates import Rate, rate_and_now
from . import _checks
from .pulsed_devices import CELLS, FunctionStep, PulsedDevice, pulsed_device

_launch.fault(
    20,
    "a weight is NaN or outside the range of its cell: pnnkern.crossbar.clip_weights(w, device=..., key=...) brings all inside",
)
_launch.fault(21, "x and d must be finite")

CHUNK = 1024  # samples, the most whose trains are held at a time: more would leave the cache
MAX_PULSES = 31  # of a train: a word holds them and the sign


@accepts_any
def pulse_update(w: Real, x: Real, d: Real, *, device: str | PulsedDevice, lr: float | Real, key: Key | None = None, sample: Sample = 0,
                 pulses: int = MAX_PULSES, managed: bool = True, origin: tuple[int, int] = (0, 0),
                 memory_limit: int | None = None) -> Array:  # fmt: skip
    """Add ``-lr x_s^T d_s`` to the weights for each sample s in order, by stochastic pulses.

    Parameters
    ----------
    w : Real
        (n_in, n_out) float32, each within the bounds of its cell.
    x : Real
        (batch, n_in), the inputs.
    d : Real
        (batch, n_out), dL/dy.
    device : str | PulsedDevice
        A name in `PULSED_DEVICES`, or a device.
    lr : float | Real
        0 or more; or float64 (1,), which may lie on the GPU: then nobody waits for its value.
    key
        Of `pnnkern.random`: it makes the devices, and with `sample` all that is random. One key serves one array of weights.
    sample
        The global index of row 0 of the batch, or an int64 array with one for each row; never the same again while training.
    pulses : int
        The longest train, 1 to 31.
    managed : bool
        For each sample, take as few pulses as the largest update needs, ``ceil(lr max|x| max|d| / step)``, and share the chances evenly between
        both sides; an update larger than `pulses` steps is scaled down as a whole to that. Else every train is `pulses` long, and fires with
        chances ``sqrt(lr / (step pulses))`` times |x| and |d|, cut at 1.
    origin : tuple[int, int]
        Row and column of w[0, 0] in the array that it is a part of, by which the cells are numbered.
    memory_limit : int | None
        Bytes for the trains that are held at a time; by default a quarter of the GPU's free memory, or 256 MiB.

    Returns
    -------
    Array
        The new weights. Splitting a batch, with its sample indices, changes nothing.

    Raises
    ------
    TypeError
        For arrays of the wrong kind.
    ValueError
        For shapes, numbers or names that are wrong, for a missing key, and for x and d that are not finite or weights that are outside of their
        cells' range (on a GPU: at `pnnkern.check()`).

    Notes
    -----
    Any local rule that is a sum of outer products is written this way: x are the values at the rows, d those at the columns, and a product that
    is to be added instead of taken away gets the sign into d. For the contrast of two phases, say, one call with ``x = concatenate([x_free,
    x_nudged])``, ``d = concatenate([-y_free, y_nudged])`` moves w by -lr (x_nudged^T y_nudged - x_free^T y_free); each row of the stack is a
    sample with an index of its own.
    """
    chosen = pulsed_device(device)
    w = _weights(w)
    x, d = _lines("x", x), _lines("d", d)
    if x.shape[0] != d.shape[0] or w.shape != (x.shape[1], d.shape[1]):
        raise ValueError(
            f"w (n_in, n_out), x (batch, n_in) and d (batch, n_out) do not fit: shapes {w.shape}, {x.shape} and {d.shape}"
        )
    lr, pulses = _rate(lr), _checks.whole("pulses", pulses, 1, MAX_PULSES)
    cycles = _key(key, "cycles")
    xp = _array.namespace(w, x, d)
    batch, (rows, columns) = len(x), w.shape
    sample0, index = _checks.samples(sample, batch, xp)
    slots, scale_x, scale_d = _chances(x, d, lr, chosen.step, pulses, managed)
    out = _array.copied(w)
    step = min(CHUNK, _array.chunk(out, 16 * (rows + columns), memory_limit))
    for part in _parallel.pieces(batch, step):
        n = part.stop - part.start
        which = sample0 + part.start, None if index is None else index[part]
        x_words, d_words = xp.empty((rows, n), np.uint32), xp.empty((n, columns), np.uint32)
        for name, values, scale, words, strides in (("x", x, scale_x, x_words, (n, 1)), ("d", d, scale_d, d_words, (1, columns))):
            _launch.launch(
                "crossbar/pulse", "trains", np.float32, n, values.shape[1], *_key(key, f"pulses of {name}"), *which, scale[part],
                slots[part], values[part], *strides, words, threads=n * (-(-values.shape[1] // 4)),
            )  # fmt: skip
        _launch.launch(
            "crossbar/pulse", "update", np.float32, rows, columns, n, *_key(key, "devices"), *cycles, *_origin(origin), *which,
            *_description(chosen, out), x_words, d_words, out, threads=out.size, own=chosen._own(),
        )  # fmt: skip
    return out


@accepts_any
def apply_pulses(w: Real, counts: Numbers, *, device: str | PulsedDevice, key: Key | None = None, sample: Sample = 0,
                 origin: tuple[int, int] = (0, 0)) -> Array:  # fmt: skip
    """Give each cell a number of pulses, up where positive, down where negative.

    Parameters
    ----------
    counts : Array
        (n_in, n_out) int32.
    sample : Sample
        The number of this round of pulses, or an array (1,) of it; never the same again.

    Returns
    -------
    Array
        The new weights.

    Notes
    -----
    Others as for `pulse_update`.

    Raises as `pulse_update`.
    """
    chosen = pulsed_device(device)
    w = _weights(w)
    if counts.dtype != np.int32 or counts.shape != w.shape:
        raise TypeError(f"counts must be int32 like the weights {w.shape}, got {counts.dtype} {counts.shape}")
    xp = _array.namespace(w, counts)
    out = _array.copied(w)
    _launch.launch(
        "crossbar/pulse", "apply", np.float32, *w.shape, *_key(key, "devices"), *_key(key, "counted pulses"), *_origin(origin),
        *_checks.samples(sample, 1, xp), *_description(chosen, out), _array.contiguous(counts), out, threads=out.size,
        own=chosen._own(),
    )  # fmt: skip
    return out


@accepts_any
def device_cells(device: str | PulsedDevice, shape: tuple[int, int], *, key: Key, origin: tuple[int, int] = (0, 0),
                 like: Numbers | None = None) -> dict[str, Array]:  # fmt: skip
    """The parameters of each cell, as `pulse_update` with this key sees them.

    Parameters
    ----------
    shape, origin : tuple[int, int]
        Of the part of the array that is wanted.
    like : Array | None
        An array on the device that is to hold the result.

    Returns
    -------
    dict[str, Array]
        Float32 (n_in, n_out) arrays by name: "up" and "down" (mean steps), "high" and "low" (bounds), "shape_up" and "shape_down" (gammas; for
        linear devices the slopes gamma / bound).
    """
    chosen = pulsed_device(device)
    rows, columns = check_sides(shape)
    xp = np if like is None else _array.namespace(like)
    out = xp.empty((6, rows, columns), np.float32)
    kind, table, _, _ = _description(chosen, out)
    _launch.launch(
        "crossbar/pulse", "cells", np.float32, rows, columns, *_key(key, "devices"), *_origin(origin), kind, table, out,
        threads=rows * columns,
    )  # fmt: skip
    return dict(zip(CELLS, out, strict=True))


@accepts_any
def clip_weights(w: Real, *, device: str | PulsedDevice, key: Key, origin: tuple[int, int] = (0, 0)) -> Array:
    """The weights nearest to `w` that the cells can hold, float32. Arguments as for `pulse_update`."""
    w = _weights(w)
    cells = device_cells(device, w.shape, key=key, origin=origin, like=w)
    return w.clip(cells["low"], cells["high"])


@accepts_any
def symmetry_point(device: str | PulsedDevice, shape: tuple[int, int], *, key: Key, origin: tuple[int, int] = (0, 0),
                   like: Numbers | None = None) -> Array:  # fmt: skip
    """The weight of each cell at which steps up and down are equal, where alternating pulses drive it; float32 (n_in, n_out).

    By bisection; the nearest bound for cells whose steps are nowhere equal. Arguments as for `device_cells`.
    """
    chosen = pulsed_device(device)
    cells = device_cells(chosen, shape, key=key, origin=origin, like=like)
    xp = _array.namespace(cells["low"])
    low, high = (cells[side].astype(np.float64) for side in ("low", "high"))
    for _ in range(60):
        middle = (low + high) / 2
        up, down = chosen.response(middle, cells)
        low, high = xp.where(up > down, middle, low), xp.where(up > down, high, middle)
    return ((low + high) / 2).astype(np.float32).clip(cells["low"], cells["high"])


# ---------------------------------------------------------------------------------------------------------------------- inside
def check_sides(shape: Any) -> tuple[int, int]:
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) and 0 <= n < 2**30 for n in sides):
        raise ValueError(f"shape must be (n_in, n_out), each from 0 to below 2^30, got {shape!r:.80}")
    return int(sides[0]), int(sides[1])


def _weights(w: Real) -> Array:
    if w.dtype != np.float32 or w.ndim != 2:
        raise TypeError(f"w must be float32 (n_in, n_out), got {w.dtype} {w.shape}")
    return _array.contiguous(w)


def _lines(name: str, values: Real) -> Array:
    if values.ndim != 2:
        raise TypeError(f"{name} must be a float32 or float64 array (batch, lines), got {values.dtype} {values.shape}")
    return _array.contiguous(_array.as_type(values, np.float32, copy=False))


def _origin(origin: Any) -> tuple[int, int]:
    if not isinstance(origin, tuple | list) or len(origin) != 2 or not all(isinstance(n, int | np.integer) and 0 <= n < 2**30 for n in origin):
        raise ValueError(f"origin must be a row and a column from 0 to below 2^30, got {origin!r:.80}")
    return int(origin[0]), int(origin[1])


def _key(key: Any, purpose: str) -> tuple[int, int]:
    return random.key_words(random.require_key(key, "pulsed devices are random"), purpose)


def _description(device: PulsedDevice, like: Array) -> tuple[int, Array, int, Array]:
    if device._kind < 0:
        raise TypeError("PulsedDevice has no response of its own: use ConstantStep, LinearStep, SoftBounds, ExponentialStep, ...")
    if isinstance(device, FunctionStep):
        for function in (device.up, device.down):
            function._ready(like, "f")
    nodes = device._nodes()
    tables = device._table(), nodes
    table, at = (_constants.constant(values, values.dtype, like) for values in tables)
    return device._kind, table, nodes.shape[1], at


def _rate(lr: Any) -> Rate:
    """A learning rate, 0 or more as far as that is known."""
    if not _array.is_array(lr):
        return _checks.number("lr", lr)
    if lr.shape != (1,) or lr.dtype != np.float64:
        raise ValueError(f"lr must be a number or float64 (1,), got {lr.dtype} {lr.shape}")
    if _array.namespace(lr) is np:
        _checks.number("lr", lr[0])
    rate: Array = lr
    return rate


def _chances(x: Real, d: Array, lr: Rate, step: float, pulses: int, managed: bool) -> tuple[Array, Array, Array]:
    """For each sample the length of the trains, and what |x| and |d| are multiplied by to give the chance of a pulse."""
    xp = _array.namespace(x, d)
    batch = len(x)
    if not managed:
        share = lr / (step * pulses)
        scale = xp.full(batch, np.sqrt(share)) if isinstance(share, float) else xp.repeat(xp.sqrt(share), batch)
        return xp.full(batch, pulses, np.int32), scale, scale
    slots, scale_x, scale_d = xp.empty(batch, np.int32), xp.empty(batch), xp.empty(batch)
    _launch.launch(
        "crossbar/pulse", "chances", np.float32, batch, x.shape[1], d.shape[1], *rate_and_now(lr), step, pulses, x, d, slots, scale_x,
        scale_d, threads=32 * batch,
    )  # fmt: skip
    return slots, scale_x, scale_d


__all__ = ["apply_pulses", "clip_weights", "device_cells", "pulse_update", "symmetry_point"]
