"""Vectors of 16 numbers for Numba: chains side by side, as the lanes of SIMD registers.

Numba leaves plain loops over lanes as loops, so these are LLVM's own vectors; where registers are shorter, LLVM takes several. Each
operation rounds once, as in philox.cuh: nothing is contracted. `Floats` are float32, `Words` uint32, `Mask` truths; `Longs` are 8 words in
uint64, which is what the multiplication of words works on. `Quarter` and `QuarterLongs` are of 4 chains: 4 nodes of them make `Floats`.
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

    class Vector(types.Type):
        def __init__(self) -> None:
            super().__init__(name=f"{name}x{lanes}")
            self.ir = ir.VectorType(element, lanes)

    @register_model(Vector)
    class Model(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, kind.ir)

    return Vector()


Floats, Words = _vector("Floats", F32, LANES), _vector("Words", I32, LANES)
Mask, Longs = _vector("Mask", I1, LANES), _vector("Longs", I64, LANES // 2)
Quarter, QuarterLongs = _vector("Quarter", F32, 4), _vector("QuarterLongs", I64, 4)


def _every(value: Any, vector: ir.VectorType) -> ir.Constant:
    return ir.Constant(vector, [value] * vector.count)


def _spread(builder: ir.IRBuilder, scalar: ir.Value, vector: ir.VectorType) -> ir.Value:
    """The scalar in all lanes."""
    zeros = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def _emit(build: Callable[..., Any]) -> Callable[..., Any]:
    return lambda context, builder, signature, args: build(builder, *args)


def _operation(result: Any, operands: tuple[Any, ...], build: Callable[..., Any]) -> Any:
    """An intrinsic of one to three values of these types, made by ``build(builder, *values)``."""
    if len(operands) == 1:

        @intrinsic
        def one(typingctx: Any, a: Any) -> Any:
            return (result(a), _emit(build)) if (a,) == operands else None

        return one
    if len(operands) == 2:

        @intrinsic
        def two(typingctx: Any, a: Any, b: Any) -> Any:
            return (result(a, b), _emit(build)) if (a, b) == operands else None

        return two

    @intrinsic
    def three(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        return (result(a, b, c), _emit(build)) if (a, b, c) == operands else None

    return three


def _fma(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{a.type.count}f32"), [a, b, c])


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
sub = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fsub(a, b))
div = _operation(Floats, (Floats, Floats), lambda builder, a, b: builder.fdiv(a, b))
least = _operation(Floats, (Floats, Floats), _least)  # a if a < b, else b
most = _operation(Floats, (Floats, Floats), _most)  # a if a > b, else b
absolute = _operation(Floats, (Floats,), _absolute)
halved = _operation(Floats, (Floats, Words), _power)  # a 2^-n, where that is no subnormal
spread = _operation(Floats, (float_,), lambda builder, a: _spread(builder, a, Floats.ir))
spread_quarter = _operation(Quarter, (float_,), lambda builder, a: _spread(builder, a, Quarter.ir))
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


@intrinsic
def mul(typingctx: Any, a: Any, b: Any) -> Any:
    return (a(a, b), _emit(lambda builder, a, b: builder.fmul(a, b))) if a == b and a in (Floats, Quarter) else None


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    return (a(a, b, c), _emit(_fma)) if a == b == c and a in (Floats, Quarter) else None


def _picked(builder: ir.IRBuilder, a: Any, b: Any, lanes: Any) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes)))


def _joined(builder: ir.IRBuilder, a: Any, b: Any, c: Any, d: Any) -> Any:
    return _picked(builder, _picked(builder, a, b, range(8)), _picked(builder, c, d, range(8)), range(16))


@intrinsic
def join(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Four quarters as one."""
    return (Floats(a, b, c, d), _emit(_joined)) if a == b == c == d == Quarter else None


@intrinsic
def split(typingctx: Any, a: Any) -> Any:
    """The four quarters of one."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        parts = [_picked(builder, args[0], args[0], range(4 * j, 4 * j + 4)) for j in range(4)]
        return context.make_tuple(builder, signature.return_type, parts)

    return (types.UniTuple(Quarter, 4)(a), emit) if a == Floats else None


# --------------------------------------------------------------------------------------------------------------------------- memory
def _pointer(context: Any, builder: ir.IRBuilder, signature: Any, args: Any, vector: ir.VectorType) -> Any:
    """Where element `at` of an array (its second argument) begins, as a pointer to vectors."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    at = context.cast(builder, args[1], signature.args[1], types.intp)
    return builder.bitcast(builder.gep(array.data, [at]), vector.as_pointer())


def _flat(array: Any, dtype: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and array.dtype == dtype


def _loader(kind: Any, dtype: Any) -> Any:
    """An intrinsic of an array and an index: as many numbers from there on as `kind` holds."""

    @intrinsic
    def load(typingctx: Any, array: Any, at: Any) -> Any:
        def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
            return builder.load(_pointer(context, builder, signature, args, kind.ir), align=dtype.bitwidth // 8)

        return (kind(array, at), emit) if _flat(array, dtype) else None

    return load


load, load_quarter = _loader(Floats, types.float32), _loader(Quarter, types.float32)
words, longs, quarter_longs = _loader(Words, types.uint32), _loader(Longs, types.uint64), _loader(QuarterLongs, types.uint64)


@intrinsic
def store(typingctx: Any, array: Any, at: Any, values: Any) -> Any:
    """Put `Floats` or a `Quarter` into an array of float32, from element `at` on."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature, args, args[2].type), align=4)
        return context.get_dummy_value()

    return (types.void(array, at, values), emit) if _flat(array, types.float32) and values in (Floats, Quarter) else None


# -------------------------------------------------------------------------------------------------------------------- Philox4x32-10
def _philox(builder: ir.IRBuilder, key: Any, n: ir.Value, samples: ir.Value) -> list[Any]:
    """The words of block `n` of the samples, in the lower halves of uint64; the upper ones are not looked at."""
    kind, k = samples.type, list(key)
    low, half = _every(0xFFFFFFFF, kind), _every(32, kind)
    c = [_spread(builder, x, kind) for x in (n, builder.lshr(n, ir.Constant(I64, 32)))] + [samples, builder.lshr(samples, half)]
    for _ in range(10):
        p, q = (builder.mul(builder.and_(x, low), _every(m, kind)) for x, m in ((c[0], 0xD2511F53), (c[2], 0xCD9E8D57)))
        a, b = (_spread(builder, x, kind) for x in k)
        c = [builder.xor(builder.xor(builder.lshr(q, half), c[1]), a), q, builder.xor(builder.xor(builder.lshr(p, half), c[3]), b), p]
        k = [builder.add(x, ir.Constant(I64, step)) for x, step in zip(k, (0x9E3779B9, 0xBB67AE85), strict=True)]
    return c


@intrinsic
def draw(typingctx: Any, key0: Any, key1: Any, n: Any, even: Any, odd: Any, out: Any) -> Any:
    """The four words of block `n` in each lane, to out (uint32, 4 x 16): samples `even` in lanes 0, 2, ..., `odd` in lanes 1, 3, ...

    key0, key1, n : uint64.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        half, low = _every(32, Longs.ir), _every(0xFFFFFFFF, Longs.ir)
        halves = [_philox(builder, args[:2], args[2], samples) for samples in args[3:5]]
        for j, (a, b) in enumerate(zip(*halves, strict=True)):
            merged = builder.or_(builder.and_(a, low), builder.shl(b, half))
            at = _pointer(context, builder, types.void(out, types.intp), (args[5], ir.Constant(I64, LANES * j)), Longs.ir)
            builder.store(merged, at, align=4)
        return context.get_dummy_value()

    fits = (key0, key1, n, even, odd) == (*(types.uint64,) * 3, Longs, Longs) and _flat(out, types.uint32)
    return (types.void(key0, key1, n, even, odd, out), emit) if fits else None


@intrinsic
def draw_quarters(typingctx: Any, key0: Any, key1: Any, n: Any, samples: Any) -> Any:
    """The four words of block `n` for four samples: word j in quarter j. key0, key1, n : uint64."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        short = ir.VectorType(I32, 4)
        return _joined(builder, *(builder.trunc(w, short) for w in _philox(builder, args[:2], args[2], args[3])))

    fits = (key0, key1, n, samples) == (*(types.uint64,) * 3, QuarterLongs)
    return (Words(key0, key1, n, samples), emit) if fits else None
