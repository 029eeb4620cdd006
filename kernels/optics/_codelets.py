"""Straight-line vector code for short Fourier transforms, emitted as LLVM IR where Numba meets a call of a `codelet`.

The transforms are those of include/pnnkern/fft.cuh under the same names: forward exp(-2 pi i n k / R), inverse with +, neither scaled. There
a thread holds a line; here lane l of every vector belongs to line l of `lanes` lines, and the recursion runs in Python, once, when the
caller is compiled. A point of so many lines is two vectors in memory, real and imaginary parts, `2 lanes` numbers.

What decides the speed: vectors are vectors (LLVM turns no loop over lanes into any), the stack is aligned to whole ones, and transforms of more
than `REGISTERS` points go through memory in the middle instead of spilling.
"""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Complex = tuple[Any, Any]  # two vectors, or any values that the arithmetic takes
REGISTERS = 8  # the longest transform that is worked out in registers
LONGEST = 64  # the longest transform of two such
SCRATCH = 2 * LONGEST  # points in memory that a codelet may use


@functools.cache
def vector_bytes() -> int:
    """Bytes of the widest vector that the processor Numba compiles for works with: 64, 32 or 16. The compiler itself is asked."""
    import llvmlite.binding as llvm
    from numba.core.registry import cpu_target

    machine = cpu_target.target_context.codegen()._tm
    text = "define <16 x float> @f(<16 x float> %a, <16 x float> %b) { %c = fadd <16 x float> %a, %b ret <16 x float> %c }"
    assembly = machine.emit_assembly(llvm.parse_assembly(f'target triple = "{machine.triple}"\n{text}'))
    return 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16


def lanes(itemsize: int) -> int:
    """Numbers of so many bytes in a vector."""
    return vector_bytes() // itemsize


def codelet(emit: Callable[..., None]) -> Any:
    """A function for compiled callers from `emit(e, addresses..., *, sizes...)`, which emits its code into them with an `Emitter`.

    The caller gives addresses, then the sizes by position, as integers that are known when it is compiled; the last size is that of a real
    number in bytes. What closes over such integers alone is kept in the disk cache.
    """
    from numba.core import types
    from numba.extending import intrinsic

    parameters = list(inspect.signature(emit).parameters.values())[1:]
    sizes = sum(p.kind is p.KEYWORD_ONLY for p in parameters)

    def typed(context: Any, *args: Any) -> Any:
        addresses, literals = args[:-sizes], args[-sizes:]
        if len(args) != len(parameters) or not all(isinstance(a, types.IntegerLiteral) for a in literals):
            return None
        known = {p.name: a.literal_value for p, a in zip(parameters[-sizes:], literals, strict=True)}

        def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
            emit(Emitter(builder, known["itemsize"]), *values[:-sizes], **known)

        return types.void(*[types.intp] * len(addresses), *literals), generate

    flat = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=inspect.Parameter.empty) for p in parameters]
    typed.__signature__ = inspect.Signature([inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD), *flat])  # type: ignore[attr-defined]
    return intrinsic(prefer_literal=True)(typed)


class Emitter:
    """Vector arithmetic on one LLVM builder. Complex values are pairs of vectors, addresses integers, offsets bytes."""

    def __init__(self, builder: Any, itemsize: int, vector: int = 0) -> None:
        """vector : bytes of a vector; those of this processor if 0."""
        from llvmlite import ir

        self.ir, self.b, self.itemsize = ir, builder, itemsize
        self.bytes = vector or vector_bytes()
        self.lanes = self.bytes // itemsize
        self.real = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector, self.address, self.index = ir.VectorType(self.real, self.lanes), ir.IntType(64), ir.IntType(32)
        self.point = 2 * self.bytes
        name = f"llvm.fmuladd.v{self.lanes}f{8 * itemsize}"
        self._fma = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(self.vector, [self.vector] * 3), name)
        self.scratch = self._scratch()

    def _scratch(self) -> Any:
        """The address of `SCRATCH` points on the stack; one place for all codelets of a function.

        Its address goes to an empty piece of assembly, so that it is not optimised away: as long as it is there LLVM aligns the stack, and
        no vector that is spilled lies across two cache lines.
        """
        ir, function = self.ir, self.b.function
        if not hasattr(function, "codelet_scratch"):
            with self.b.goto_entry_block():
                slot = self.b.alloca(self.vector, 2 * SCRATCH)
                slot.align = self.bytes
                self.b.call(ir.InlineAsm(ir.FunctionType(ir.VoidType(), [slot.type]), "", "r", side_effect=True), [slot])
                function.codelet_scratch = self.b.ptrtoint(slot, self.address)
        return function.codelet_scratch

    # ------------------------------------------------------------------------------------------------------------------ real arithmetic
    def constant(self, x: float) -> Any:
        x = float(np.float32(x)) if self.itemsize == 4 else x
        return self.ir.Constant(self.vector, [self.ir.Constant(self.real, x)] * self.lanes)

    def add(self, x: Any, y: Any) -> Any:
        return self.b.fadd(x, y)

    def sub(self, x: Any, y: Any) -> Any:
        return self.b.fsub(x, y)

    def mul(self, x: Any, y: Any) -> Any:
        return self.b.fmul(x, y)

    def neg(self, x: Any) -> Any:
        return self.b.fneg(x)

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """x y + z, with one rounding where the processor can."""
        return self.b.call(self._fma, [x, y, z])

    # ------------------------------------------------------------------------------------------------------------------------- memory
    def at(self, address: Any, offset: int, kind: Any) -> Any:
        moved = self.b.add(address, self.ir.Constant(self.address, offset)) if offset else address
        return self.b.inttoptr(moved, kind.as_pointer())

    def load(self, address: Any, offset: int = 0, *, aligned: bool = True) -> Any:
        return self.b.load(self.at(address, offset, self.vector), align=self.bytes if aligned else self.itemsize)

    def store(self, x: Any, address: Any, offset: int = 0, *, aligned: bool = True) -> None:
        self.b.store(x, self.at(address, offset, self.vector), align=self.bytes if aligned else self.itemsize)

    def get(self, address: Any, point: int = 0) -> Complex:
        """Point number `point` from an address on."""
        return self.load(address, self.point * point), self.load(address, self.point * point + self.bytes)

    def put(self, z: Complex, address: Any, point: int = 0) -> None:
        self.store(z[0], address, self.point * point)
        self.store(z[1], address, self.point * point + self.bytes)

    def everywhere(self, address: Any, number: int) -> Complex:
        """Complex number `number` of a table, in every lane."""
        return tuple(self._broadcast(address, (2 * number + part) * self.itemsize) for part in (0, 1))  # type: ignore[return-value]

    def _broadcast(self, address: Any, offset: int) -> Any:
        undefined = self.ir.Constant(self.vector, self.ir.Undefined)
        x = self.b.load(self.at(address, offset, self.real), align=self.itemsize)
        return self.shuffle(self.b.insert_element(undefined, x, self.ir.Constant(self.index, 0)), undefined, [0] * self.lanes)

    def shuffle(self, x: Any, y: Any, which: Sequence[int]) -> Any:
        return self.b.shuffle_vector(x, y, self.ir.Constant(self.ir.VectorType(self.index, len(which)), list(which)))

    def barrier(self) -> None:
        """Nothing is moved across: neither loads from before, which would have to be spilled, nor stores past it."""
        self.b.call(self.ir.InlineAsm(self.ir.FunctionType(self.ir.VoidType(), []), "", "~{memory}", side_effect=True), [])

    # --------------------------------------------------------------------------------------------------------------- complex arithmetic
    def cadd(self, x: Complex, y: Complex) -> Complex:
        return self.add(x[0], y[0]), self.add(x[1], y[1])

    def csub(self, x: Complex, y: Complex) -> Complex:
        return self.sub(x[0], y[0]), self.sub(x[1], y[1])

    def cmul(self, x: Complex, w: Complex) -> Complex:
        return self.fma(x[0], w[0], self.neg(self.mul(x[1], w[1]))), self.fma(x[0], w[1], self.mul(x[1], w[0]))

    def cmul_conj(self, x: Complex, w: Complex) -> Complex:
        """x conj(w)."""
        return self.fma(x[0], w[0], self.mul(x[1], w[1])), self.fma(x[1], w[0], self.neg(self.mul(x[0], w[1])))

    def plus_quarter(self, x: Complex, y: Complex, inverse: bool) -> Complex:
        """x plus a quarter turn of y: x - i y forward, x + i y inverse."""
        if inverse:
            return self.sub(x[0], y[1]), self.add(x[1], y[0])
        return self.add(x[0], y[1]), self.sub(x[1], y[0])

    def turned(self, z: Complex, k: int, R: int, inverse: bool) -> Complex:
        """z exp(-+2 pi i k / R)."""
        k = k % R if inverse else -k % R  # z exp(2 pi i k / R)
        if 8 * k % R:
            c, s = math.cos(2 * math.pi * k / R), math.sin(2 * math.pi * k / R)
            up, down = self.constant(s), self.constant(-s)
            return self.fma(z[0], self.constant(c), self.mul(z[1], down)), self.fma(z[0], up, self.mul(z[1], self.constant(c)))
        eighths = 8 * k // R
        if eighths % 2:  # (+-1 +- i) / sqrt(2)
            less, more = self.sub(z[0], z[1]), self.add(z[0], z[1])
            half, minus = self.constant(math.sqrt(0.5)), self.constant(-math.sqrt(0.5))
            re, im = ((less, half), (more, minus), (less, minus), (more, half)), ((more, half), (less, half), (more, minus), (less, minus))
            return self.mul(*re[eighths // 2]), self.mul(*im[eighths // 2])
        return (z, (self.neg(z[1]), z[0]), (self.neg(z[0]), self.neg(z[1])), (z[1], self.neg(z[0])))[eighths // 2]

    # ------------------------------------------------------------------------------------------------------------ transforms in registers
    def dft(self, v: Sequence[Complex], inverse: bool) -> list[Complex]:
        R = len(v)
        if R == 1:
            return list(v)
        if R == 2:
            return [self.cadd(*v), self.csub(*v)]
        if R == 4:
            a, b, c, d = self.cadd(v[0], v[2]), self.csub(v[0], v[2]), self.cadd(v[1], v[3]), self.csub(v[1], v[3])
            return [self.cadd(a, c), self.plus_quarter(b, d, inverse), self.csub(a, c), self.plus_quarter(b, d, not inverse)]
        if R in (3, 5, 7):
            return self._odd(v, inverse)
        R1 = factor(R)
        R2 = R // R1  # columns, turn, rows (Cooley-Tukey)
        y: list[Any] = [None] * R
        for j in range(R2):
            for k, z in enumerate(self.dft([v[R2 * i + j] for i in range(R1)], inverse)):
                y[R2 * k + j] = self.turned(z, j * k, R, inverse)
        out: list[Any] = [None] * R
        for k in range(R1):
            out[k::R1] = self.dft(y[R2 * k : R2 * (k + 1)], inverse)
        return out

    def _odd(self, v: Sequence[Complex], inverse: bool) -> list[Complex]:
        """Pair n with R - n: cosines of the sums, sines of the differences."""
        R, half = len(v), len(v) // 2
        sums = [self.cadd(v[j], v[R - j]) for j in range(1, half + 1)]
        differences = [self.csub(v[j], v[R - j]) for j in range(1, half + 1)]
        out: list[Any] = [functools.reduce(self.cadd, sums, v[0])] + [None] * (R - 1)
        for k in range(1, half + 1):
            p, q = v[0], None
            for j in range(half):
                angle = 2 * math.pi * ((j + 1) * k % R) / R
                c, s, d = self.constant(math.cos(angle)), self.constant(math.sin(angle)), differences[j]
                p = self.fma(sums[j][0], c, p[0]), self.fma(sums[j][1], c, p[1])
                q = (self.mul(d[0], s), self.mul(d[1], s)) if q is None else (self.fma(d[0], s, q[0]), self.fma(d[1], s, q[1]))
            out[k], out[R - k] = self.plus_quarter(p, q, inverse), self.plus_quarter(p, q, not inverse)  # type: ignore[arg-type]
        return out

    # ---------------------------------------------------------------------------------------- transforms that take and give a point at a time
    # v holds functions, called where a point is needed; give(k, z) is called as soon as output k is known.
    def flow(self, v: Sequence[Callable[[], Complex]], inverse: bool, give: Callable[[int, Complex], None], base: int = 0) -> None:
        R = len(v)
        if R <= REGISTERS:
            for k, z in enumerate(self.dft([x() for x in v], inverse)):
                give(k, z)
            return
        R1 = factor(R)
        R2 = R // R1
        for j in range(R2):
            for k, z in enumerate(self.dft([v[R2 * i + j]() for i in range(R1)], inverse)):
                self.put(self.turned(z, j * k, R, inverse), self.scratch, base + R2 * k + j)
        self.barrier()
        for k in range(R1):
            for l, z in enumerate(self.dft([self.get(self.scratch, base + R2 * k + j) for j in range(R2)], inverse)):
                give(k + R1 * l, z)

    def flow_padded(self, v: Sequence[Callable[[], Complex]], R: int, give: Callable[[int, Complex], None]) -> None:
        """Forward, all outputs from the first len(v) of R inputs, of which the others are zero."""

        def zero() -> Complex:
            return self.constant(0.0), self.constant(0.0)

        if R % 2 or 2 * len(v) > R:
            self.flow([*v, *[zero] * (R - len(v))], False, give)
            return
        v = [*v, *[zero] * (R // 2 - len(v))]
        self.flow(v, False, lambda k, z: give(2 * k, z))
        self.barrier()
        self.flow([lambda j=j, x=x: self.turned(x(), j, R, False) for j, x in enumerate(v)], False, lambda k, z: give(2 * k + 1, z))

    def flow_cropped(self, v: Sequence[Callable[[], Complex]], live: int, give: Callable[[int, Complex], None]) -> None:
        """Inverse, the first `live` of the outputs."""
        R = len(v)

        def wanted(k: int, z: Complex) -> None:
            if k < live:
                give(k, z)

        if R % 2 or 2 * live > R:
            self.flow(v, True, wanted)
            return

        def second(k: int, z: Complex) -> None:
            if k < live:
                give(k, self.cadd(self.get(self.scratch, LONGEST + k), self.turned(z, k, R, True)))

        self.flow(v[0::2], True, lambda k, z: self.put(z, self.scratch, LONGEST + k) if k < live else None)
        self.barrier()
        self.flow(v[1::2], True, second)

    # ----------------------------------------------------------------------------------------------------------------------- transposes
    def transposed(self, rows: Sequence[Any]) -> list[Any]:
        """`lanes` vectors as a matrix, its columns."""
        out, width = list(rows), 1
        while width < self.lanes:  # exchange the off-diagonal blocks of all 2 x 2 blocks of side `width`
            low = [i if not i & width else i - width + self.lanes for i in range(self.lanes)]
            high = [i + width if not i & width else i + self.lanes for i in range(self.lanes)]
            for i in range(self.lanes):
                if not i & width:
                    a, b = out[i], out[i + width]
                    out[i], out[i + width] = self.shuffle(a, b, low), self.shuffle(a, b, high)
            width *= 2
        return out


def factor(R: int) -> int:
    """The first of the two factors of a transform, the largest that is not above the second."""
    return max(d for d in range(1, math.isqrt(R) + 1) if R % d == 0)


__all__ = ["LONGEST", "Emitter", "codelet", "lanes", "vector_bytes"]
