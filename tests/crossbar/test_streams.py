"""What must differ: noise of tiles, arrays, chips, keys and samples are streams of their own. Truth: correlations of independent draws."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import ADC, DAC, Chain, Crossbar, GaussianNoise, LognormalNoise, apply, calibrate, program_weights

KEY = pnn.random.key(8)
SIGMAS = 4.5
READS = 4000


def noise_of(backend, chain: Chain, tile: tuple[int, int], shape: tuple[int, int] = (6, 4)) -> np.ndarray:
    """(reads, n_out): what the noise adds to the outputs of equal weights and equal inputs, relative to its size."""
    d = Crossbar(tile=tile, w_max=1.0, input_scale=1.0, chain=chain)
    state = program_weights(backend.array(np.full(shape, 0.5)), d)
    y = backend.numpy(apply(backend.array(np.ones((READS, shape[0]))), state, d, key=KEY))
    return y - y.mean(0)


CHAINS = {
    "gaussian": Chain(noise=GaussianNoise(relative=0.1)), "by-cell": Chain(noise=LognormalNoise(0.1)), "output": Chain(output_noise=1e-7),
    "wires": Chain(noise=GaussianNoise(relative=0.1), wires=1e-3), "adc": Chain(adc=ADC(None, 1e-3, noise=1e-7)),
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS)
def test_tiles_beside_each_other_have_noise_of_their_own(backend, chain: str) -> None:
    noise = noise_of(backend, CHAINS[chain], (6, 2))
    correlation = np.corrcoef(noise.T) - np.eye(4)
    assert np.abs(correlation).max() < SIGMAS / np.sqrt(READS)
    assert (noise.std(0) > 0).all()


@pytest.mark.parametrize("chain", CHAINS)
def test_variances_of_tiles_on_the_same_outputs_add(backend, chain: str) -> None:
    """Three tiles of two rows: for noise of the cells as one tile of six, for noise of an output three times as much."""
    cut, whole = (noise_of(backend, CHAINS[chain], tile).var(0) for tile in ((2, 4), (6, 4)))
    times = 3 if chain in ("output", "adc") else 1
    assert np.abs(cut / whole / times - 1).max() < 2 * SIGMAS * np.sqrt(2 / READS)


def test_dac_noise_of_tiles(backend) -> None:
    """Each tile has drivers of its own: its noise is drawn for each tile along the columns, too."""
    noise = noise_of(backend, Chain(dac=DAC(None, noise=0.01)), (6, 2))
    correlation = np.corrcoef(noise.T)
    assert correlation[0, 1] > 0.999  # columns of one tile share their lines
    assert np.abs(correlation[:2, 2:]).max() < SIGMAS / np.sqrt(READS)


def test_chips_are_stuck_in_other_cells(backend) -> None:
    d, W = Crossbar(device="pcm", stuck_low=0.1, stuck_high=0.05), backend.array(np.full((40, 30), 0.5))
    chips = [program_weights(W, d, key=key, sample=n) for key, n in ((KEY, 0), (KEY, 1), (pnn.random.key(9), 0), (KEY, 0))]
    stuck = [backend.numpy(s["stuck"]) for s in chips]
    chance = stuck[0].mean() ** 2
    assert np.array_equal(stuck[0], stuck[3])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = (stuck[a] & stuck[b]).mean()
        assert abs(both - chance) < SIGMAS * np.sqrt(chance / stuck[0].size)
    assert abs(np.mean(stuck[0][0] & stuck[0][1]) - chance) < SIGMAS * np.sqrt(chance / stuck[0][0].size)  # nor the cells of one pair


def test_chips_are_programmed_and_drift_on_their_own(backend) -> None:
    d, W = Crossbar(device="pcm"), backend.array(np.full((40, 30), 0.5))
    states = [program_weights(W, d, key=KEY, sample=n) for n in (0, 1)]
    G = [backend.numpy(s["G"])[0] for s in states]
    old = [backend.numpy(crossbar.aged(s, d, time=3600.0, key=KEY, sample=n)["G"])[0] for n, s in enumerate(states)]
    nu = [np.log(b / a) for a, b in zip(G, old, strict=True)]
    for one, other in ((G[0], G[1]), (nu[0], nu[1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < SIGMAS / np.sqrt(one.size)


# ----------------------------------------------------------------------------------------------------------------- calibration
@pytest.mark.parametrize("per_column", [False, True])
def test_calibration_by_a_quantile(backend, per_column: bool, rng: np.random.Generator) -> None:
    x, W = rng.standard_normal((200, 9)), rng.standard_normal((9, 5))
    d = Crossbar(chain=Chain(adc=ADC(9)))
    state = program_weights(backend.array(W), d)
    found = backend.numpy(calibrate(backend.array(x), state, d, quantile=0.9, per_column=per_column)["adc_range"])
    V = x / np.abs(x).max(1, keepdims=True) * 0.2
    I = np.abs(np.stack([V @ g for g in backend.numpy(state["G"])]))
    expected = np.quantile(I, 0.9, axis=1)[None] if per_column else np.quantile(I, 0.9)
    assert np.allclose(found, expected, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------- samples and arrays
@pytest.mark.parametrize("device", ["pcm", "reram"])
def test_batches_flicker_on_their_own(backend, device: str) -> None:
    G = backend.array(np.full((50, 40), 15e-6))
    one, other = (backend.numpy(crossbar.flicker(G, time=0.0 if device == "pcm" else 60.0, device=device, key=KEY, sample=n)) for n in (0, 1))
    assert one.std() > 0
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < SIGMAS / np.sqrt(one.size)


@pytest.mark.parametrize("device", ["pcm", "reram", "rram", "sonos"])
def test_chips_relax_on_their_own(backend, device: str) -> None:
    G = backend.array(np.full((50, 40), 12e-6))
    one, other = (backend.numpy(crossbar.drift(G, time=1e5, device=device, key=KEY, sample=n)) for n in (0, 1))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < SIGMAS / np.sqrt(one.size)


@pytest.mark.parametrize("wires", [None, 1e-3])
def test_arrays_on_the_same_inputs_have_noise_of_their_own(backend, wires: float | None) -> None:
    G, V = backend.array(np.full((2, 5, 3), 1e-5)), backend.array(np.ones((READS, 5)))
    I = backend.numpy(crossbar.read(V, G, noise=GaussianNoise(relative=0.1), wires=wires, key=KEY))
    for j in range(3):
        assert abs(np.corrcoef(I[0, :, j], I[1, :, j])[0, 1]) < SIGMAS / np.sqrt(READS)


def test_samples_that_are_read_again_have_fresh_noise(backend) -> None:
    """At the end of the range noise decides who is read again; were it the same noise, these would come out too large."""
    sigma, g = 0.05, 12.5e-6
    d = Crossbar(
        w_max=1.0, input_scale=1.0, bound_rounds=1, chain=Chain(noise=GaussianNoise(sigma=sigma * g), adc=ADC(16, 0.2 * g)),
    )  # fmt: skip
    state = program_weights(backend.array(np.full((1, 1), 0.5)), d)
    layer = crossbar.Layer(state, d)
    y, _, again = (backend.numpy(v) for v in layer._managed(backend.array(np.ones((READS, 1))), KEY, 0))
    chosen = y[again == 1, 0] / 0.5 - 1
    # G- at 0 is read with the same noise, and it is cut by no range
    error = np.sqrt(2) * sigma / np.sqrt(len(chosen))
    assert 0.3 * READS < len(chosen) < 0.7 * READS
    assert abs(chosen.mean()) < SIGMAS * error
