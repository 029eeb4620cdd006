"""Weights as conductances and back: pairs, offsets, slices, tiles; their straight-through derivatives."""

import numpy as np
import pytest

from pnnkern.crossbar import (
    ADC,
    PCM,
    BitSerial,
    Chain,
    Crossbar,
    Custom,
    DifferentialPair,
    OffsetColumn,
    conductances,
    conductances_vjp,
    matmul,
    weights,
)
from pnnkern.crossbar.mapping import combine, combine_vjp
from pnnkern.testing import check_linear, check_vjp

MAPPINGS = {"one-sided": DifferentialPair(), "two-sided": DifferentialPair(one_sided=False), "offset": OffsetColumn()}
SLICES = [(1, None), (1, 4), (3, 2), (2, 5), (5, 1)]


@pytest.fixture(params=MAPPINGS)
def mapping(request: pytest.FixtureRequest):
    return MAPPINGS[request.param]


@pytest.mark.parametrize(("slices", "cell_bits"), SLICES)
@pytest.mark.parametrize("tile", [(512, 512), (4, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_back(backend, mapping, slices: int, cell_bits: int | None, tile, dtype: str, rng: np.random.Generator) -> None:
    """Exactly without bits, and with them as the nearest of all codes; conductances stay in the range, sliced ones on its levels."""
    W = rng.uniform(-2, 2, (9, 7)).astype(dtype)
    d = Crossbar(mapping, PCM(g_max=20e-6), slices=slices, cell_bits=cell_bits, tile=tile, w_max=2.5)
    G = conductances(backend.array(W), d)
    got, G = backend.numpy(weights(G, d, w_max=2.5)), backend.numpy(G)
    assert got.dtype == G.dtype == dtype
    assert G.min() >= 0
    assert G.max() <= 20e-6
    if cell_bits is None:
        assert np.abs(got - W).max() < (1e-6 if dtype == "float32" else 1e-14)
        return
    bits = slices * cell_bits
    top = 2 ** (bits - 1 if mapping == MAPPINGS["offset"] else bits) - 1  # an offset has one of the bits for the sign
    expected = np.rint(W / 2.5 * top) / top * 2.5
    assert np.abs(got - expected).max() < 2.5 / top * 1e-4
    levels = G / 20e-6 * (2**cell_bits - 1)  # of reference columns, too
    assert np.abs(levels - np.rint(levels)).max() < 1e-5


@pytest.mark.parametrize(("slices", "cell_bits"), SLICES)
@pytest.mark.parametrize("tile", [(512, 512), (4, 3)])
def test_a_weight_of_zero_reads_zero(backend, mapping, slices: int, cell_bits: int | None, tile, rng: np.random.Generator) -> None:
    """So does one that is nearer to 0 than to the next code, whatever the slices and tiles; and the ends of the range are w_max."""
    d = Crossbar(mapping, Custom(g_min=2e-6, g_max=22e-6), slices=slices, cell_bits=cell_bits, tile=tile, w_max=2.0)
    x, W = rng.standard_normal((3, 9)), np.zeros((9, 7))
    W[:, 1] = 1e-9 * rng.choice([-1.0, 1.0], 9)
    W[:, 2], W[:, 5] = 2.0, -2.0
    G = backend.numpy(conductances(backend.array(W), d))
    y = backend.numpy(matmul(backend.array(x), backend.array(W), d))
    ends = 2.0 * x.sum(1)
    assert np.abs(y[:, [0, 3, 4, 6]]).max() < 1e-14 * np.abs(ends).max()
    assert np.abs(y[:, 1]).max() < 1e-8
    assert np.allclose(y[:, 2], ends, rtol=1e-12)
    assert np.allclose(y[:, 5], -ends, rtol=1e-12)
    if mapping == MAPPINGS["offset"]:
        for outputs, columns in d.blocks(7):
            zeros = [columns.start + j - outputs.start for j in range(outputs.start, outputs.stop) if j in (0, 3, 4, 6)]
            assert (G[..., zeros] == G[..., columns.stop - 1 : columns.stop]).all()  # the same conductances, not only the same sum


def test_pairs_and_offsets_are_laid_out_as_described() -> None:
    W = np.array([[1.0, -0.5, 0.0]])
    device = PCM(g_min=2e-6, g_max=22e-6)
    micro = 1e6 * conductances(W, Crossbar(DifferentialPair(), device))
    assert np.allclose(micro, [[[22, 2, 2]], [[2, 12, 2]]])
    micro = 1e6 * conductances(W, Crossbar(DifferentialPair(one_sided=False), device))
    assert np.allclose(micro, [[[22, 7, 12]], [[2, 17, 12]]])
    micro = 1e6 * conductances(W, Crossbar(OffsetColumn(), device, tile=(8, 3)))
    assert np.allclose(micro, [[[22, 7, 12, 12, 12]]])  # two weights and a reference; one weight and a reference
    micro = 1e6 * conductances(np.array([[1.0, -11 / 15]]), Crossbar(DifferentialPair(), device, slices=2, cell_bits=2))
    assert np.allclose(micro, [[[22, 2]], [[2, 22]], [[22, 2]], [[2, 2 + 40 / 3]]])  # 15 = 33 and 11 = 23 in base 4, low digit first
    micro = 1e6 * conductances(np.array([[1.0, -3 / 7, 0.0]]), Crossbar(OffsetColumn(), device, slices=2, cell_bits=2))
    third = 20 / 3  # 8 + 7 = 33, 8 - 3 = 11, 8 and the reference = 20 in base 4
    assert np.allclose(micro, [[[22, 2 + third, 2, 2]], [[22, 2 + third, 2 + 2 * third, 2 + 2 * third]]])
    micro = 1e6 * conductances(np.array([[1.0, 1 / 3, 0.0]]), Crossbar(DifferentialPair(one_sided=False), device, cell_bits=2))
    assert np.allclose(micro, [[[22, 2 + 2 * third, 2 + 2 * third]], [[2, 2 + third, 2 + 2 * third]]])  # 3 - 0, 2 - 1, 2 - 2


def test_a_range_of_its_own_for_each_column(rng: np.random.Generator) -> None:
    W = rng.uniform(-1, 1, (6, 4)) * [1, 10, 0.1, 5]
    w_max = np.abs(W).max(0)
    G = conductances(W, Crossbar(), w_max=w_max)
    assert np.allclose(G.max((0, 1)), 25e-6)
    assert np.allclose(weights(G, Crossbar(), w_max=w_max), W, rtol=1e-12)


def test_combining_arrays_is_linear(backend, mapping, rng: np.random.Generator) -> None:
    d = Crossbar(mapping, slices=2, cell_bits=3, tile=(5, 4))
    values = backend.array(rng.standard_normal((len(d.parts), 6, d.columns(7))))
    check_linear(lambda values: combine(values, d), lambda g, values, wrt: combine_vjp(g, d), values, wrt="values")


@pytest.mark.parametrize("tile", [(512, 512), (4, 3)])
def test_derivative_of_analogue_weights(backend, mapping, tile: tuple[int, int], rng: np.random.Generator) -> None:
    W = rng.uniform(0.2, 1.5, (6, 5)) * rng.choice([-1.0, 1.0], (6, 5))
    d = Crossbar(mapping, w_max=2.0, tile=tile)
    check_vjp(
        lambda W, description: conductances(W, description) * 1e6,
        lambda g, W, description, wrt: conductances_vjp(g * 1e6, W, description, wrt=wrt),
        backend.array(W), d, wrt="W", rtol=1e-6,
    )  # fmt: skip


@pytest.mark.parametrize(("slices", "cell_bits"), [(1, 4), (3, 2)])
def test_sliced_weights_are_passed_straight_through(backend, mapping, slices: int, cell_bits: int, rng: np.random.Generator) -> None:
    """A loss of what the arrays stand for has the derivative by the weights that it would have without rounding."""
    d = Crossbar(mapping, slices=slices, cell_bits=cell_bits, w_max=2.0, tile=(4, 3))
    W, g = rng.uniform(-2, 2, (6, 5)), rng.standard_normal((6, 5))
    low, high = d.range
    by_array = combine_vjp(backend.array(g), d) * (2.0 / (high - low))
    assert np.allclose(backend.numpy(conductances_vjp(by_array, backend.array(W), d)), g, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conductances(np.full((2, 3), 1.5), Crossbar(w_max=1.0)), ValueError, "w_max, the end of the conductance range"),
        (lambda: conductances(np.full((2, 3), np.nan), Crossbar(w_max=1.0)), ValueError, "weights must lie within w_max"),
        (lambda: conductances(np.ones(3), Crossbar()), ValueError, "W must have at least 2 axes"),
        (lambda: conductances(np.ones((2, 2, 2)), Crossbar()), ValueError, r"W must be \(n_in, n_out\)"),
        (lambda: Crossbar(device="pmc"), ValueError, "the nearest is 'pcm'"),
        (lambda: Crossbar(weights="pair"), TypeError, "must be a DifferentialPair or an OffsetColumn"),
        (lambda: Crossbar(slices=2), ValueError, "need cell_bits"),
        (lambda: Crossbar(slices=0), ValueError, "slices must be 1 or more"),
        (lambda: Crossbar(cell_bits=0), ValueError, "cells must have 1 to 24 bits"),
        (lambda: Crossbar(OffsetColumn(), cell_bits=1), ValueError, "must have 2 to 24 bits, got 1"),
        (lambda: Crossbar(slices=7, cell_bits=4), ValueError, "must have 1 to 24 bits, got 28"),
        (lambda: Crossbar(tile=(0, 3)), ValueError, "tile must be"),
        (lambda: Crossbar(OffsetColumn(), tile=(8, 1)), ValueError, r"at least \(1, 2\)"),
        (lambda: Crossbar(w_max=-1.0), ValueError, "w_max must be positive"),
        (lambda: Crossbar(v_max=0.0), ValueError, "v_max must be positive"),
        (lambda: Crossbar(input_scale="max"), ValueError, "input_scale, if not 'absmax', must be positive"),
        (lambda: Crossbar(bound_rounds=2), ValueError, "bound_rounds need an ADC"),
        (lambda: Crossbar(bound_rounds=2, chain=Chain(dac=BitSerial(), adc=ADC())), ValueError, "bound_rounds need an ADC"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
