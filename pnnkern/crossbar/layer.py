"""Layers of crossbars: programmed once, applied to many batches.

    state = program_weights(W, description, key=key)          # {"G": siemens (arrays, n_in, columns), "w_max": ...}
    state = calibrate(x, state, description)                   # where the range of the ADC is "calibrated"
    y = apply(x, state, description, key=key, sample=first)    # ~ x @ W
    y = apply(x, aged(state, description, time=3600.0, key=key), description, key=key)

`Layer(state, description)` does what `apply` does for many batches at the price of one preparation (wires, noise, ranges).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _array, _launch, random
from .._array import Array, Key, Real, Sample, Values
from .._checks import only, wrt_names
from .._gate import accepts_any
from . import _checks
from .converters import by_column
from .devices import drift, program
from .mapping import (
    Crossbar,
    check_arrays,
    check_description,
    check_weights,
    combine,
    combine_vjp,
    conductances,
    conductances_vjp,
    interleaved,
    separated,
    weight_range,
)
from .noise import GaussianNoise, noise, stuck_cells, stuck_masks
from .read import Reader

State = dict[str, Array]
BELOW = _launch.fault(39, "inputs of a crossbar whose DAC is unsigned must be 0 or more: it would cut them")


def _fold(key: Any, purpose: int | str) -> Any:
    return None if key is None else random.fold_in(key, purpose)


@accepts_any
def program_weights(W: Real, description: Crossbar, *, w_max: Values | None = None, key: Key | None = None, sample: int = 0) -> State:
    """Program weights (n_in, n_out) on crossbars, with the device's programming noise and the cells that are stuck.

    Parameters
    ----------
    w_max
        As for `conductances`.
    key
        Needed for devices that are random, and for stuck cells.
    sample : int
        The number of the chip.

    Returns
    -------
    State
        A flat dict of arrays: "G" (arrays, n_in, columns) siemens, "w_max" () or (n_out,), "programmed", which is G and stays while G ages, and
        "stuck", boolean like G, where the description has stuck cells. Who programs another G later writes both.

    Notes
    -----
    Raises ValueError as `conductances` and `program`.
    """
    W, d = check_weights(W), check_description(description)
    w_max = weight_range(W, d, w_max)
    target = conductances(W, d, w_max=w_max)
    G = program(target, d.device, key=key, sample=sample)
    state = {"G": G, "w_max": w_max}
    if d.stuck_low or d.stuck_high:
        (low, high), ends = stuck_masks(G, low=d.stuck_low, high=d.stuck_high, key=key, sample=sample), d.range
        state["G"] = stuck_cells(G, low=low, high=high, g_min=ends[0], g_max=ends[1])
        state["stuck"] = low | high
    return state | {"programmed": state["G"]}


@accepts_any
def aged(
    state: State, description: Crossbar, *, time: float, key: Key | None = None, sample: int = 0, target: Real | None = None
) -> State:  # fmt: skip
    """The state `time` seconds after it was programmed, whatever its age is now: always drifted from "programmed" (from G without that).

    Parameters
    ----------
    key, sample, target
        As for `drift`; target is what `conductances` gave, and what was programmed by default. Cells that are stuck do not move. Read noise of
        a device by its name is that of this age.

    Returns
    -------
    State
        The state with other "G", and "time", float64 () on the host.

    Raises
    ------
    ValueError
        As `drift`.
    """
    check_state(state, description)
    was: Array = state.get("programmed", state["G"])
    G = drift(was, time=time, device=description.device, key=key, sample=sample, target=target, stuck=state.get("stuck"))
    return state | {"G": G, "time": np.array(time, np.float64)}


def check_state(state: State, description: Crossbar) -> int:
    """The outputs of a state; refuses one that is not of this description, by names, shapes and dtypes alone."""
    missing = [name for name in ("G", "w_max") if name not in state]
    if missing:
        has = ", ".join(map(str, state)) or "nothing"
        raise ValueError(f"state must have {' and '.join(missing)}, as program_weights gives it, and has {has}")
    G, d = state["G"], description
    if not _array.is_array(G) or G.dtype not in (np.float32, np.float64):
        raise TypeError(f"G of a state must be an array of float32 or float64 (siemens), got {getattr(G, 'dtype', type(G).__name__)}")
    n_out = check_arrays("G", G, d)
    rows = -(-G.shape[1] // d.tile_inputs)
    shapes = {
        "programmed": (G.shape,), "w_max": ((), (n_out,)), "time": ((),),
        "adc_range": ((), (rows, len(d.counts), G.shape[2])),
    }  # fmt: skip
    for name, fit in shapes.items():
        value = state.get(name)
        if value is not None and (value.shape not in fit or value.dtype.kind != "f"):
            raise ValueError(f"{name} of a state must be real numbers of shape {' or '.join(map(str, fit))}, got {value.dtype} {value.shape}")
    if "programmed" in state and state["programmed"].dtype != G.dtype:
        raise TypeError(f"programmed of a state must be {G.dtype} like its G, got {state['programmed'].dtype}")
    if "stuck" in state:
        _checks.mask("stuck", state["stuck"], G.shape, "G")
    return n_out


@accepts_any
class Layer:
    """A programmed layer, ready for many batches; the arrays of `state` must not be changed while it is in use.

    ``layer(x, key=, sample=)`` is `apply`, ``layer.vjp(cotangent, x, ...)`` is `apply_vjp`.
    """

    def __init__(self, state: State, description: Crossbar) -> None:
        d = self.description = description
        self.state = state
        self.n_out, G = check_state(state, d), state["G"]
        self.n_in = G.shape[1]
        low, high = d.range
        self.scale = (state["w_max"] / ((high - low) * d.v_max)).astype(G.dtype)
        self.noise, then = self._noise(), state.get("programmed")
        if then is not None and _checks.same_memory(G, then) and not getattr(self.noise, "time", 0.0):
            then = None  # what is read is what was programmed, and moves with it
        self.tiles: list[tuple[slice, slice, slice, Reader]] = []
        number = 0
        for row in range(0, self.n_in, d.tile_inputs):
            rows = slice(row, min(row + d.tile_inputs, self.n_in))
            for outputs, columns in d.blocks(self.n_out):
                chain = self._chain(row // d.tile_inputs, columns, number)
                tile = self._laid(G[:, rows, columns])
                programmed = None if then is None else self._laid(then[:, rows, columns])
                self.tiles.append((rows, outputs, columns, Reader(tile, chain, pairs=d.paired, programmed=programmed)))
                number += len(tile) * (columns.stop - columns.start)

    def _laid(self, cells: Array) -> Array:
        """Cells (arrays, inputs, columns) as they lie in the arrays that are read."""
        return interleaved(cells) if self.description.paired else _array.contiguous(cells)

    def _chain(self, row: int, columns: slice, number: int) -> Any:
        """The chain of one tile: its own ranges, offsets and converters."""
        chain, G = self.description.chain, self.state["G"]
        xp, shape = _array.namespace(G), (len(self.description.counts), G.shape[2])
        if chain.offset is not None:
            chain = replace(chain, offset=xp.broadcast_to(by_column("offset", chain.offset, shape, xp), shape)[:, columns])
        adc = chain.adc
        if adc is not None and adc.errors is not None:
            adc = replace(adc, errors=replace(adc.errors, first=adc.errors.first + number))
        if adc is not None and isinstance(adc.range, str) and adc.range == "calibrated" and "adc_range" in self.state:
            known = self.state["adc_range"]
            adc = replace(adc, range=known[row][:, columns] if known.ndim else known)
        elif adc is not None and not isinstance(adc.range, str) and np.ndim(adc.range):
            adc = replace(adc, range=xp.broadcast_to(by_column("range of an ADC", adc.range, shape, xp), shape)[:, columns])
        return replace(chain, adc=adc, noise=self.noise)

    def _noise(self) -> Any:
        """Of the cells, at the age of the state."""
        cells, most = noise(self.description.chain.noise), self.description.range[1]
        for name in ("sigma", "amplitude"):
            size = getattr(cells, name, 0.0)
            if not callable(size) and size > most:
                raise ValueError(f"{name} of a noise must be at most g_max of the device, {most:.4g} S, got {size:.4g}: relative= is of G")
        if not isinstance(cells, GaussianNoise) or cells.device is None or "time" not in self.state:
            return cells
        age = float(self.state["time"])
        if cells.time not in (0, age):
            raise ValueError(f"the noise is that of {cells.time:g} s after programming, and the state is {age:g} s old: leave its time at 0")
        return replace(cells, time=age)

    # ------------------------------------------------------------------------------------------------------------------ forward
    def __call__(self, x: Real, *, key: Key | None = None, sample: Sample = 0) -> Array:
        """Outputs (batch, n_out), as `apply` gives them."""
        return self._managed(self._checked(x), key, sample)[0]

    def _checked(self, x: Real) -> Array:
        x = _checks.matrix("x", x, 2)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must be (batch, {self.n_in}) for these weights, got {x.shape}")
        if x.dtype != self.state["G"].dtype:
            raise TypeError(f"x must be {self.state['G'].dtype} like the conductances, got {x.dtype}")
        dac = self.description.chain.dac
        if dac is not None and not dac.signed:
            least = x.min()
            _launch.flag(least < 0, BELOW, lambda: f"inputs must be 0 or more, an unsigned DAC would cut them, got {float(least):.4g}")
        return x

    def _driven(self, x: Real) -> tuple[Array, Array]:
        """Volts (batch, n_in), and what each sample is divided by for them, (batch, 1)."""
        xp, given = _array.namespace(x), self.description.input_scale
        V, alpha = xp.empty_like(x), xp.empty((len(x), 1), x.dtype)
        scale = 0.0 if isinstance(given, str) else float(given)
        _launch.launch("crossbar/read", "scale", x.dtype, *x.shape, scale, float(self.description.v_max), x, alpha, V, threads=32 * len(x))
        return V, alpha

    def _managed(self, x: Real, key: Any, sample: Any) -> tuple[Array, Array, Array]:
        """Outputs, the final scale of each sample, and how often it was read again."""
        xp, (V, alpha) = _array.namespace(x), self._driven(x)
        y, full = self._outputs(V, key, sample)
        again = xp.zeros(len(x), np.int64)
        for n in range(1, self.description.bound_rounds + 1):
            (rows,) = xp.nonzero(full)
            if not rows.size:
                break
            alpha[rows] *= 2
            again[rows] = n
            V = x[rows] / alpha[rows] * x.dtype.type(self.description.v_max)
            y[rows], full[rows] = self._outputs(V, _fold(key, f"bound {n}"), _checks.part(sample, rows))
        return y * (alpha * self.scale), alpha, again

    def _outputs(self, V: Real, key: Any, sample: Any) -> tuple[Array, Array]:
        """Amperes, counted as the arrays count, for volts at the inputs; and which samples have driven an ADC to its end."""
        xp, d = _array.namespace(V), self.description
        y, full = xp.zeros((len(V), self.n_out), V.dtype), xp.zeros(len(V), bool)
        for t, (rows, outputs, _, reader) in enumerate(self.tiles):
            I = reader(_array.contiguous(V[:, rows]), key=_fold(key, t), sample=sample)
            part = y[:, outputs]
            part += combine(I, d, d.counts)  # in place: y[:, outputs] += copies what it has written once more
            if d.bound_rounds:
                end = reader.columns.high * (1 - 1e-6) * reader.columns.step[:, None]  # type: ignore[index]
                full |= (xp.abs(I) >= end).any(axis=(0, 2))
        return y, full

    # --------------------------------------------------------------------------------------------------------------- derivative
    def vjp(self, cotangent: Real, x: Real, *, key: Key | None = None, sample: Sample = 0, wrt: str | Sequence[str] = ("x", "G")) -> Any:
        """The derivative of `apply`, as `apply_vjp` gives it."""
        names = wrt_names(wrt, ("x", "G"))
        x = self._checked(x)
        xp, d, G = _array.namespace(x), self.description, self.state["G"]
        _checks.shaped("cotangent", cotangent, (len(x), self.n_out), "the outputs")
        _checks.samples(sample, len(x), xp)
        dx, dG = xp.zeros_like(x), xp.zeros_like(G)
        (V, alpha), rounds = self._driven(x), [(0, slice(0, len(x)))]
        if d.bound_rounds:
            _, alpha, again = self._managed(x, key, sample)
            rounds = [(n, xp.nonzero(again == n)[0]) for n in range(d.bound_rounds + 1)]
        for n, some in rounds:
            if d.bound_rounds:
                V = x[some] / alpha[some] * x.dtype.type(d.v_max)
            if not len(V):
                continue
            own, index = key if n == 0 else _fold(key, f"bound {n}"), _checks.part(sample, some)
            g = cotangent[some].astype(x.dtype, copy=False) * (alpha[some] * self.scale)
            for t, (rows, outputs, columns, reader) in enumerate(self.tiles):
                currents = combine_vjp(_array.contiguous(g[:, outputs]), d, d.counts)
                dV, part = reader.vjp(currents, _array.contiguous(V[:, rows]), key=_fold(own, t), sample=index)
                dx[some, rows] += dV * (x.dtype.type(d.v_max) / alpha[some])
                dG[:, rows, columns] += separated(part) if d.paired else part
        if "stuck" in self.state:
            dG *= ~self.state["stuck"]
        return only({"x": dx, "G": dG}, names)


@accepts_any
def apply(x: Real, state: State, description: Crossbar, *, key: Key | None = None, sample: Sample = 0) -> Array:
    """Outputs ``~ x @ W`` of a programmed layer.

    Parameters
    ----------
    x : Real
        (batch, n_in), of the dtype of the conductances.
    state : State
        Of `program_weights` (and `calibrate`), or aged or trained since.
    key, sample
        As for `read`; needed where the description's chain is random. A tile has its own noise.

    Returns
    -------
    Array
        (batch, n_out) in the unit of x times W.

    Notes
    -----
    Raises as `read`, and ValueError for a state of another description.
    """
    return Layer(state, description)(x, key=key, sample=sample)


@accepts_any
def apply_vjp(
    cotangent: Real, x: Real, state: State, description: Crossbar, *, key: Key | None = None, sample: Sample = 0,
    wrt: str | Sequence[str] = ("x", "G"),
) -> Any:  # fmt: skip
    """The derivative of `apply` for the same key and samples, by the inputs and the conductances; rules as for `read_vjp`.

    The scale of a sample counts as a constant, as does what aged cells were programmed to; stuck cells have no derivative.

    Parameters
    ----------
    wrt
        Any of "x", "G".

    Returns
    -------
    array
        One array or a tuple.
    """
    return Layer(state, description).vjp(cotangent, x, key=key, sample=sample, wrt=wrt)


@accepts_any
def calibrate(
    x: Real, state: State, description: Crossbar, *, quantile: float = 1.0, per_column: bool = False, key: Key | None = None, sample: Sample = 0
) -> State:
    """The state with the range of the ADC, "adc_range", amperes: the quantile of the currents of these inputs before conversion.

    Parameters
    ----------
    per_column : bool
        A range for each column of each tile. With `BitSerial` inputs, of the currents that are converted; with the offsets of the columns,
        which are converted too.
    """
    check_state(state, description)
    if description.chain.adc is None:
        raise ValueError("there is no ADC to calibrate in this description")
    d, quantile = description, _checks.quantile(quantile)
    layer = Layer(state, replace(d, chain=replace(d.chain, adc=None), bound_rounds=0))
    x, G = layer._checked(x), state["G"]
    xp, (V, _) = _array.namespace(x), layer._driven(x)
    found = xp.zeros((-(-layer.n_in // d.tile_inputs), len(d.counts), G.shape[2]), np.float64)
    for t, (rows, _, columns, reader) in enumerate(layer.tiles):
        place = found[rows.start // d.tile_inputs]
        for currents in reader.conversions(_array.contiguous(V[:, rows]), key=_fold(key, t), sample=sample):
            size = xp.abs(currents)
            most = xp.quantile(size, quantile, axis=1) if per_column else xp.quantile(size, quantile)
            place[:, columns] = xp.maximum(place[:, columns], most)
    least = _checks.floor(found)  # a column without current
    return state | {"adc_range": xp.asarray((found if per_column else found.max()).clip(least, None))}


@accepts_any
def matmul(x: Real, W: Real, description: Crossbar, *, key: Key | None = None, sample: Sample = 0, chip: int = 0) -> Array:
    """``x @ W`` as crossbars do it: `program_weights`, then `apply`. For training with all imperfections in the forward pass.

    Parameters
    ----------
    x : Real
        (batch, n_in).
    W : Real
        (n_in, n_out), of the same dtype.
    key
        Both programming and reading draw from it.
    sample
        As for `read`.
    chip : int
        The number of the programming attempt.

    Returns
    -------
    Array
        (batch, n_out).

    Notes
    -----
    Raises as both functions do.
    """
    state = program_weights(W, description, key=_fold(key, "program"), sample=chip)
    return apply(x, state, description, key=_fold(key, "read"), sample=sample)


@accepts_any
def matmul_vjp(
    cotangent: Real, x: Real, W: Real, description: Crossbar, *, key: Key | None = None, sample: Sample = 0, chip: int = 0,
    wrt: str | Sequence[str] = ("x", "W"),
) -> Any:  # fmt: skip
    """The derivative of `matmul` for the same key: by `apply_vjp`, then `conductances_vjp`; programming noise counts as a constant."""
    names = wrt_names(wrt, ("x", "W"))
    state = program_weights(W, description, key=_fold(key, "program"), sample=chip)
    dx, dG = apply_vjp(cotangent, x, state, description, key=_fold(key, "read"), sample=sample)
    return only({"x": dx, "W": conductances_vjp(dG, W, description)}, names)


__all__ = ["Layer", "aged", "apply", "apply_vjp", "calibrate", "matmul", "matmul_vjp", "program_weights"]
