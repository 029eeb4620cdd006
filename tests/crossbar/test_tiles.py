"""What belongs to single columns and cells is cut as the tiles are: offsets, ranges of converters, what was programmed."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import (
    ADC,
    Chain,
    Crossbar,
    DifferentialPair,
    GaussianNoise,
    OffsetColumn,
    aged,
    conductances,
    program_weights,
)

KEY = pnn.random.key(21)
TILE = (5, 4)


@pytest.mark.parametrize("mapping", [DifferentialPair(), OffsetColumn()])
@pytest.mark.parametrize("what", ["offset", "range"])
def test_offsets_and_ranges_of_single_columns(backend, mapping, what: str, rng: np.random.Generator) -> None:
    """Written out: every tile of rows converts, column by column with its own figures, and then codes are added."""
    x, W = rng.uniform(-1, 1, (6, 13)), rng.uniform(-1, 1, (13, 11))
    d = Crossbar(mapping, tile=TILE, w_max=1.0, input_scale=1.0)
    G = conductances(W, d)
    own = rng.uniform(2e-6, 9e-6, (len(G), G.shape[2]))
    chain = Chain(offset=backend.array(own)) if what == "offset" else Chain(adc=ADC(6, backend.array(own)))
    described = Crossbar(mapping, tile=TILE, w_max=1.0, input_scale=1.0, chain=chain)
    got = backend.numpy(crossbar.apply(backend.array(x), program_weights(backend.array(W), described), described))
    total = np.zeros((6, 11))
    for row in range(0, 13, 5):
        I = np.stack([0.2 * x[:, row : row + 5] @ g[row : row + 5] for g in G])
        if what == "offset":
            I = I + own[:, None]
        else:
            I = np.clip(np.rint(I / (own[:, None] / 31)), -31, 31) * (own[:, None] / 31)
        if isinstance(mapping, DifferentialPair):
            total += I[0] - I[1]
            continue
        for outputs, columns in d.blocks(11):
            total[:, outputs] += 2 * (I[0][:, columns.start : columns.stop - 1] - I[0][:, columns.stop - 1 : columns.stop])
    assert np.allclose(got, total / (0.2 * 25e-6), rtol=1e-9, atol=1e-12)


def test_read_noise_of_aged_cells_in_tiles(backend, rng: np.random.Generator) -> None:
    """The variance of every output is the sum over its own cells, by what each was programmed to."""
    reads, time, W = 4000, 3e7, rng.uniform(0.1, 1, (10, 7))
    pcm = crossbar.PCM(programming=(0.0,), exponent_std=(0.0, 0.0, 0.0, 0.0))
    d = Crossbar(device=pcm, tile=TILE, w_max=1.0, input_scale=1.0, chain=Chain(noise=GaussianNoise(device=pcm)))
    state = aged(program_weights(backend.array(W), d, key=KEY), d, time=time, key=KEY)
    y = backend.numpy(crossbar.apply(backend.array(np.ones((reads, 10))), state, d, key=KEY))
    nu = np.clip(-0.0155 * np.log(W) + 0.0244, 0.049, 0.1)
    q = np.minimum(0.0088 / W**0.65, 0.2) * np.sqrt(np.log((time + 20) / 500e-9))
    variance = ((W * ((time + 20) / 20) ** -nu * q) ** 2).sum(0)
    assert np.abs(y.var(0) / variance - 1).max() < 4.5 * np.sqrt(2 / reads)
