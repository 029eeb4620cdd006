"""Reading a crossbar: voltages in, currents out, with all that happens on the way.

    V -> DAC (+ noise) -> cells (I-V law, fresh noise, wires) -> + output noise -> + column offset -> ADC -> I

Everything is linear but the converters and the I-V law, so one read is one product of matrices; fresh Gaussian noise of the cells is a
second one and a normal for each output: the sum over i of v_i sigma_ij z_ij is normal with variance sum v_i^2 sigma_ij^2, exactly.
Noise of the outputs and of the ADC is drawn together with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _array, _launch, _parallel, random
from .._array import Array, Key, Numbers, Real, Sample, Values
from .._checks import only, wrt_names
from .._gate import accepts_any
from .._own import ScalarFunction
from . import _checks
from ._ranges import largest_currents
from .converters import ADC, DAC, NO_DAC, NO_DAC_RANGE, BitSerial, Outputs, outputs
from .devices import check_positive
from .noise import CellNoise, noise
from .solve import (
    IV,
    as_iv,
    carried,
    gated_reads,
    open_conductance,
    solve_currents,
    solve_currents_vjp,
    steepness,
    with_constants,
)
from .wire_noise import WireFields, wire_noise
from .wires import Wires, as_wires, check_pairs, effective_conductance, effective_conductance_vjp, like

SLICE = 64  # inputs whose products are summed up first: kernels/crossbar/read.cu
MULTIPROCESSORS = 132  # of an H100, each of which should have a tile of a product; no result depends on it
PRECISIONS = ("tf32", "bf16")


@accepts_any
@dataclass(frozen=True)
class Chain:
    """What stands between voltages and currents.

    Parameters
    ----------
    wires
        `Wires` or ohms for each segment; None: none.
    noise
        `GaussianNoise`, `LognormalNoise` or `TelegraphNoise` of the cells, or a device or its name; None: none.
    dac : DAC | BitSerial | None
        `DAC` or `BitSerial`.
    adc : ADC | None
        `ADC`.
    iv : IV | ScalarFunction | None
        `sinh_iv(v0)`, `cubic_iv(a)`, an `IV` of your own, or the `ScalarFunction` of one: what a cell carries at a voltage, one law for all.
    output_noise : float
        Standard deviation of each current before conversion, amperes, drawn for each sample and output.
    offset
        Amperes added to the columns, a number or an array (..., n_out).
    precision : str | None
        Of the product, "tf32" or "bf16", for arrays of float32; None: that of the arrays. Voltages behind their converters and conductances
        (and for noise that is drawn by output, squares of both kinds) are rounded to 11 or 8 significant bits, which the matrix units of a GPU
        multiply, and summed in float32. A current is off by up to (2 u + u^2) sum |v_i g_ij|, u = 2^-11 or 2^-8, besides the rounding of that
        sum. Derivatives are in full precision.

    Raises
    ------
    ValueError
        For parts that do not fit each other: noise or a characteristic that wires cannot take, levels for gated inputs, an unsigned ADC for
        currents that flow both ways, a range "max" or "per-column" where something may be cut all the same, and a precision where cells are
        drawn one by one or a circuit is solved.
    """

    wires: Any = None
    noise: Any = None
    dac: DAC | BitSerial | None = None
    adc: ADC | None = None
    iv: IV | ScalarFunction | None = None
    output_noise: float = 0.0
    offset: Values | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        _checks.number("output_noise", self.output_noise, "amperes", most=1.0)
        if self.dac is not None and not isinstance(self.dac, DAC | BitSerial):
            raise TypeError(f"dac must be a DAC or a BitSerial, got {type(self.dac).__name__}")
        if self.adc is not None and not isinstance(self.adc, ADC):
            raise TypeError(f"adc must be an ADC, got {type(self.adc).__name__}")
        if self.iv is not None:
            object.__setattr__(self, "iv", as_iv(self.iv))
        cells = noise(self.noise)
        if self.wires is not None and cells is not None and (not (cells.by_output or cells.frozen) or self.iv is not None):
            raise ValueError("noise through wires takes linear cells with GaussianNoise that is not clipped: give that, or no wires")
        if self.gated and self.iv is not None:
            raise ValueError(f"topology {self.topology!r} takes linear cells: give that, or wires that are not gated")
        if self.gated and self.dac is not None and not _opens(self.dac):
            raise ValueError(
                "gated inputs are open or shut: their dac must be BitSerial(bits, slice_bits=1, signed=False) or DAC(1, signed=False) "
                f"without noise, got {self.dac}"
            )
        if self.adc is not None:
            self._check_adc(self.adc, cells)
        if self.precision is not None and self.precision not in PRECISIONS:
            raise ValueError(f"precision must be 'tf32' or 'bf16', or None for that of the arrays, got {self.precision!r:.40}")
        if self.precision is not None and not self.multiplies:
            raise ValueError(
                f"precision {self.precision!r} is that of a product of matrices, which this chain is not: leave it out, or take cells that are "
                "linear behind wires, and noise that is frozen or (without wires) Gaussian and not clipped"
            )

    def _check_adc(self, adc: ADC, cells: CellNoise | None) -> None:
        if not adc.signed and self.signed:
            raise ValueError(
                "an unsigned ADC cuts negative currents, and these flow both ways: make it signed, or the inputs unsigned by a "
                "DAC(..., signed=False) and no interleaved rows"
            )
        if not adc.guaranteed:
            return
        if self.dac is None or self.dac.bits is None:
            raise ValueError(NO_DAC_RANGE.format(adc.range))
        normal = self.output_noise > 0 or adc.noise > 0 or getattr(self.dac, "noise", 0.0) > 0 or (cells is not None and cells.by_output)
        if not adc.signed and (normal or getattr(adc.errors, "offset", 0.0) > 0):
            raise ValueError(
                f"range {adc.range!r} of an ADC promises that nothing is cut, and an unsigned one cuts what noise and offsets drive below 0: "
                "make it signed, or give amperes"
            )

    @property
    def topology(self) -> str:
        """Of the wires; without any, that of plain lines."""
        return "lines" if self.wires is None else as_wires(self.wires).topology

    @property
    def gated(self) -> bool:
        """Whether inputs open cells instead of driving them."""
        return self.wires is not None and as_wires(self.wires).gated

    @property
    def signed(self) -> bool:
        """Whether currents flow both ways: they do unless inputs have an unsigned DAC, and all rows count alike."""
        return self.dac is None or self.dac.signed or self.topology.endswith("interleaved")

    @property
    def multiplies(self) -> bool:
        """Whether currents are one product of matrices, with noise by output: no circuit is solved, no cell drawn by itself for a sample."""
        cells = noise(self.noise)
        by_output = cells is None or cells.frozen or (cells.by_output and self.wires is None)
        return by_output and (self.wires is None or (self.iv is None and not self.gated))

    @property
    def random(self) -> bool:
        """Whether a read needs a key."""
        random_dac = isinstance(self.dac, DAC) and self.dac.random
        return self.noise is not None or self.output_noise > 0 or random_dac or (self.adc is not None and self.adc.noise > 0)


def _opens(dac: DAC | BitSerial) -> bool:
    """Whether a converter gives 0 and one voltage, nothing else."""
    if dac.bits is None:
        return True  # the caller's voltages, which the circuit checks
    levels = dac.slice_bits if isinstance(dac, BitSerial) else dac.bits
    return levels == 1 and not dac.signed and not getattr(dac, "noise", 0.0)


@accepts_any
class Reader:
    """An array of conductances ready to be read: what depends on them alone is worked out once (wires, sigmas, ranges of the ADC).

    Parameters
    ----------
    G : Real
        (..., n_in, n_out) siemens, float32 or float64; leading axes are arrays on the same inputs. It must not be changed while the reader is
        in use.
    chain : Chain
        What lies on the way.
    pairs : bool
        Rows 2 k and 2 k + 1 of an interleaved circuit belong to one input and its converter: it drives the second with the opposite voltage, or
        opens both gates. V is (batch, n_in / 2) then. Otherwise each row has its own input.
    programmed : Real | None
        G as it was programmed, if it has drifted since; needed for the read noise of devices that goes by it, after the time 0.

    Notes
    -----
    ``reader(V, key=, sample=)`` is `read`, ``reader.vjp(cotangent, V, ...)`` is `read_vjp`.
    """

    def __init__(self, G: Real, chain: Chain = Chain(), *, pairs: bool = False, programmed: Real | None = None) -> None:
        G = _checks.matrix("G", G, 2)
        if not isinstance(chain, Chain):
            raise TypeError(f"chain must be a Chain, got {type(chain).__name__}")
        if chain.precision is not None and G.dtype != np.float32:
            raise TypeError(f"precision {chain.precision!r} is of float32 arrays, got {G.dtype}: leave it out, or give float32")
        if _array.namespace(G) is np:  # a GPU would have to be waited for
            _checks.siemens("G", G.max())
        self.G, self.chain, self.noise, self.pairs, self.gated = G, chain, noise(chain.noise), pairs, chain.gated
        if chain.wires is not None:
            check_pairs(G, as_wires(chain.wires))
        if chain.topology == "interleaved" and not pairs and chain.dac is not None and not chain.dac.signed:
            raise ValueError("rows of an interleaved circuit are driven with opposite voltages, which an unsigned DAC cuts: make it signed")
        self.dac = chain.dac or NO_DAC
        self.stack = G.reshape(-1, *G.shape[-2:])
        self.weights = self.stack
        self.solved = chain.wires is not None and (chain.iv is not None or self.gated)  # read by read: there is no T
        self.iv = chain.iv if chain.wires is None else None  # cells without wires see the voltages of the lines
        if chain.wires is not None and not self.solved:
            self.weights = effective_conductance(G, wires=chain.wires).reshape(self.stack.shape)
        elif self.noise is not None and not self.noise.by_output:
            check_positive("G", G)
        self.programmed = None if programmed is None else like("programmed", programmed, "G", G).reshape(self.stack.shape)
        self.spread: Any = None
        if self.noise is not None:
            self.spread = _checks.each("the spread of a noise", self.noise.spread(self.stack, self.programmed), self.stack, "G")
        frozen = self.frozen = self.noise is not None and self.noise.frozen
        self.fused = chain.multiplies
        self.variance = self.spread * self.spread if self.fused and self.spread is not None and not frozen else None
        self.fields: dict[int, WireFields] = {}
        self.extra = chain.output_noise**2 + (chain.adc.noise**2 if chain.adc is not None else 0.0)
        largest = largest_currents(self) if chain.adc is not None and chain.adc.guaranteed else None
        self.columns = outputs(chain.adc, chain.offset, G, largest)

    # ------------------------------------------------------------------------------------------------------------------ forward
    def __call__(self, V: Real, *, key: Key | None = None, sample: Sample = 0, memory_limit: int | None = None) -> Array:
        """Currents (..., batch, n_out), as `read` gives them."""
        V = self._checked(V, key, sample)
        out = _array.namespace(V).empty((len(self.stack), len(V), self.stack.shape[-1]), V.dtype)
        weights = self._weights(key)
        rows = _array.chunk(V, V.dtype.itemsize * (8 * V.shape[1] + 2 * len(self.stack) * out.shape[-1]), memory_limit)
        for some in _parallel.pieces(len(V), rows):
            self._read(V[some], weights, key, _checks.part(sample, some), self.columns, out[:, some])
        return out.reshape(*self.G.shape[:-2], *out.shape[1:])

    def conversions(self, V: Real, *, key: Key | None = None, sample: Sample = 0) -> Iterator[Array]:
        """Currents (..., batch, n_out) of each conversion of a read: of each slice of the inputs if their codes are added, else of all."""
        if not isinstance(self.dac, BitSerial) or self.dac.shift_add != "digital":
            yield self(V, key=key, sample=sample)
            return
        V, weights = self._checked(V, key, sample), self._weights(key)
        for _, part in self._slices(V, weights, key, sample, self.columns, self.extra):
            yield part.reshape(*self.G.shape[:-2], *part.shape[1:])

    def _checked(self, V: Real, key: Any, sample: Any) -> Array:
        V, _ = _checks.chain(V, self.G, 2 if self.pairs else 1)
        _checks.samples(sample, len(V), _array.namespace(V))
        if self.chain.random:
            key = random.require_key(key, "noise of a read is random")
        return V

    def _weights(self, key: Any) -> Array:
        """What multiplies the voltages, (arrays, n_in, n_out): with the draw of this key, if noise is frozen."""
        if not self.frozen:
            return self.weights
        out = self._perturbed(key)
        if self.chain.wires is not None and not self.gated:
            out = effective_conductance(out.reshape(self.G.shape), wires=self.chain.wires).reshape(out.shape)
        return out

    def _perturbed(self, key: Any) -> Array:
        """max(G + spread z, 0), one z for each cell."""
        out, size = _array.namespace(self.G).empty_like(self.stack), self.G.size
        cells = _checks.words(key, "cells", self.G)
        _launch.launch("crossbar/program", "perturb", self.G.dtype, size, *cells, 0, self.spread, self.stack, out, threads=(size + 3) // 4)
        return out

    def _read(self, V: Real, weights: Array, key: Any, sample: Any, columns: Outputs, out: Array) -> None:
        if not isinstance(self.dac, BitSerial):
            self._convert(V, weights, self.dac, key, sample, columns, self.extra, out)
            return
        digital = self.dac.shift_add == "digital"
        each = (columns, self.extra) if digital else (replace(columns, mode=0, offset=None), 0.0)
        out[...] = 0
        for weight, part in self._slices(V, weights, key, sample, *each):
            out += V.dtype.type(weight) * part
        if not digital:
            self._finish(out, key, sample, columns, self.extra)

    def _slices(
        self, V: Real, weights: Array, key: Any, sample: Any, columns: Outputs, extra: float
    ) -> Iterator[tuple[float, Array]]:  # fmt: skip
        """What each slice of the inputs counts, and its currents (arrays, batch, n_out), in memory that the next one takes."""
        part = _array.namespace(V).empty((len(self.stack), len(V), self.stack.shape[-1]), V.dtype)
        for k, (weight, plane) in enumerate(self.dac.planes(V)):  # type: ignore[union-attr]
            self._convert(plane, weights, NO_DAC, None if key is None else random.fold_in(key, k), sample, columns, extra, part)
            yield weight, part

    def _convert(
        self, V: Real, weights: Array, dac: DAC, key: Any, sample: Any, columns: Outputs, extra: float, out: Array
    ) -> None:  # fmt: skip
        """One conversion: out (arrays, batch, n_out)."""
        xp = _array.namespace(V)
        which, final = _checks.samples(sample, len(V), xp), _checks.words(key, "output", V)
        inputs = dac.arguments(key, V)
        large = self._large(len(V), V.dtype) and dac.random  # then drawing anew for each tile takes longer than a launch
        if self.iv is not None or not self.fused or self.pairs or large:
            V, inputs = self._linear(self._driven(self._lines(V, dac, key, sample))), NO_DAC.arguments(None)
        target = out if out.flags.c_contiguous else xp.empty(out.shape, V.dtype)
        if self.fused:
            self._multiply(V, weights, inputs, (extra, *final, 0, *which, *columns.arguments), target)
        else:
            self._finish(target, key, sample, columns, extra, self._currents(V, weights, key, sample, which, target))
        if target is not out:
            out[...] = target

    def _multiply(self, V: Real, weights: Array, inputs: tuple[Any, ...], outputs: tuple[Any, ...], out: Array) -> None:
        """out (arrays, batch, n_out), converters and noise by output included: in one launch, or in two where a slice of the inputs is a
        block's work. The same bits either way."""
        (arrays, batch, n_out), n_in = out.shape, V.shape[1]
        side = 64 if self._large(batch, V.dtype) else 32
        blocks, slices, parts = arrays * -(-batch // side) * -(-n_out // side), -(-n_in // SLICE), None
        if _array.on_device(V) and blocks < MULTIPROCESSORS and slices > 1:
            parts = _array.namespace(V).empty((1 if self.variance is None else 2, slices, *out.shape), V.dtype)
            blocks *= slices * len(parts)
        verb, how = ("mvm", ()) if self.chain.precision is None else ("units", (int(self.chain.precision == "bf16"),))
        _launch.launch(
            "crossbar/read", verb + "_large" * (side == 64), V.dtype, arrays, batch, n_in, n_out, *how, *inputs, *outputs, V, weights,
            self.variance, parts, out, grid=(min(blocks, _launch.MAX_BLOCKS),), block=(side * side // 4 // (side // 16),),
        )  # fmt: skip
        if parts is not None:
            variances = parts[1] if len(parts) > 1 else None
            _launch.launch(
                "crossbar/read", "adc", V.dtype, arrays, slices, batch, n_out, *outputs, parts[0], variances, out,
                threads=arrays * batch * (_padded(n_out) // 4),
            )  # fmt: skip

    def _large(self, batch: int, dtype: Any) -> bool:
        """Whether tiles of 64 x 64 are as many as there are multiprocessors."""
        tiles = len(self.stack) * -(-batch // 64) * -(-self.stack.shape[-1] // 64)
        return dtype == np.float32 and tiles >= MULTIPROCESSORS

    def _currents(
        self, V: Real, weights: Array, key: Any, sample: Any, which: tuple[int, Array | None], out: Array
    ) -> Array | None:  # fmt: skip
        """What cells drawn one by one, or wires, let through: out, and what noise of the outputs their variances are (like out), if any."""
        xp, fresh, variances = _array.namespace(V), self.spread if not self.frozen else None, None
        if self.gated and fresh is not None:
            variances = xp.empty_like(out)
        for a, currents in enumerate(out):
            if self.chain.wires is None:
                self._cells("mvm", a, key, which, len(V), V, self.stack[a], self.spread[a], currents)
                continue
            wires = self.chain.wires
            if self.gated:
                currents[...], variance = gated_reads(V, weights[a], None if fresh is None else fresh[a], wires=wires)
                if variances is not None:
                    variances[a] = variance
                continue
            if self.solved:
                currents[...] = solve_currents(V, self.stack[a], wires=wires, iv=self.chain.iv)
            else:
                xp.matmul(V, weights[a], out=currents)
            if fresh is not None:
                own = random.fold_in(random.fold_in(key, "cells"), a)
                currents += wire_noise(V, self.stack[a], self.spread[a], wires=wires, key=own, sample=sample, fields=self.fields_of(a))
        return variances

    def _programmed(self, a: int) -> Array | None:
        return None if self.programmed is None else self.programmed[a]

    def fields_of(self, a: int) -> WireFields:
        """Voltages inside array a for one volt at each line, worked out at the first noisy read."""
        if a not in self.fields or not _checks.same_memory(self.fields[a].G, self.stack[a]):  # those of a copy are of the original's
            self.fields[a] = WireFields(self.stack[a], wires=self.chain.wires)
        return self.fields[a]

    def _lines(self, V: Real, dac: DAC, key: Any, sample: Any) -> Array:
        """Voltages on the input lines."""
        if dac.bits is None and dac.noise == 0:
            return V
        xp = _array.namespace(V)
        out, which = xp.empty_like(V), _checks.samples(sample, len(V), xp)
        _launch.launch("crossbar/read", "dac", V.dtype, *V.shape, *dac.arguments(key, V), *which, V, out, threads=V.size // 4 + len(V))
        return out

    def _driven(self, lines: Array) -> Array:
        """Voltages of the rows (batch, rows) for those of the inputs."""
        if not self.pairs:
            return lines
        xp = _array.namespace(lines)
        return xp.stack([lines, lines if self.gated else -lines], axis=-1).reshape(len(lines), -1)

    def received(self, rows: Numbers) -> Array:
        """The adjoint of driving rows: (..., rows) to (..., inputs)."""
        if not self.pairs:
            return rows
        return rows[..., 0::2] + rows[..., 1::2] if self.gated else rows[..., 0::2] - rows[..., 1::2]

    def _linear(self, lines: Array) -> Array:
        """Voltages at which linear cells carry what these cells carry."""
        return lines if self.iv is None else carried(self.iv, lines)

    def _cells(self, verb: str, array: int, key: Any, which: tuple[int, Array | None], batch: int, *arrays: Array) -> None:
        """A kernel that draws cells on the fly."""
        _, n_in, n_out = self.stack.shape
        quads = _padded(n_out) // 4
        kind, p = (self.noise.kind, self.noise.chance) if self.noise is not None else (0, 0.0)
        how: dict[str, Any] = {"threads": {"vjp_v": batch * n_in, "vjp_g": n_in * quads}.get(verb)}
        if verb == "mvm":  # 32 quads and 8 slices of the inputs
            how = {"grid": (min(-(-batch * quads // 32), _launch.MAX_BLOCKS),), "block": (256,)}
        _launch.launch(
            "crossbar/noise", verb, self.G.dtype, batch, n_in, n_out, kind, p, *_checks.words(key, "cells", self.G), array * n_in * quads,
            *which, *arrays, **how,
        )  # fmt: skip

    def _finish(self, out: Array, key: Any, sample: Any, columns: Outputs, extra: float, variances: Array | None = None) -> None:
        """Noise and converters on currents (arrays, batch, n_out), in place. variances : of the noise of each, amperes^2, like out."""
        if not (columns.mode or extra or columns.offset is not None or variances is not None):
            return
        xp, (arrays, batch, n_out) = _array.namespace(out), out.shape
        target, which = xp.ascontiguousarray(out), _checks.samples(sample, batch, xp)
        _launch.launch(
            "crossbar/read", "adc", out.dtype, arrays, 1, batch, n_out, extra, *_checks.words(key, "output", out), 0, *which,
            *columns.arguments, target, variances, target, threads=arrays * batch * (_padded(n_out) // 4),
        )  # fmt: skip
        if target is not out:
            out[...] = target

    # --------------------------------------------------------------------------------------------------------------- derivative
    def vjp(self, cotangent: Real, V: Real, *, key: Key | None = None, sample: Sample = 0, wrt: str | Sequence[str] = ("V", "G")) -> Any:
        """The derivative of `read`, as `read_vjp` gives it."""
        names = wrt_names(wrt, ("V", "G", "constants"))
        law = with_constants(self.chain.iv) if "constants" in names else None
        V = self._checked(V, key, sample)
        xp, (arrays, _, n_out), cells = _array.namespace(V), self.stack.shape, self.noise
        _checks.shaped("cotangent", cotangent, (*self.G.shape[:-2], len(V), n_out), "the currents")
        g = _array.as_type(cotangent, V.dtype, copy=False).reshape(arrays, len(V), n_out)
        serial, weights = isinstance(self.dac, BitSerial), self._weights(key)
        dac = self.dac.whole if isinstance(self.dac, BitSerial) else self.dac
        if self.columns.mode and not serial:
            before = xp.empty_like(g)
            self._read(V, weights, key, sample, replace(self.columns, mode=0, offset=None), before)
            g = g * self.columns.gate(before)
        g = xp.ascontiguousarray(g)
        lines = self._driven(self._lines(V, dac, key, sample))
        v, slope = self._bent(lines, serial)
        dv, dG, dc = xp.zeros_like(v), xp.zeros_like(self.stack), 0
        by_lines = "V" in names or law is not None
        for a in range(arrays):
            if self.gated:
                self._through_gates(names, g[a], V, weights[a], dv, dG[a])
            elif self.solved:
                part = solve_currents_vjp(g[a], v, self.stack[a], wires=self.chain.wires, iv=self.chain.iv, wrt=names)
                parts = dict(zip(names, part if len(names) > 1 else (part,)))
                dv += parts.get("V", 0)
                dG[a] = parts.get("G", 0)
                dc = dc + parts.get("constants", 0)
            elif cells is None or cells.by_output or cells.frozen or serial:
                if by_lines:
                    dv += g[a] @ weights[a].T
                if "G" in names:
                    xp.matmul(v.T, g[a], out=dG[a])
                if self.variance is not None and cells is not None and not serial:
                    self._by_noise(cells, a, v, g[a], key, sample, dv, dG)
            else:
                which, spread = _checks.samples(sample, len(V), xp), self.spread[a]
                if by_lines:
                    part = xp.empty_like(V)
                    self._cells("vjp_v", a, key, which, len(V), g[a], self.stack[a], spread, part)
                    dv += part
                if "G" in names:
                    slope_of = _checks.each("the slope of a noise", cells.slope(self.stack[a], self._programmed(a)), self.stack[a], "G")
                    self._cells("vjp_g", a, key, which, len(V), v, g[a], self.stack[a], spread, slope_of, dG[a])
        if self.chain.wires is not None and not self.solved and "G" in names:
            met = self._perturbed(key) if self.frozen else self.stack
            dG = effective_conductance_vjp(dG.reshape(self.G.shape), met.reshape(self.G.shape), wires=self.chain.wires).reshape(met.shape)
        if cells is not None and cells.frozen and "G" in names:
            own = random.fold_in(random.require_key(key, "noise of a read is random"), "cells")
            z = random.normal(own, (1, self.G.size), dtype=self.G.dtype, like=self.G).reshape(dG.shape)
            dG = dG * xp.where(self.stack + self.spread * z > 0, 1 + cells.slope(self.stack, self.programmed) * z, 0).astype(dG.dtype)
        if law is not None and not self.solved:
            dc = self._by_constants(law, dv, lines, serial)
        gate = dac.gate(V)
        dv = self.received(dv * slope)
        if gate is not None:
            dv = dv * gate
        return only({"V": dv.astype(V.dtype, copy=False), "G": dG.reshape(self.G.shape), "constants": dc}, names)

    def _by_constants(self, law: ScalarFunction, g: Array, lines: Array, serial: bool) -> Array:
        """(constants,) of a cotangent g of what linear cells would see (`_bent`)."""
        if not serial:
            return law._constants_vjp(g, lines)
        full = _array.namespace(lines).full((1,), self.dac.range, lines.dtype)
        return law._constants_vjp((g * lines).sum() / full, full)

    def _bent(self, lines: Array, serial: bool) -> tuple[Array, Any]:
        """What linear cells would see, and its derivative; with slices, whose levels are few, along the chord to the full range."""
        if self.iv is None:
            return lines, lines.dtype.type(1)
        if not serial:
            return carried(self.iv, lines), steepness(self.iv, lines)
        full = _array.namespace(lines).full((1,), self.dac.range, lines.dtype)
        chord = carried(self.iv, full) / full
        return lines * chord, chord

    def _through_gates(self, names: tuple[str, ...], g: Array, V: Real, G: Real, dv: Array, dG: Real) -> None:
        """Adds the derivative of one gated array: exact by the cells, slice by slice of the inputs, and along the chord by the inputs."""
        wires = self.chain.wires
        if "V" in names:
            dv += g @ open_conductance(G, wires=wires).T
        if "G" in names:
            for weight, plane in self.dac.planes(V) if isinstance(self.dac, BitSerial) else [(1.0, self._lines(V, self.dac, None, 0))]:
                dG += V.dtype.type(weight) * solve_currents_vjp(g, self._driven(plane), G, wires=wires, wrt="G")

    def _by_noise(self, cells: CellNoise, a: int, v: Array, g: Array, key: Any, sample: Any, dv: Array, dG: Real) -> None:
        """Adds the derivative of sqrt(variance) z for the same z."""
        xp, spread = _array.namespace(v), self.spread[a]
        element0, output = a * _padded(g.shape[1]), random.fold_in(key, "output")
        z = random.normal(output, g.shape, sample=sample, element0=element0, dtype=v.dtype, like=v)
        squares, variance = v * v, spread * spread
        total = squares @ variance + v.dtype.type(self.extra)
        q = xp.where(total > 0, g * z / xp.sqrt(xp.where(total > 0, total, 1)), 0).astype(v.dtype, copy=False)
        dv += v * (q @ variance.T)
        dG[a] += (squares.T @ q) * spread * cells.slope(self.stack[a], self._programmed(a))


def _padded(n: int) -> int:
    """Elements of the quads that n columns take."""
    return (n + 3) // 4 * 4


@accepts_any
def read(
    V: Real, G: Real, *, wires: Wires | float | None = None, noise: Any = None, dac: DAC | BitSerial | None = None,
    adc: ADC | None = None, iv: IV | ScalarFunction | None = None, output_noise: float = 0.0, offset: Values | None = None,
    precision: str | None = None, programmed: Real | None = None, key: Key | None = None, sample: Sample = 0, memory_limit: int | None = None,
) -> Array:  # fmt: skip
    """Read a crossbar: currents ``I = V @ G`` with all that happens on the way (`Chain`).

    Parameters
    ----------
    V : Real
        (batch, n_in) volts.
    G : Real
        (..., n_in, n_out) siemens, of the same dtype, float32 or float64; leading axes are arrays on the same input lines.
    wires, noise, dac, adc, iv, output_noise, offset, precision
        As in `Chain`; by default none of it.
    programmed : Real | None
        As for `Reader`.
    key
        Of `pnnkern.random`; needed where something is random.
    sample
        The global index of row 0, or an int64 array with one for each row. Noise depends on the key, the index and the place only, not on how a
        batch is split.
    memory_limit : int | None
        Bytes for what is between the steps, a share of the free memory by default.

    Returns
    -------
    Array
        (..., batch, n_out) amperes.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For shapes that do not chain, conductances that are negative or NaN (on a GPU at `pnnkern.check()`), a range that is not known, and
        noise without a key.

    Notes
    -----
    NaN voltages stay NaN. `Reader` does the same for many batches at the price of one preparation.
    """
    chain = Chain(wires, noise, dac, adc, iv, output_noise, offset, precision)
    return Reader(G, chain, programmed=programmed)(V, key=key, sample=sample, memory_limit=memory_limit)


@accepts_any
def read_vjp(
    cotangent: Real, V: Real, G: Real, *, wires: Wires | float | None = None, noise: Any = None, dac: DAC | BitSerial | None = None,
    adc: ADC | None = None, iv: IV | ScalarFunction | None = None, output_noise: float = 0.0, offset: Values | None = None,
    precision: str | None = None, programmed: Real | None = None, key: Key | None = None, sample: Sample = 0, memory_limit: int | None = None,
    wrt: str | Sequence[str] = ("V", "G"),
) -> Any:  # fmt: skip
    """The derivative of `read` for the same key and samples.

    Exact wherever a read is smooth, noise included: the draws are held, their size moves with V and G. Where it is not: a converter passes the
    cotangent on inside its range and stops it outside (what counts for an ADC is the current with its noise). Rounding, gain, curvature and
    mismatch of an ADC are passed over. What was programmed is held. Fresh Gaussian noise through wires counts as independent of V and G.
    `BitSerial` inputs have the derivative of one conversion of all bits without noise, and the digital sum of their codes is not gated. Gates
    have that of the current which their cells carry while all gates are open, for a volt of the read voltage.

    Parameters
    ----------
    cotangent : Real
        (..., batch, n_out).
    wrt
        Any of "V", "G", and "constants", those of an `iv` that is a `ScalarFunction`.

    Returns
    -------
    array
        One array or a tuple in the order of `wrt`, like V and G; by constants (constants,), in the order of the function's.
    """
    chain = Chain(wires, noise, dac, adc, iv, output_noise, offset, precision)
    return Reader(G, chain, programmed=programmed).vjp(cotangent, V, key=key, sample=sample, wrt=wrt)


__all__ = ["Chain", "Reader", "read", "read_vjp"]
