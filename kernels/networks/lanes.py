"""Vectors of 16 numbers for Numba: chains side by side, as the lanes of SIMD registers.

Numba leaves plain loops over lanes as loops, so these are LLVM's own vectors; where registers are shorter, LLVM takes several. Each
operation rounds once, as in philox.cuh: nothing is contracted. `Floats` are float32, `Words` uint32, `Mask` truths, `Longs` 8 pairs of
32-bit words, each pair in a uint64: what the multiplication of words works on.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

LANES = 16
MANY_REGISTERS = "+avx512f" in str(cpu_target.target_context.codegen().magic_tuple())  # 32 that hold sixteen numbers each
F32, I32, I64, I1 = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)


def _vector(name: str, element: ir.Type, lanes: int) -> Any:
    """A type of Numba's that is held as a vector of LLVM's."""

    class Vector(types.Type):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name=f"{name}x{lanes}")
            self.ir = ir.VectorType(element, lanes)

    @register_model(Vector)
    class Model(models.PrimitiveModel):  # type: ignore[misc]
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, kind.ir)

    return Vector()


Floats, Words = _vector("Floats", F32, LANES), _vector("Words", I32, LANES)
Mask, Longs = _vector("Mask", I1, LANES), _vector("Longs", I64, LANES // 2)


def _every(value: Any, vector: ir.VectorType) -> ir.Constant:
    return ir.Constant(vector, [value] * vector.count)


def _spread(builder: ir.IRBuilder, scalar: ir.Value, vector: ir.VectorType) -> ir.Value:
    """The scalar in all lanes."""
    zeros = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def _operation(result: Any, operands: tuple[Any, ...], build: Callable[..., Any]) -> Any:
    """An intrinsic of one to three vectors, made by ``build(builder, *values)``."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        return build(builder, *args)

    if len(operands) == 1:

        @intrinsic
        def one(typingctx: Any, a: Any) -> Any:
            return (result(*operands), emit) if (a,) == operands else None

        return one
    if len(operands) == 2:

        @intrinsic
        def two(typingctx: Any, a: Any, b: Any) -> Any:
            return (result(*operands), emit) if (a, b) == operands else None

        return two

    @intrinsic
    def three(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        return (result(*operands), emit) if (a, b, c) == operands else None

    return three


def _fma(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32"), [a, b, c])


def _least(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _most(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _absolute(builder: ir.IRBuilder, a: Any) -> Any:
    return builder.bitcast(builder.and_(builder.bitcast(a, Words.ir), _every(0x7FFFFFFF, Words.ir)), a.type)


def _unit(builder: ir.IRBuilder, word: Any) -> Any:
    odd = builder.or_(builder.lshr(word, _every(8, Words.ir)), _every(1, Words.ir))
    return builder.fmul(builder.sitofp(odd, Floats.ir), _every(2.0**-24, Floats.ir))


def _power(builder: ir.IRBuilder, a: Any, n: Any) -> Any:
    moved = builder.sub(builder.bitcast(a, Words.ir), builder.shl(n, _every(23, Words.ir)))
    return builder.bitcast(moved, a.type)


float_ = types.float32
add = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fadd(a, b))
mul = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fmul(a, b))
sub = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fsub(a, b))
div = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fdiv(a, b))
fma = _operation(Floats, (Floats, Floats, Floats), _fma)
least = _operation(Floats, (Floats, Floats), _least)  # a if a < b, else b
most = _operation(Floats, (Floats, Floats), _most)  # a if a > b, else b
absolute = _operation(Floats, (Floats,), _absolute)
halved = _operation(Floats, (Floats, Words), _power)  # a 2^-n, where that is no subnormal
spread = _operation(Floats, (float_,), lambda builder, a: _spread(builder, a, Floats.ir))
whole = _operation(Words, (Floats,), lambda builder, a: builder.fptosi(a, Words.ir))  # towards 0; signed
number = _operation(Floats, (Words,), lambda builder, a: builder.sitofp(a, Floats.ir))
minus = _operation(Words, (Words,), lambda builder, a: builder.sub(_every(0, Words.ir), a))
below = _operation(Mask, (Words, Words), lambda builder, a, b: builder.icmp_unsigned("<", a, b))
uniform = _operation(Floats, (Words,), _unit)  # as of random/draws.py
equal = _operation(Mask, (Floats, Floats), lambda builder, a, b: builder.fcmp_ordered("==", a, b))
reached = _operation(Mask, (Floats, Floats), lambda builder, a, b: builder.fcmp_ordered("<=", a, b))  # by b
negative = _operation(Mask, (Floats,), lambda builder, a: builder.fcmp_ordered("<", a, _every(0.0, Floats.ir)))
same = _operation(Mask, (Mask, Mask), lambda builder, a, b: builder.icmp_unsigned("==", a, b))
where = _operation(Floats, (Mask, Floats, Floats), lambda builder, m, a, b: builder.select(m, a, b))


# --------------------------------------------------------------------------------------------------------------------------- memory
def _pointer(context: Any, builder: ir.IRBuilder, signature: Any, args: Any, vector: ir.VectorType) -> Any:
    """Where element `at` of an array (its second argument) begins, as a pointer to vectors."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    at = context.cast(builder, args[1], signature.args[1], types.intp)
    return builder.bitcast(builder.gep(array.data, [at]), vector.as_pointer())


def _flat(array: Any, dtype: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and array.dtype == dtype


@intrinsic
def load(typingctx: Any, array: Any, at: Any) -> Any:
    """Sixteen float32 of an array from element `at` on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, args, Floats.ir), align=4)

    return (Floats(array, at), emit) if _flat(array, types.float32) else None


@intrinsic
def store(typingctx: Any, array: Any, at: Any, values: Any) -> Any:
    """Put them there."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature, args, Floats.ir), align=4)
        return context.get_dummy_value()

    return (types.void(array, at, values), emit) if _flat(array, types.float32) and values == Floats else None


@intrinsic
def words(typingctx: Any, array: Any, at: Any) -> Any:
    """Sixteen uint32 of an array from element `at` on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, args, Words.ir), align=4)

    return (Words(array, at), emit) if _flat(array, types.uint32) else None


@intrinsic
def longs(typingctx: Any, array: Any, at: Any) -> Any:
    """Eight uint64 of an array from element `at` on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, args, Longs.ir), align=8)

    return (Longs(array, at), emit) if _flat(array, types.uint64) else None


# -------------------------------------------------------------------------------------------------------------------- Philox4x32-10
def _philox(builder: ir.IRBuilder, key: list[Any], counter: list[Any]) -> list[Any]:
    """Four words in the lower halves of `Longs`; the upper ones are not looked at."""
    low, half = _every(0xFFFFFFFF, Longs.ir), _every(32, Longs.ir)
    c, k = counter, key
    for _ in range(10):
        p, q = (
            builder.mul(builder.and_(c[j], low), _every(multiplier, Longs.ir)) for j, multiplier in ((0, 0xD2511F53), (2, 0xCD9E8D57))
        )
        keys = [_spread(builder, x, Longs.ir) for x in k]
        c = [
            builder.xor(builder.xor(builder.lshr(q, half), c[1]), keys[0]), q,
            builder.xor(builder.xor(builder.lshr(p, half), c[3]), keys[1]), p,
        ]  # fmt: skip
        k = [builder.add(x, ir.Constant(I64, step)) for x, step in zip(k, (0x9E3779B9, 0xBB67AE85), strict=True)]
    return c


@intrinsic
def draw(typingctx: Any, key0: Any, key1: Any, n: Any, even: Any, odd: Any, out: Any) -> Any:
    """The four words of block `n` in each lane, to out (uint32, 4 x 16): samples `even` in lanes 0, 2, ..., `odd` in lanes 1, 3, ...

    key0, key1, n : uint64.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        half, low = _every(32, Longs.ir), _every(0xFFFFFFFF, Longs.ir)
        first = [_spread(builder, x, Longs.ir) for x in (args[2], builder.lshr(args[2], ir.Constant(I64, 32)))]
        halves = [_philox(builder, list(args[:2]), [*first, s, builder.lshr(s, half)]) for s in args[3:5]]
        for j, (a, b) in enumerate(zip(*halves, strict=True)):
            merged = builder.or_(builder.and_(a, low), builder.shl(b, half))
            at = _pointer(context, builder, types.void(out, types.intp), (args[5], ir.Constant(I64, LANES * j)), Longs.ir)
            builder.store(merged, at, align=4)
        return context.get_dummy_value()

    fits = (key0, key1, n, even, odd) == (*(types.uint64,) * 3, Longs, Longs) and _flat(out, types.uint32)
    return (types.void(key0, key1, n, even, odd, out), emit) if fits else None
