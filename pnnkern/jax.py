"""The functions of this package under JAX's transforms: `pnnkern.jax.optics.propagate` is `pnnkern.optics.propagate` within jit, grad and vmap.

    import pnnkern.jax

    def loss(phase):
        field = pnnkern.jax.optics.phase_mask(source, phase)
        return pnnkern.jax.optics.powers(field, regions)[0]

    jax.jit(jax.grad(loss))(phase)

Every function with a `NAME_vjp` beside it is here (`functions`), under the same name and with the same arguments; arrays are JAX's, and so may
be numbers that there is a derivative by (a distance). Each is a `jax.custom_vjp`. What runs it under a transform: on the CPU
`jax.pure_callback`; on a GPU JAX's FFI, which gives our kernels its buffers on its stream (`jax.experimental.buffer_callback`; needs CuPy).
Outside of transforms arrays go in as they do into `pnnkern.optics.propagate` itself. Settings are constants of what is compiled.

A cotangent of complex numbers is dL/dRe - i dL/dIm in JAX, and g = dL/dRe + i dL/dIm in this package's `NAME_vjp`: what comes in is
conjugated, and what goes out. So `jax.grad` gives here what it gives of a plain expression of `jax.numpy`. There are first derivatives only, in
reverse. Networks that relax give the output that is read of them (oscillators the cosines of all phases), without a nudge.
Double precision needs `jax.config.update("jax_enable_x64", True)`, as everywhere in JAX.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from . import _array
from ._gate import Stream
from ._operations import OPERATIONS, SECOND, Batched, Call, Operation, Parts, by_room, pulled, run, settled, taken_apart

_ON_CPU = 1  # DLPack's number of the device
_KINDS = (jax.Array, np.ndarray, np.generic)


# ------------------------------------------------------------------------------------------------------- what JAX calls back
@dataclass(frozen=True)
class _Work:
    """What is to be done with the arrays of a call: the function, or (`wanted` is not None) derivatives, whose cotangent is the first array.

    ranks : the axes of each array where nothing is mapped.
    """

    call: Call
    wanted: tuple[int, ...] | None
    ranks: tuple[int, ...]

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        """Results, of native arrays; whatever further axes vmap has put in front of these stand in front of those."""
        lead = [tuple(a.shape[: a.ndim - r]) for a, r in zip(arrays, self.ranks, strict=True)]
        axes = np.broadcast_shapes(*lead)
        if not axes:
            return self._once(arrays)
        xp, size = _array.namespace(*arrays), math.prod(axes)
        mapped, flat = [], []
        for a, own, rank in zip(arrays, lead, self.ranks, strict=True):
            shape = a.shape[a.ndim - rank :]
            mapped.append(math.prod(own) > 1 or size == 1)
            if mapped[-1]:
                a = xp.broadcast_to(a, (*axes, *shape))
            flat.append(a.reshape((size, *shape) if mapped[-1] else shape))
        if self.wanted is None:
            over = Batched(self.call, tuple(mapped), size, xp.broadcast_to, xp.stack)
            found = [over.forward(lambda some: self._once(some)[0], flat)]
        else:
            over = Batched(self.call, tuple(mapped[1:]), size, xp.broadcast_to, xp.stack)
            g = flat[0] if mapped[0] else xp.broadcast_to(flat[0], (size, *flat[0].shape))
            found = over.backward(lambda g, some: self._once([g, *some]), g, flat[1:], self.wanted)
        return [d.reshape(*axes, *d.shape[1:]) for d in found]

    def _once(self, arrays: Sequence[Any]) -> list[Any]:
        if self.wanted is None:
            return [run(self.call, list(arrays))]
        found: list[Any] = pulled(self.call, arrays[0], list(arrays[1:]), self.wanted)
        return found


def _called(work: _Work, results: Sequence[jax.ShapeDtypeStruct], arrays: Sequence[Any]) -> list[Any]:
    """The results as JAX has them. Of values: at once. Under a transform: by a callback on the CPU, on JAX's own buffers on a GPU."""
    if not any(isinstance(a, jax.core.Tracer) for a in arrays):
        return [jnp.asarray(y) for y in work(arrays)]

    def on_cpu(*given: Any) -> list[Any]:
        return [np.asarray(y, r.dtype) for y, r in zip(work([np.asarray(a) for a in given]), results, strict=True)]

    def cpu(*given: Any) -> Any:
        return jax.pure_callback(on_cpu, list(results), *given, vmap_method="expand_dims")

    def gpu(*given: Any) -> Any:
        from jax.experimental.buffer_callback import buffer_callback

        return buffer_callback(functools.partial(_on_buffers, work), list(results), vmap_method="expand_dims")(*given)

    found: list[Any] = jax.lax.platform_dependent(*arrays, cpu=cpu, cuda=gpu)
    return found


def _on_buffers(work: _Work, context: Any, out: Sequence[Any], *buffers: Any) -> None:
    """The results, put into buffers of JAX, on the stream that it works on."""
    if out[0].__dlpack_device__()[0] != _ON_CPU:
        cp = _array.cupy()
        with cp.cuda.Device(context.device_ordinal), cp.cuda.Stream.from_external(Stream(context.stream)):
            for place, value in zip(out, work([cp.asarray(b) for b in buffers]), strict=True):
                cp.asarray(place)[...] = value
    else:
        for place, value in zip(out, work([np.asarray(b) for b in buffers]), strict=True):
            np.asarray(place)[...] = value


def _of(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


# ------------------------------------------------------------------------------------------------------------------ derivatives
@jax.tree_util.register_static
@dataclass(frozen=True)
class _Wanted:
    """Which arrays a derivative is by, carried beside those that a derivative is worked out from."""

    arrays: tuple[int, ...]


@functools.lru_cache(4096)
def _function(call: Call) -> Callable[..., Any]:
    """A call as a function of its arrays that JAX can differentiate."""

    def value(*arrays: Any) -> Any:
        like = call.like(arrays)
        dtype = like.real.dtype if call.op.real else like.dtype
        result = jax.ShapeDtypeStruct(call.shape(arrays), dtype)
        return _called(_Work(call, None, tuple(a.ndim for a in arrays)), [result], arrays)[0]

    def forward(*given: Any) -> Any:
        arrays = tuple(g.value for g in given)
        wanted = tuple(i for i, g in enumerate(given) if g.perturbed)
        for i in wanted:
            if i not in call.differentiable:
                raise TypeError(call.op.refuse(call.paths[i]))
        return made(*arrays), (_Wanted(wanted), arrays)  # not `value`, so that what differentiates this comes to the derivative

    def backward(saved: Any, cotangent: Any) -> Any:
        wanted, arrays = saved
        if isinstance(cotangent, SymbolicZero):
            return (None,) * len(arrays)
        found = iter(_derivative(call, wanted.arrays)(cotangent, *arrays))
        return tuple(next(found) if i in wanted.arrays else None for i in range(len(arrays)))

    made = jax.custom_vjp(value)
    made.defvjp(forward, backward, symbolic_zeros=True)
    return made


@functools.lru_cache(4096)
def _derivative(call: Call, wanted: tuple[int, ...]) -> Callable[..., Any]:
    """The derivatives by some arrays of a call, in JAX's convention; they have none themselves."""

    def value(cotangent: Any, *arrays: Any) -> Any:
        work = _Work(call, wanted, (cotangent.ndim, *(a.ndim for a in arrays)))
        found = _called(work, [_of(arrays[i]) for i in wanted], (jnp.conj(cotangent), *arrays))
        return [jnp.conj(d) for d in found]

    def refused(*given: Any) -> Any:
        raise NotImplementedError(SECOND.format(name=call.op.name))

    made = jax.custom_vjp(value)
    made.defvjp(refused, refused)
    return made


# -------------------------------------------------------------------------------------------------------------------- functions
def _wrapped(op: Operation) -> Callable[..., jax.Array]:
    form = op.form

    def call(*args: Any, **kwargs: Any) -> jax.Array:
        parts = Parts()
        template = taken_apart(form.named(args, kwargs), _KINDS, parts)
        one = Call(op, tuple(parts.paths), tuple(parts.whole), tuple(parts.numbers), settled(template, *parts.objects))
        if not any(isinstance(a, jax.core.Tracer) for a in parts.arrays):
            return jnp.asarray(run(one, parts.arrays))
        one.check(parts.arrays)  # now, as what is raised in a callback comes out at the end of a page
        return _function(one)(*map(jnp.asarray, parts.arrays))

    call.__name__, call.__qualname__ = op.name.rpartition(".")[2], op.name
    call.__doc__, call.__signature__ = op.function.__doc__, op.signature  # type: ignore[attr-defined]
    return call


functions: dict[str, Callable[..., jax.Array]] = {op.name: _wrapped(op) for op in OPERATIONS}
optics, crossbar, networks, dynamics = (by_room(functions)[room] for room in ("optics", "crossbar", "networks", "dynamics"))

__all__ = ["crossbar", "dynamics", "functions", "networks", "optics"]
