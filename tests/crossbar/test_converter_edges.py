"""Converters where signed codes, one array and quiet inputs do not go: without sign, of stacks, at the end of their range, in managed reads."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import ADC, DAC, SAR, BitSerial, Chain, Crossbar, Layer, Ramp, program_weights

KEY = pnn.random.key(6)


@pytest.mark.parametrize(("bits", "slice_bits"), [(8, 1), (8, 3), (5, 5), (1, 1)])
@pytest.mark.parametrize("shift_add", ["digital", "analogue"])
def test_unsigned_slices_carry_all_bits(backend, bits: int, slice_bits: int, shift_add: str, rng: np.random.Generator) -> None:
    """2^bits levels from 0 to the range, the highest code included; what is negative is cut."""
    V, G = rng.uniform(-0.05, 0.25, (20, 6)), rng.uniform(0, 25e-6, (6, 4))
    V[0], V[1] = 0.2, 0.2 * 2 ** (bits - 1) / (2**bits - 1)
    dac = BitSerial(bits, slice_bits, signed=False, shift_add=shift_add)
    got = backend.numpy(crossbar.read(backend.array(V), backend.array(G), dac=dac))
    step = 0.2 / (2**bits - 1)
    assert np.allclose(got, np.clip(np.rint(V / step), 0, 2**bits - 1) * step @ G, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("errors", [SAR(mismatch=0.05, offset=1.0, seed=2), Ramp(slope=0.02, offset=1.0, bow=1.0, seed=2)])
def test_arrays_of_a_stack_have_converters_of_their_own(backend, errors, rng: np.random.Generator) -> None:
    """Columns are numbered through: array 1 of two is what an array is whose converters begin where those of array 0 end."""
    V, G = rng.uniform(0, 0.2, (300, 5)), rng.uniform(0, 25e-6, (5, 4))
    adc, there = ADC(7, 3e-5, errors=errors), (backend.array(V), backend.array(np.stack([G, G])))
    both = backend.numpy(crossbar.read(*there, adc=adc))
    for n in (0, 1):
        own = ADC(7, 3e-5, errors=type(errors)(**(vars(errors) | {"first": 4 * n})))
        assert np.array_equal(backend.numpy(crossbar.read(there[0], backend.array(G), adc=own)), both[n])
    assert not np.array_equal(both[0], both[1])


def test_noise_decides_at_the_end_of_the_range(backend) -> None:
    """A current at the end passes its cotangent when its noise has left it inside: in half of the reads, those that read below the end."""
    adc, x = ADC(8, 1e-5, noise=1e-7), np.full((400, 5), 1e-5)
    got = backend.numpy(crossbar.convert_vjp(backend.array(np.ones_like(x)), backend.array(x), adc, key=KEY))
    z = pnn.random.normal(pnn.random.fold_in(KEY, "output"), x.shape, dtype=np.float64)
    assert np.array_equal(got, (z <= 0).astype(float))
    assert abs(got.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(x.size)
    read = backend.numpy(crossbar.convert(backend.array(x), adc, key=KEY))
    assert (read[got == 0] == 1e-5).all()


def test_each_round_of_management_halves_the_inputs(backend, rng: np.random.Generator) -> None:
    """So many as it takes: the first of 1, 2, 4, ... times the scale at which nothing is cut."""
    d = Crossbar(w_max=1.0, input_scale=1.0, bound_rounds=6, chain=Chain(dac=DAC(None), adc=ADC(None, 1e-6)))
    x = 10.0 ** rng.uniform(-1.5, 1.0, (200, 1))
    layer = Layer(program_weights(backend.array(np.ones((1, 1))), d), d)
    y, alpha, again = (backend.numpy(v) for v in layer._managed(backend.array(x), None, 0))
    needed = np.ceil(np.log2(x[:, 0] * 0.2 * 25e-6 / 1e-6)).clip(0, 6)
    assert np.array_equal(again, needed)
    assert np.array_equal(alpha[:, 0], 2.0**needed)
    assert np.allclose(y, x, rtol=1e-9)
    assert set(needed) >= {0, 1, 2, 3, 4, 5}


def test_more_bits_than_an_array_may_have_are_refused() -> None:
    with pytest.raises(ValueError, match="slices must have 1 to 8 bits for inputs of 8 bits, got 9"):
        BitSerial(8, 9, signed=False)
