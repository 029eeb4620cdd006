"""Rows of `LANES` numbers for Numba, as vectors of LLVM's: what is done to a row is one instruction to compile, and SIMD on every processor.

A loop over so few numbers is unrolled before it could be vectorised, and what is unrolled takes long to compile. Vectors are of float32 or
float64, as the array that they come from; each operation but `plus` rounds once.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

LANES = 16


class Row(types.Type):
    """`LANES` numbers of one type."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Row({dtype})")


@register_model(Row)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.dtype).get_value_type(), LANES))


def _place(context: Any, builder: Any, signature: Any, args: Any, element: Any) -> Any:
    """Where row `at` (the second argument) of an array (the first) begins, as a pointer to vectors."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    at = builder.mul(context.cast(builder, args[1], signature.args[1], types.intp), ir.Constant(ir.IntType(64), LANES))
    return builder.bitcast(builder.gep(array.data, [at]), ir.VectorType(element, LANES).as_pointer())


def _flat(array: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and isinstance(array.dtype, types.Float)


@intrinsic
def load(typingctx: Any, array: Any, at: Any) -> Any:
    """Row `at` of an array of one dimension."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_data_type(array.dtype)
        return builder.load(_place(context, builder, signature, args, element), align=array.dtype.bitwidth // 8)

    return (Row(array.dtype)(array, at), emit) if _flat(array) else None


@intrinsic
def store(typingctx: Any, array: Any, at: Any, row: Any) -> Any:
    """array's row `at` = row."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, signature, args, args[2].type.element), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return (types.void(array, at, row), emit) if _flat(array) and row == Row(array.dtype) else None


@intrinsic
def every(typingctx: Any, array: Any, x: Any) -> Any:
    """The number x in all lanes, of an array's type."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.cast(builder, args[1], signature.args[1], array.dtype)
        undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
        first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    return (Row(array.dtype)(array, x), emit) if _flat(array) else None


@intrinsic
def add(typingctx: Any, a: Any, b: Any) -> Any:
    return (a(a, b), lambda context, builder, signature, args: builder.fadd(*args)) if isinstance(a, Row) and a == b else None


@intrinsic
def mul(typingctx: Any, a: Any, b: Any) -> Any:
    return (a(a, b), lambda context, builder, signature, args: builder.fmul(*args)) if isinstance(a, Row) and a == b else None


@intrinsic
def plus(typingctx: Any, c: Any, a: Any, b: Any) -> Any:
    """c + a b, rounded once where the processor can, else twice."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        c, a, b = args
        return builder.fadd(c, builder.fmul(a, b, flags=("contract",)), flags=("contract",))

    return (c(c, a, b), emit) if isinstance(a, Row) and a == b == c else None


@intrinsic
def ratio(typingctx: Any, a: Any, b: Any) -> Any:
    """a / b where b > 0, else 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(args[1].type, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", args[1], zero), builder.fdiv(*args), zero)

    return (a(a, b), emit) if isinstance(a, Row) and a == b else None


@intrinsic
def where(typingctx: Any, mask: Any, a: Any, b: Any) -> Any:
    """a where mask > 0, else b."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(args[0].type, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], args[2])

    return (a(mask, a, b), emit) if isinstance(a, Row) and mask == a == b else None


__all__ = ["LANES", "add", "every", "load", "mul", "plus", "ratio", "store", "where"]
