"""The functions of this package on torch's tape: `pnnkern.torch.optics.propagate` is `pnnkern.optics.propagate` with a derivative.

    import pnnkern.torch

    out = pnnkern.torch.optics.propagate(field, distance=distance, wavelength=633e-9, pitch=8e-6)
    pnnkern.torch.optics.powers(out, regions).sum().backward()  # field.grad, distance.grad

Every function with a `NAME_vjp` beside it is here (`functions`), under the same name and with the same arguments; arrays are tensors, on the
CPU or a CUDA device, and so may be numbers that there is a derivative by (a distance). NumPy arrays are taken as tensors that are constant.
Under `torch.compile(fullgraph=True)`, `torch.func.grad` and `torch.func.vmap` each call is one operator of torch, `torch.ops.pnnkern.*`.

A gradient of complex numbers is g = dL/dRe + i dL/dIm, torch's convention and this package's. There are first derivatives only.
Networks that relax give the output that is read of them (oscillators the cosines of all phases), without a nudge.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from ._operations import OPERATIONS, SECOND, Batched, Call, Operation, Parts, by_room, pulled, run, settled, taken_apart

_NAME = "pnnkern::"
_operations = {op.name: op for op in OPERATIONS}
_made: dict[str, Operation] = {}  # the functions of operators, by the operators' names
_differentiable: dict[str, tuple[int, ...]] = {}  # which of an operator's arrays there is a derivative by
_lock = threading.RLock()
_making: set[str] = set()  # operators that torch looks for before it defines them
Tensor: TypeAlias = torch.Tensor


# ------------------------------------------------------------------------------------------------------------------------ operators
def _operator_name(op: Operation, paths: Sequence[str]) -> str:
    return f"{op.name}({', '.join(paths)})".replace(".", "_").replace("(", "__").replace(", ", "__").replace(")", "")


@torch.compiler.assume_constant_result
def _operator(op_name: str, paths: tuple[str, ...]) -> str:
    """The name of the operator of a function for calls with these arrays, which is made at the first of them; of its derivative `_vjp` more."""
    op = _operations[op_name]
    name = _operator_name(op, paths)
    with _lock:
        if name not in _made:
            _making.update((name, f"{name}_vjp"))
            _define(op, paths, name)
    return name


class _Operators(torch._ops._OpNamespace):  # type: ignore[misc, unused-ignore]
    """`torch.ops.pnnkern`, in which an operator is also made when a program asks for it that another process has saved."""

    __module__ = "torch.ops"  # by which torch saves the names of operators

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            with _lock:
                found = _arrays_of(name.removesuffix("_vjp"))
                if name in _making or found is None:
                    raise
                _operator(*found)
            return super().__getattr__(name)


def _arrays_of(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The function of an operator, and the names of its arrays; None for a name that is none of an operator."""
    head, *parts = name.split("__")
    op = next((op for op in OPERATIONS if op.name.replace(".", "_") == head), None)
    if op is None or not parts:
        return None
    paths = []
    for part in parts:
        own = max((n for n in op.form.names if part == n or part.startswith(f"{n}_")), key=len, default=None)
        if own is None:
            return None
        paths.append(own if part == own else f"{own}.{part[len(own) + 1 :]}")  # entries of a dict or list, one level deep
    return op.name, tuple(paths)


torch.ops.pnnkern = _Operators("pnnkern")  # type: ignore[attr-defined, unused-ignore]


def _define(op: Operation, paths: tuple[str, ...], name: str) -> None:
    arrays = ", ".join(f"Tensor {path.replace('.', '_')}" for path in paths)
    given = f"{arrays}, SymInt[] whole, float[] numbers, str settings"
    by = tuple(i for i, path in enumerate(paths) if op.derivative(path))

    def call_of(rest: Sequence[Any]) -> Call:
        whole, numbers, text = rest
        return Call(op, paths, tuple(whole), tuple(numbers), text)

    n = len(paths)

    def forward(*args: Any) -> Tensor:
        with torch.no_grad():
            out: Tensor = run(call_of(args[n:]), list(args[:n]))
        return out

    def fake(*args: Any) -> Tensor:
        call, tensors = call_of(args[n:]), args[:n]
        like = call.like(tensors)
        return like.new_empty(call.shape(tensors), dtype=like.dtype.to_real() if op.real else like.dtype)

    made = torch.library.custom_op(_NAME + name, forward, mutates_args=(), schema=f"({given}) -> Tensor")
    made.register_fake(fake)

    def batched(info: Any, in_dims: Any, *args: Any) -> tuple[Tensor, int]:
        own, tensors = _over(call_of(args[n:]), info.batch_size, in_dims[:n], args[:n])
        return own.forward(lambda some: made(*some, *args[n:]), tensors), 0

    made.register_vmap(batched)
    if by:
        _define_vjp(op, name, given, by, n, call_of)

        def backward(ctx: Any, cotangent: Tensor) -> Any:
            found = _pull(name, ctx.rest, cotangent, ctx.saved_tensors, ctx.needs_input_grad[:n])
            return (*found, None, None, None)

        made.register_autograd(backward, setup_context=_setup)
    _differentiable[name], _made[name] = by, op


def _setup(ctx: Any, inputs: Any, output: Any) -> None:
    *tensors, whole, numbers, text = inputs
    ctx.rest = whole, numbers, text
    ctx.save_for_backward(*tensors)


def _define_vjp(op: Operation, name: str, given: str, by: tuple[int, ...], n: int, call_of: Callable[[Sequence[Any]], Call]) -> None:
    """The operator of a derivative: by all arrays that there is one by, in order; empty where `wanted` has a 0."""

    def chosen(wanted: str) -> tuple[int, ...]:
        return tuple(i for i, w in zip(by, wanted, strict=True) if w == "1")

    def filled(found: Sequence[Tensor], tensors: Sequence[Tensor], wanted: str) -> Any:
        rest = iter(found)
        out = tuple(next(rest) if w == "1" else tensors[i].new_empty(0) for i, w in zip(by, wanted, strict=True))
        return out if len(by) > 1 else out[0]

    def backward(cotangent: Tensor, *args: Any) -> Any:
        tensors, wanted = args[:n], args[-1]
        with torch.no_grad():
            found = pulled(call_of(args[n:-1]), cotangent, list(tensors), chosen(wanted))
        return filled([d.to(tensors[i].device) for d, i in zip(found, chosen(wanted), strict=True)], tensors, wanted)

    def fake(cotangent: Tensor, *args: Any) -> Any:
        tensors, wanted = args[:n], args[-1]
        return filled([tensors[i].new_empty(tensors[i].shape) for i in chosen(wanted)], tensors, wanted)

    results = ", ".join(["Tensor"] * len(by))
    schema = f"(Tensor cotangent, {given}, str wanted) -> {f'({results})' if len(by) > 1 else results}"
    made = torch.library.custom_op(f"{_NAME}{name}_vjp", backward, mutates_args=(), schema=schema)
    made.register_fake(fake)

    def batched(info: Any, in_dims: Any, cotangent: Tensor, *args: Any) -> Any:
        own, tensors = _over(call_of(args[n:-1]), info.batch_size, in_dims[1 : n + 1], args[:n])
        wanted = args[-1]
        g = cotangent.expand(info.batch_size, *cotangent.shape) if in_dims[0] is None else cotangent.movedim(in_dims[0], 0)

        def one(g: Tensor, some: list[Tensor]) -> list[Tensor]:
            found = made(g, *some, *args[n:])
            return [d for d, w in zip(found if len(by) > 1 else (found,), wanted, strict=True) if w == "1"]

        found = own.backward(one, g, tensors, chosen(wanted))
        out = filled(found, tensors, wanted)
        dims = tuple(0 if w == "1" else None for w in wanted)
        return (out, dims) if len(by) > 1 else (out, dims[0])

    made.register_vmap(batched)
    made.register_autograd(functools.partial(_no_second, op.name), setup_context=lambda ctx, inputs, output: None)


def _no_second(name: str, ctx: Any, *cotangents: Any) -> Any:
    raise NotImplementedError(SECOND.format(name=name))


def _pull(name: str, rest: Any, cotangent: Tensor, tensors: Sequence[Tensor], needed: Sequence[bool]) -> list[Tensor | None]:
    """The derivatives by the tensors that need one, None for the others."""
    vjp = getattr(torch.ops.pnnkern, f"{name}_vjp").default
    by = _differentiable[name]
    wanted = "".join("1" if needed[i] else "0" for i in by)
    if torch._C._are_functorch_transforms_active():
        found = _Pulled.apply(name, rest, wanted, cotangent, *tensors)
    else:
        found = vjp(cotangent, *tensors, *rest, wanted)
    found = found if len(by) > 1 else (found,)
    out: list[Tensor | None] = [None] * len(tensors)
    for i, d, w in zip(by, found, wanted, strict=True):
        if w == "1":
            out[i] = d
    return out


def _over(call: Call, size: int, in_dims: Sequence[int | None], tensors: Sequence[Tensor]) -> tuple[Batched, list[Tensor]]:
    """What works over an axis that some tensors have, and these with the axis in front."""
    moved = [t if d is None else t.movedim(d, 0) for t, d in zip(tensors, in_dims, strict=True)]
    mapped = tuple(d is not None for d in in_dims)
    return Batched(call, mapped, size, lambda t, shape: t.expand(shape), torch.stack), moved


# torch.func works on autograd.Functions with a context of their own, not on operators with a derivative: `_Run` and `_Pulled` are such.
def _without_context(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a forward, which torch.compile puts a context before where their number may differ."""
    return args if isinstance(args[0], str) else args[1:]


class _Run(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(*args: Any) -> Tensor:
        name, rest, *tensors = _without_context(args)
        out: Tensor = getattr(torch.ops.pnnkern, name).default(*tensors, *rest)
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.name, ctx.rest, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        return (None, None, *_pull(ctx.name, ctx.rest, cotangent, ctx.saved_tensors, ctx.needs_input_grad[2:]))


class _Pulled(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(*args: Any) -> Any:
        name, rest, wanted, cotangent, *tensors = _without_context(args)
        return getattr(torch.ops.pnnkern, f"{name}_vjp").default(cotangent, *tensors, *rest, wanted)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.name = inputs[0]

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return _no_second(_made[ctx.name].name, ctx, *cotangents)


# ------------------------------------------------------------------------------------------------------------------------ functions
def _tensor(array: Any) -> Any:
    """A NumPy array as a tensor that is constant, on the same memory where it may be written."""
    if torch.compiler.is_compiling():
        return torch.from_numpy(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


_settled = torch.compiler.assume_constant_result(settled)


def _wrapped(op: Operation) -> Callable[..., Tensor]:
    form = op.form

    def call(*args: Any, **kwargs: Any) -> Tensor:
        parts = Parts()
        template = taken_apart(form.named(args, kwargs), (torch.Tensor, np.ndarray), parts)
        if not parts.arrays:
            Call(op, (), tuple(parts.whole), tuple(parts.numbers), settled(template, *parts.objects)).check(())
        tensors = [a if isinstance(a, torch.Tensor) else _tensor(a) for a in parts.arrays]
        if torch.is_grad_enabled():
            for path, t in zip(parts.paths, tensors, strict=True):
                if t.requires_grad and op.derivative(path) is None:
                    raise TypeError(op.refuse(path))
        name = _operator(op.name, tuple(parts.paths))
        rest = parts.whole, parts.numbers, _settled(template, *parts.objects)
        if torch._C._are_functorch_transforms_active():
            return _Run.apply(name, rest, *tensors)
        return getattr(torch.ops.pnnkern, name).default(*tensors, *rest)

    call.__name__, call.__qualname__ = op.name.rpartition(".")[2], op.name
    call.__doc__, call.__signature__ = op.function.__doc__, op.signature  # type: ignore[attr-defined]
    return call


functions: dict[str, Callable[..., Tensor]] = {op.name: _wrapped(op) for op in OPERATIONS}
optics, crossbar, networks, dynamics = (by_room(functions)[room] for room in ("optics", "crossbar", "networks", "dynamics"))

__all__ = ["crossbar", "dynamics", "functions", "networks", "optics"]
