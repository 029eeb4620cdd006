"""Light through a stack of thin masks: propagate, mask, propagate, mask, ..., propagate; and its adjoint.

On the CPU a sample runs through the whole stack while it is in the cache, and threads take different chunks of samples. Two fused passes,
`kernels/optics/layer.cu` and `.py`, do a layer each, where the window's sides are among theirs; else library transforms.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, Field, Numbers, Real
from .._checks import shaped
from .._gate import accepts_any
from . import _fft, _grids, _halves, _lanes, _layer
from ._halves import Halves
from ._lanes import CHUNK
from .propagation import Propagator


@accepts_any
def phasor(phase: Real) -> Array:
    """exp(i phase), radians; complex of the same precision."""
    xp = _array.namespace(phase)
    out = xp.empty(phase.shape, np.result_type(phase.dtype, np.complex64))
    _launch.launch("optics/mask", "phasor", phase.dtype, phase.size, _array.contiguous(phase), out, threads=phase.size)
    return out


def _fused_window(field: Field, propagators: Sequence[Propagator]) -> tuple[int, int] | None:
    """The padded window, if it is the same for all and the fused passes of the field's device do such windows."""
    window, *others = {p.grid.window for p in propagators}
    if others:
        return None
    if _array.on_device(field):
        done = window[0] == window[1] and _layer.supported(field.shape[-2:], window[0], field.dtype)
    else:
        done = _fft.by_lanes(field.shape[-2:], window, field.dtype)
    return window if done else None


def _check_stack(masks: Array, field: Array, propagators: Sequence[Propagator]) -> None:
    """Raise ValueError or TypeError for masks that are not as many as a stack's, in the precision of its fields."""
    if len(propagators) != len(masks) + 1:
        raise ValueError(f"a stack of {len(masks)} masks has {len(masks) + 1} propagators, got {len(propagators)}")
    if masks.dtype != field.dtype:
        raise TypeError(f"masks must be {field.dtype} as the field, got {masks.dtype}")


@accepts_any
def forward(
    field: Field, masks: Field, propagators: Sequence[Propagator], *, save: bool = False, store: Literal["full", "half"] = "full"
) -> tuple[Array, Array | Halves | None]:
    """The field behind the stack.

    Parameters
    ----------
    field : Field
        (batch, ny, nx) complex, in front of the first propagation.
    masks : Field
        (layers, ny, nx) complex transmissions.
    propagators : Sequence[Propagator]
        Layers + 1 of them, each for one distance and wavelength.
    store : Literal['full', 'half']
        How fields are saved. "full": as they are. "half": as `Halves`, pairs of 16-bit floats with a power of two for each row, half the memory
        of complex64. Each part is then rounded by up to 2^-11 of itself, and so is what `phase_adjoint` sums: gradients differ by 2e-4 in
        relative 2-norm, measured on the published network, for one digit and for sixteen. Nothing else changes. On a CPU it costs time.

    Returns
    -------
    tuple[Array, Array | Halves | None]
        The field (batch, ny, nx) and, with `save`, the fields right after each mask (layers, batch, ny, nx), else None.

    Notes
    -----
    Members of a population share field and propagators, and have masks (layers, members, ny, nx); all that comes back has an axis of members in
    front of that of the batch.

    Raises ValueError for other shapes: a stack of several colours is one call for each.
    """
    if store not in ("full", "half"):
        raise ValueError(f"store must be 'full' or 'half', got {store!r}")
    if field.ndim != 3 or masks.ndim not in (3, 4) or masks.shape[-2:] != field.shape[1:]:
        raise ValueError(
            "a stack takes fields (batch, ny, nx) and masks (layers, ny, nx), or of a population (layers, members, ny, nx), "
            f"got shapes {field.shape} and {masks.shape}"
        )
    _check_stack(masks, field, propagators)
    field, shape = _array.contiguous(field), (*masks.shape[1:-2], *field.shape)
    stack: Array = _array.contiguous(masks if masks.ndim == 4 else masks[:, None])
    transfers = [p.transfer(field) for p in propagators]
    window = _fused_window(field, propagators)
    halves = store == "half"
    if window is None:
        out, saved = _unfused(field, stack, transfers, save, halves)
    elif _array.on_device(field):
        out, saved = _layer.chain(field, stack, [t.normalised[0] for t in transfers], window[0], save=save, halves=halves)
    else:
        out, saved = _lanes.chain(field, stack, [t.in_lanes() for t in transfers], window, save=save, halves=halves)
    return out.reshape(shape), None if saved is None else saved.reshape(len(masks), *shape)


def _unfused(
    field: Array, masks: Array, transfers: Sequence[_fft.Transfer], save: bool, halves: bool
) -> tuple[Array, Array | Halves | None]:
    """The same by library transforms, for masks (layers, members, ny, nx): (members, batch, ny, nx) comes back."""
    xp = _array.namespace(field)
    layers, members = masks.shape[:2]
    batch, ny, nx = field.shape
    shape = layers, members, *field.shape
    saved = xp.empty(shape, field.dtype) if save and not halves else None
    kept = _halves.empty(shape, field.dtype, xp) if save and halves else None
    if _array.on_device(field):
        u = _fft.convolve(field, transfers[0], np.zeros(batch, np.int64))
        u = u if members == 1 else xp.concatenate([u] * members)
        for l in range(layers):
            v = u if saved is None else saved[l].reshape(u.shape)
            grid = _grids.over(ny * nx, members * batch, u.dtype)
            _launch.launch("optics/mask", "transmit", u.dtype, 1, members, batch, ny * nx, masks[l], u, v, **grid)
            if kept is not None:
                kept[l].put(v.reshape(shape[1:]))
            u = _fft.convolve(v, transfers[l + 1], np.zeros(len(v), np.int64))
        return u, saved if kept is None else kept

    out = np.empty((members, *field.shape), field.dtype)
    _prepare(transfers)

    def work(start: int, stop: int) -> None:
        engines = [_fft.engine((ny, nx), t.window, field.dtype) for t in transfers]
        # with room between them: NumPy 2.0 multiplies into an array right behind another by a loop that rounds otherwise
        first, v = (row[: ny * nx].reshape(ny, nx) for row in np.empty((2, ny * nx + 64), field.dtype))
        for i in range(start, stop):
            b, m = divmod(i, members)
            if m == 0 or i == start:
                engines[0].run(field[b], transfers[0], 0, first)
            u = first
            for l in range(layers):
                after = v if saved is None else saved[l, m, b]
                np.multiply(u, masks[l, m], out=after)
                if kept is not None:
                    kept[l, m, b].put(after)
                u = v if l + 1 < layers else out[m, b]
                engines[l + 1].run(after, transfers[l + 1], 0, u)
            if not layers:
                out[m, b] = first

    _parallel.over(batch * members, work)
    return out, saved if kept is None else kept


@accepts_any
def phase_adjoint(
    cotangent: Field, saved: Field | Halves, masks: Field, propagators: Sequence[Propagator], *, to_field: bool = False,
    gradient: Numbers | None = None,
) -> tuple[Array, Array | None]:  # fmt: skip
    """Adjoint of `forward` for phase masks.

    Parameters
    ----------
    cotangent : Field
        (batch, ny, nx), of the field behind the stack.
    saved : Field | Halves
        The fields after each mask, from `forward`, with either `store`.
    gradient : Array | None
        What sums are added to, float64 (layers, ny, nx); None starts at zero.

    Returns
    -------
    tuple[Array, Array | None]
        The gradient with respect to the phases (layers, ny, nx), float64 sums over the batch of ``Im(g conj(v))``, and with `to_field` the
        cotangent of the incoming field, else None.
    """
    shaped("cotangent", cotangent, None, None, None)
    _check_stack(shaped("masks", masks, "layers", *cotangent.shape[1:]), cotangent, propagators)
    halves = isinstance(saved, Halves)
    shaped("saved", saved.words if isinstance(saved, Halves) else saved, len(masks), *cotangent.shape)
    if saved.dtype != cotangent.dtype:
        raise TypeError(f"saved must be {cotangent.dtype} as the cotangent, got {saved.dtype}")
    cotangent, masks = _array.contiguous(cotangent), _array.contiguous(masks)
    saved = Halves(_array.contiguous(saved.words), _array.contiguous(saved.scale)) if isinstance(saved, Halves) else _array.contiguous(saved)
    xp = _array.namespace(cotangent)
    layers, (batch, ny, nx) = len(masks), cotangent.shape
    if gradient is not None and shaped("gradient", gradient, layers, ny, nx).dtype != np.float64:
        raise TypeError(f"gradient must be float64, got {gradient.dtype}")
    if isinstance(gradient, np.ndarray) and not gradient.flags.writeable:
        raise ValueError("gradient is added to, but the array is read-only")
    gradient = xp.zeros((layers, ny, nx), np.float64) if gradient is None else gradient
    window = _fused_window(cotangent, propagators)
    if window is not None:
        transfers = [p.transfer(cotangent) for p in propagators]
        if _array.on_device(cotangent):
            tables = [t.normalised[0] for t in transfers]
            return _layer.chain_vjp(cotangent, saved, masks, tables, window[0], to_field=to_field, gradient=gradient)
        tables = [t.in_lanes() for t in transfers]
        return gradient, _lanes.chain_vjp(cotangent, saved, masks, tables, window, to_field=to_field, gradient=gradient)
    transfers = [p.transfer(cotangent).conj for p in propagators]
    real = cotangent.real.dtype
    if _array.on_device(cotangent):
        index = np.zeros(batch, np.int64)
        each = xp.empty((layers, ny, nx), real)
        g = _fft.convolve(cotangent, transfers[layers], index)
        for l in reversed(range(layers)):
            after = saved[l].full() if halves else saved[l]
            _launch.launch(
                "optics/mask", "phase_adjoint", g.dtype, 1, batch, ny * nx, masks[l], after, g, each[l],
                **_grids.sums(ny * nx, 1, g.dtype),
            )  # fmt: skip
            if l or to_field:
                g = _fft.convolve(g, transfers[l], index)
        gradient += each
        return gradient, g if to_field else None

    _prepare(transfers)
    chunks = -(-batch // CHUNK)
    partial = np.empty((chunks, layers, ny, nx), real)
    incoming = np.empty_like(cotangent) if to_field else None

    def work(start: int, stop: int) -> None:
        engines = [_fft.engine((ny, nx), t.window, cotangent.dtype) for t in transfers]
        room = np.empty((CHUNK, ny, nx), cotangent.dtype)
        for chunk in range(start, stop):
            own = slice(chunk * CHUNK, min(batch, (chunk + 1) * CHUNK))
            into = cotangent[own]
            g = room[: len(into)]
            for l in reversed(range(layers)):
                for one, out in zip(into, g, strict=True):
                    engines[l + 1].run(one, transfers[l + 1], 0, out)
                after = saved[l, own].full() if halves else saved[l, own]
                _launch.launch("optics/mask", "phase_adjoint", g.dtype, 1, len(g), ny * nx, masks[l], after, g, partial[chunk, l])
                into = g
            if incoming is not None:
                for one, out in zip(into, incoming[own], strict=True):
                    engines[0].run(one, transfers[0], 0, out)

    _parallel.over(chunks, work)
    for each in partial:  # in order
        gradient += each
    return gradient, incoming


def _prepare(transfers: Sequence[_fft.Transfer]) -> None:
    """Make the layouts that the threads will share."""
    for transfer in transfers:
        if _fft.tiled(transfer.window):
            _ = transfer.transposed


__all__: Sequence[Any] = ["CHUNK", "Halves", "forward", "phase_adjoint", "phasor"]
