"""Diffractive networks with photodetectors between layers: in front of every mask but the first, light is detected and sent on anew.

The intensity on a neuron drives the amplitude with which it sends light into its part of the mask, all in phase: the photovoltage goes to a
modulator that is biased for darkness, such as a Mach-Zehnder one, whose field is linear in the voltage. An automatic gain, which receivers
have, brings the rms amplitude of a plane to 1, so that light does not die out from layer to layer. A stage is a mask and the way behind it;
the way from the source to the first mask is the first one's too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _array, _parallel
from .._array import Array, Numbers, Real
from .._checks import real, shaped
from .._gate import record
from ..optics import detectors

if TYPE_CHECKING:
    from .d2nn import D2NN


@record
@dataclass(frozen=True)
class Passed:
    """What the derivative of a stage needs of a pass.

    entered : light in front of the mask (batch, samples, samples), real behind emitters. mask : (samples, samples). gain : the rms that
    intensities were divided by, (batch, 1, 1), None for the first stage. out : the field on the next plane, None to be computed again.
    """

    entered: Array
    mask: Array
    gain: Array | None
    out: Array  # or None


def amplitudes(intensity: Real) -> tuple[Array, Array]:
    """What emitters send for intensities (batch, n, n): ``I / rms(I)`` of each sample; and the rms, (batch, 1, 1). Dark stays dark."""
    xp = _array.namespace(intensity)
    rms = xp.sqrt((_array.as_type(intensity, np.float64) ** 2).mean(axis=(1, 2), keepdims=True))
    rms = xp.maximum(rms, np.finfo(intensity.dtype).tiny).astype(intensity.dtype)
    return intensity / rms, rms


def amplitudes_vjp(cotangent: Real, sent: Real, rms: Real) -> Array:
    """The derivative of `amplitudes` at what was sent: ``(c - a <c a>) / rms``."""
    return (cotangent - sent * (cotangent * sent).mean(axis=(1, 2), keepdims=True)) / rms


def passed(network: "D2NN", stage: int, inputs: Numbers, mask: Numbers) -> Passed:
    """One stage: of fields (batch, samples, samples) for the first one, of intensities on the neurons (batch, size, size) for the others."""
    if stage == 0:
        entered, gain = _propagated(network, 0, inputs), None
    else:
        size = network.geometry.size
        sent, gain = amplitudes(shaped("inputs", real("inputs", inputs), "batch", size, size))
        entered = _spread(sent, network.geometry.oversample)
    return Passed(entered, mask, gain, _propagated(network, stage + 1, entered * mask))


def measured(network: "D2NN", stage: int, out: Numbers) -> Array:
    """Of the field behind a stage: the mean intensity on each neuron (batch, size, size); behind the last the detectors' powers."""
    if stage == network.stages - 1:
        return detectors.powers(out, network.regions)
    k, size = network.geometry.oversample, network.geometry.size
    light = detectors.intensity(out)
    return light if k == 1 else light.reshape(-1, size, k, size, k).mean(axis=(2, 4))


def along(network: "D2NN", inputs: Numbers, masks: Numbers) -> list[Passed]:
    """All stages, one after another."""
    stages = [passed(network, 0, inputs, masks[0])]
    for l in range(1, len(masks)):
        stages.append(passed(network, l, measured(network, l - 1, stages[-1].out), masks[l]))
    return stages


def derived(network: "D2NN", stage: int, cotangent: Real, at: Passed, *, to_inputs: bool = False) -> tuple[Array, Array]:
    """Sums over the batch of the derivative by the phases of a mask (samples, samples), float64; with `to_inputs` that by the intensities.

    cotangent : of what `measured` gave behind the stage.
    """
    k, size, batch = network.geometry.oversample, network.geometry.size, len(at.entered)
    light = at.entered * at.mask
    out = _propagated(network, stage + 1, light) if at.out is None else at.out
    if stage == network.stages - 1:
        back = detectors.powers_vjp(shaped("cotangent", cotangent, batch, len(network.regions)), out, network.regions)
    else:
        shaped("cotangent", cotangent, batch, size, size)
        back = detectors.intensity_vjp(_spread(_array.as_type(cotangent, network.dtype, copy=False) / k**2, k), out)
    back = _propagated(network, stage + 1, back, adjoint=True)
    by_phase = (back * light.conj()).imag.sum(axis=0, dtype=np.float64)
    if not to_inputs or at.gain is None:
        return by_phase, None
    by_light = (back * at.mask.conj()).real.reshape(batch, size, k, size, k).sum(axis=(2, 4))
    return by_phase, amplitudes_vjp(by_light, at.entered[:, ::k, ::k], at.gain)


def _propagated(network: "D2NN", plane: int, fields: Array, *, adjoint: bool = False) -> Array:
    """Fields from one plane to the next, or cotangents back, `chunk` at a time."""
    one = network.propagators[plane]
    pieces: Sequence[Any] = [
        one.vjp(fields[piece], fields[piece]) if adjoint else one(fields[piece]) for piece in _parallel.pieces(len(fields), network.chunk)
    ]
    return pieces[0] if len(pieces) == 1 else _array.namespace(fields).concatenate(pieces)


def _spread(values: Array, k: int) -> Array:
    """Values on neurons (..., n, n) on their k x k samples each."""
    return values if k == 1 else values.repeat(k, axis=-2).repeat(k, axis=-1)
