"""Noise of the cells as the outputs of a crossbar with wires see it: to first order, with a bound on what is left out.

A read puts the voltage F_c across cell c. With one volt at output j alone (the adjoint read) it would be A_cj. If the conductances move
by dG, the current of output j moves by::

    dI_j = -sum_c dG_c F_c A_cj + rest_j

So independent cell noise of standard deviation sigma_c gives outputs of one read that are correlated, with covariance
``sum_c sigma_c^2 F_c^2 A_cj A_cj'``. F and A are the exact voltages in the wires; without wires F = V and A = -1.

The rest: the resistance R between the ends of the cells (a matrix) obeys R <= diag(1 / (G + l)), where l is the conductance of the
softest mode of the wires, and dI = -A (dG - dG R dG + ...) F. Hence, with rho = max |dG| / (G + l) < 1::

    |rest_j| <= rho / (1 - rho) sqrt(sum_c |dG_c| F_c^2) sqrt(sum_c |dG_c| A_cj^2)

It is a worst case: random noise leaves 200 to 1e5 times less. Siemens, volts, amperes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real, Sample
from .._gate import accepts_any
from . import _checks
from .wires import Stack, Wires, as_wires, voltages_like


@accepts_any
class WireFields:
    """The voltages across all cells of one array for one volt at each driver, and at each output, worked out once for many calls.

    Parameters
    ----------
    G : Real
        (n_in, n_out) siemens.
    wires
        `Wires` or ohms per segment. Give it as `fields` together with the same G and wires. It takes n_in n_out (n_in + n_out) numbers of
        memory. At 128 x 128 it saves three quarters of the time of `wire_noise` for 256 reads, and 97 % for one.
    """

    def __init__(self, G: Real, *, wires: Wires | float) -> None:
        _check_one(G)
        self.G, self.wires = G, as_wires(wires)
        inside = _Inside(_array.namespace(G).zeros((1, G.shape[0]), G.dtype), G, self.wires)
        self.forward, self.adjoint = (x.reshape(G.size, -1) for x in inside.units())


@accepts_any
def wire_noise(
    V: Real,
    G: Real,
    sigma: float | Numbers,
    *,
    wires: Wires | float,
    key: Key,
    sample: Sample = 0,
    memory_limit: int | None = None,
    fields: WireFields | None = None,
) -> Array:
    """What a fresh draw of all cells adds to the currents of each read, through the wires to first order.

    Parameters
    ----------
    V : Real
        (batch, n_in) volts, of the dtype of G.
    G : Real
        (n_in, n_out) siemens.
    sigma
        Standard deviation of each cell in one read, siemens: like G, or a number.
    wires
        `Wires` or ohms per segment; the circuits "lines" and "interleaved".
    key
        Of `pnnkern.random`.
    sample
        Number of the first read, or the numbers of all, (batch,) integers. Cell c of a read takes the standard normal of its element c, so that
        a read has the same noise in any batch.
    memory_limit : int | None
        Bytes to work with at a time, by default 256 MiB on the CPU and a quarter of what is free on a GPU.
    fields : WireFields | None
        `WireFields` of the same array and wires, for many calls.

    Returns
    -------
    Array
        (batch, n_out) amperes like G, to be added to ``V @ T``. Reads are independent, outputs of one read are correlated. Work: two matrix
        products with n_in n_out by n_out for each read, after the voltages inside.

    Raises
    ------
    ValueError
        Without a key, for a sigma that is negative or does not fit, and as `effective_conductance`.
    """
    key = random.require_key(key, "noise is random")
    inside = _Inside(V, G, wires, fields)
    deviation = _deviation(sigma, G)
    n_in, n_out = G.shape
    first, index = _checks.samples(sample, len(V), inside.xp)
    out = inside.xp.empty((len(V), n_out), G.dtype)
    for rows in inside.reads(memory_limit):
        which = first + rows.start if index is None else index[rows]
        z = random.normal(key, (rows.stop - rows.start, n_in * n_out), sample=which, dtype=G.dtype, like=G)
        z *= deviation.reshape(1, -1)
        z *= inside.across(rows).reshape(z.shape)
        for outputs, A in inside.adjoint(memory_limit):
            out[rows, outputs] = -(z @ A)
    return out


@accepts_any
def read_covariance(V: Real, G: Real, sigma: float | Numbers, *, wires: Wires | float, memory_limit: int | None = None) -> Array:
    """Covariance of the output currents of each read for fresh, independent noise of the cells, to first order.

    Arguments as for `wire_noise`. ``C[b, j, k] = sum_c sigma_c^2 F_bc^2 A_cj A_ck``; exact for cells without wires, and for wires up to the
    second order of the noise.

    Returns
    -------
    Array
        (batch, n_out, n_out) amperes^2 like G. Work: n_in n_out^3 for each read.
    """
    inside = _Inside(V, G, wires)
    deviation = _deviation(sigma, G)
    n_out = G.shape[-1]
    out = inside.xp.empty((len(V), n_out, n_out), G.dtype)
    for rows in inside.reads(memory_limit):
        spread = (deviation * inside.across(rows)).reshape(rows.stop - rows.start, -1, 1)
        for one, A in inside.adjoint(memory_limit):
            for other, B in [(one, A)] if one == slice(0, n_out) else inside.adjoint(memory_limit):
                for r, s in zip(range(rows.start, rows.stop), spread):
                    out[r, one, other] = (A * s).T @ (B * s)
    return out


@accepts_any
def noise_through_wires(dG: Real, V: Real, G: Real, *, wires: Wires | float, memory_limit: int | None = None) -> tuple[Array, Array]:
    """What given changes of the cells add to the currents, to first order, and a rigorous bound on the rest.

    Parameters
    ----------
    dG : Real
        (batch, n_in, n_out) siemens, the changes at each read, or (n_in, n_out) for all.

    Returns
    -------
    tuple[Array, Array]
        (dI, bound), each (batch, n_out) amperes like G: the exact currents with G + dG differ from ``V @ T + dI`` by at most `bound` (infinite
        where some |dG| reaches G + l, see above).

    Raises
    ------
    ValueError
        For a dG that does not fit or takes a cell below zero.

    Notes
    -----
    Other arguments as for `wire_noise`.
    """
    inside = _Inside(V, G, wires)
    if dG.dtype != G.dtype or dG.shape not in (G.shape, (len(V), *G.shape)):
        raise ValueError(f"dG must be {G.dtype} {(len(V), *G.shape)} or {G.shape}, got {dG.dtype} {dG.shape}")
    if not float((G + dG).min()) >= 0:
        raise ValueError("G + dG must not be negative or NaN (siemens)")
    xp, cells = inside.xp, G.size
    every = xp.broadcast_to(dG, (len(V), *G.shape)).reshape(len(V), cells)
    dI, bound = (xp.empty((len(V), G.shape[-1]), G.dtype) for _ in range(2))
    rho = (xp.abs(every) / (G.reshape(1, -1) + G.dtype.type(inside.softest))).max(1)[:, None]
    factor = xp.where(rho < 1, rho / xp.where(rho < 1, 1 - rho, 1), xp.inf)
    for rows in inside.reads(memory_limit):
        F, change = inside.across(rows).reshape(-1, cells), every[rows]
        size = xp.abs(change)
        read = xp.sqrt((size * F * F).sum(1))[:, None]
        for outputs, A in inside.adjoint(memory_limit):
            dI[rows, outputs] = -((change * F) @ A)
            bound[rows, outputs] = factor[rows] * read * xp.sqrt(size @ (A * A))
    return dI, bound


# ---------------------------------------------------------------------------------------------------------------------- inside
class _Inside:
    """Voltages across the cells of one array: of the reads V, and with one volt at each output."""

    def __init__(self, V: Real, G: Real, wires: Wires | float, fields: WireFields | None = None) -> None:
        _check_one(G)
        self.wires = as_wires(wires)
        self.stack = Stack(G, self.wires)
        self.V, self.G, self.xp = voltages_like(V, G), G, self.stack.xp
        self._solver: Any = None
        self._adjoint: tuple[slice, Array] | None = None
        self.fields = fields
        if fields is not None:
            if not isinstance(fields, WireFields):
                raise TypeError(f"fields must be WireFields, got {type(fields).__name__}")
            if not _checks.same_memory(fields.G, G) or fields.wires != self.wires:
                raise ValueError("fields belong to another array or other wires: make WireFields of this G and these wires")
            self._adjoint = slice(0, G.shape[1]), fields.adjoint

    @property
    def solver(self) -> Any:
        if self._solver is None:
            self._solver = self.stack.solver(slice(0, 1), keep=True)
        return self._solver

    @property
    def softest(self) -> float:
        """Conductance of the softest mode of the wires, siemens; infinite for perfect ones."""
        n_in, n_out = self.G.shape
        lines = ((self.wires.word, self.wires.source, n_out), (self.wires.bit, self.wires.load, n_in))
        resistance = sum(_largest(r, terminal, n) for r, terminal, n in lines)
        return float(1 / resistance) if resistance > 0 else float(np.finfo(self.G.dtype).max / 4)

    def reads(self, memory_limit: int | None) -> list[slice]:
        return self.stack.batches(len(self.V), memory_limit)

    def across(self, rows: slice) -> Array:
        """Voltages across the cells for some reads: (reads, n_in, n_out)."""
        if self.fields is not None:
            return (self.V[rows] @ self.fields.forward.T).reshape(-1, *self.G.shape)
        inputs = self.xp.ascontiguousarray(self.V[rows].T)[None]
        return self.xp.moveaxis(self._across(inputs, self.xp.zeros((1, self.G.shape[1], inputs.shape[-1]), self.G.dtype)), -1, 0)

    def units(self) -> tuple[Array, Array]:
        """With one volt at each driver (n_in, n_out, n_in), and at each output (n_in, n_out, n_out)."""
        n_in, n_out = self.G.shape
        zeros, eye = self.xp.zeros, self.xp.eye
        one = self._across(eye(n_in, dtype=self.G.dtype)[None], zeros((1, n_out, n_in), self.G.dtype))
        return one, self._across(zeros((1, n_in, n_out), self.G.dtype), eye(n_out, dtype=self.G.dtype)[None])

    def _across(self, drivers: Array, outputs: Array) -> Array:
        word, bit = self.solver.voltages(drivers, outputs)
        word -= bit
        return word[0]

    def adjoint(self, memory_limit: int | None) -> Iterator[tuple[slice, Array]]:
        """Outputs, and the voltages across all cells with one volt at each of them: (n_in n_out, outputs). Kept if all fit the memory."""
        n_in, n_out = self.G.shape
        if self._adjoint is not None:
            yield self._adjoint
            return
        for part in self.stack.batches(n_out, memory_limit):
            units = self.xp.eye(n_out, dtype=self.G.dtype)[None, :, part]
            A = self._across(self.xp.zeros((1, n_in, units.shape[-1]), self.G.dtype), units).reshape(n_in * n_out, -1)
            if part == slice(0, n_out):
                self._adjoint = part, A
            yield part, A


def _largest(r: float, terminal: float, n: int) -> float:
    """At least the largest resistance of a mode of a wire of n segments of r ohms, driven through `terminal`."""
    return r / (4 * np.sin(np.pi / (2 * (2 * n + 1))) ** 2) + n * terminal


def _deviation(sigma: Any, G: Real) -> Array:
    """A standard deviation for each cell, like G."""
    sigma = _checks.each("sigma", sigma, G, "G")
    if not (float(sigma.min()) >= 0 and np.isfinite(float(sigma.max()))):
        raise ValueError(f"sigma must be finite and not negative (siemens), got values from {float(sigma.min()):.4g}")
    if float(sigma.max()) > _checks.OHMS:
        raise ValueError(f"sigma must be at most {_checks.OHMS:g} (siemens), got values up to {float(sigma.max()):.4g}")
    return sigma


def _check_one(G: Real) -> None:
    if G.ndim != 2:
        raise ValueError(f"noise through wires takes one array (n_in, n_out) at a time, got G of shape {G.shape}")


__all__ = ["WireFields", "noise_through_wires", "read_covariance", "wire_noise"]
