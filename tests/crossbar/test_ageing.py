"""Layers and networks that age: read noise by what was programmed, cells that are stuck, compensation by noisy reads. Truth: closed forms."""

import dataclasses

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import PCM, Chain, Crossbar, GaussianNoise, Layer, aged, conductances, drift, program_weights
from pnnkern.systems import CrossbarNetwork
from pnnkern.testing import check_vjp

KEY = pnn.random.key(91)
SIGMAS = 4.5
YEAR = 365.25 * 86400.0
EVEN = PCM(programming=(0.0,), exponent_std=(0.0, 0.0, 0.0, 0.0))  # programmed exactly, every cell with the mean exponent


def sigma_of_pcm(g: float, time: float) -> float:
    """Siemens, of a cell programmed to g microsiemens: nu and Q are those of g, the fluctuation is relative to what is left of it."""
    r = g / 25
    nu = min(max(-0.0155 * np.log(r) + 0.0244, 0.049), 0.1)
    left = g * 1e-6 * ((time + 20) / 20) ** -nu
    return left * min(0.0088 / r**0.65, 0.2) * np.sqrt(np.log((time + 20 + 250e-9) / 500e-9))


def single_cell(noise: object = None, **options: object) -> Crossbar:
    chain = Chain(noise=GaussianNoise(device=EVEN) if noise is None else noise)
    return Crossbar(device=EVEN, w_max=1.0, input_scale=1.0, chain=chain, **options)


def test_the_closed_form() -> None:
    assert sigma_of_pcm(12.5, YEAR) == pytest.approx(4.84e-7, rel=2e-3)


@pytest.mark.parametrize(("g", "time"), [(12.5, YEAR), (3.0, YEAR), (12.5, 3600.0), (12.5, 0.0)])
def test_read_noise_of_an_aged_layer_goes_by_what_was_programmed(backend, g: float, time: float) -> None:
    d, reads = single_cell(), 20_000
    W, x = np.full((1, 1), g / 25), np.ones((reads, 1))
    state = aged(program_weights(backend.array(W), d, key=KEY), d, time=time, key=KEY)
    y = backend.numpy(crossbar.apply(backend.array(x), state, d, key=KEY)) * 25e-6  # an output of 1 is g_max
    assert abs(y.std() / sigma_of_pcm(g, time) - 1) < SIGMAS / np.sqrt(2 * reads)


def test_an_hand_drifted_state_remembers_what_was_programmed() -> None:
    plain, reads = single_cell(), 20_000
    state = program_weights(np.full((1, 1), 0.5), plain, key=KEY)
    old = state | {"G": drift(state["G"], time=YEAR, device=EVEN, key=KEY)}
    y = crossbar.apply(np.ones((reads, 1)), old, single_cell(GaussianNoise(device=EVEN, time=YEAR)), key=KEY) * 25e-6
    assert abs(y.std() / sigma_of_pcm(12.5, YEAR) - 1) < SIGMAS / np.sqrt(2 * reads)


@pytest.mark.parametrize("time", [0.0, 3600.0, YEAR])
def test_read_noise_of_a_network_is_that_of_its_age(backend, time: float) -> None:
    w = {"w0": np.array([[0.5], [0.0]], np.float32)}
    network = CrossbarNetwork(
        inputs=1, hidden=(), outputs=1, parameters=w, hardware=dataclasses.replace(single_cell(), input_scale="absmax"), key=KEY,
        device=backend.device,
    )  # fmt: skip
    network.parameters["w0"] = backend.array(w["w0"])
    reads = 20_000
    y = backend.numpy(network.aged(time).forward(backend.array(np.ones((reads, 1), np.float32)), KEY)) * 25e-6
    assert abs(y.std() / sigma_of_pcm(12.5, time) - 1) < SIGMAS / np.sqrt(2 * reads)


@pytest.mark.parametrize("frozen", [False, True])
def test_read_takes_what_was_programmed(backend, frozen: bool) -> None:
    G, reads, time = np.full((1, 200), 12.5e-6), 200, YEAR
    later = drift(G, time=time, device=EVEN, key=KEY)
    noise = GaussianNoise(device=EVEN, time=time, frozen=frozen)
    V = backend.array(np.ones((1 if frozen else reads, 1)))
    I = backend.numpy(crossbar.read(V, backend.array(later), noise=noise, programmed=backend.array(G), key=KEY))
    assert abs(I.std() / sigma_of_pcm(12.5, time) - 1) < SIGMAS / np.sqrt(2 * I.size)
    with pytest.raises(ValueError, match=r"read noise of PCM goes by the conductances that were programmed.*give programmed="):
        crossbar.read(V, backend.array(later), noise=noise, key=KEY)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("time", [0.0, YEAR])
def test_derivatives_of_aged_reads(backend, time: float, frozen: bool, rng: np.random.Generator) -> None:
    """What was programmed is held; at the time 0 without it, it is G itself."""
    V, G = backend.array(rng.uniform(-0.2, 0.2, (4, 5))), rng.uniform(4e-6, 12e-6, (5, 6))
    programmed = backend.array(2 * G) if time else None
    noise = GaussianNoise(device="pcm", time=time, frozen=frozen)
    check_vjp(
        crossbar.read, crossbar.read_vjp, V, backend.array(G), wrt=("V", "G"), steps={"V": 1e-4, "G": 1e-10}, rtol=1e-4, noise=noise,
        programmed=programmed, key=KEY, sample=5,
    )  # fmt: skip


def test_an_aged_state_is_drifted_from_the_programmed_one(rng: np.random.Generator) -> None:
    d, W = Crossbar(device="pcm"), rng.uniform(-1, 1, (8, 5))
    fresh = program_weights(W, d, key=KEY)
    day = aged(fresh, d, time=86400.0, key=KEY, target=conductances(W, d))
    assert np.array_equal(day["G"], drift(fresh["G"], time=86400.0, key=KEY, target=conductances(W, d)))
    assert day["programmed"] is fresh["G"]
    for state in (fresh, day, aged(day, d, time=60.0, key=KEY)):
        again = aged(state, d, time=86400.0, key=KEY, target=conductances(W, d))
        assert np.array_equal(again["G"], day["G"])
        assert again["time"] == 86400.0
    noisy = Crossbar(device="pcm", chain=Chain(noise=GaussianNoise(device="pcm", time=60.0)))
    with pytest.raises(ValueError, match="the noise is that of 60 s after programming, and the state is 86400 s old"):
        Layer(day, noisy)


# ----------------------------------------------------------------------------------------------------------------------- stuck
@pytest.mark.parametrize("device", ["pcm", "reram", "rram", "sonos"])
def test_stuck_cells_stay_at_every_age(backend, device: str, rng: np.random.Generator) -> None:
    """At g_min and g_max, whatever was meant for them; cells beside them move as without stuck ones."""
    W = rng.uniform(-1, 1, (20, 15))
    d = Crossbar(device=device, stuck_low=0.2, stuck_high=0.2)
    free = Crossbar(device=device)
    there = backend.array(W)
    states = [program_weights(there, how, key=KEY) for how in (d, free)]
    later, other = (
        backend.numpy(aged(s, how, time=YEAR, key=KEY, target=conductances(there, how))["G"]) for s, how in zip(states, (d, free), strict=True)
    )
    stuck, before = backend.numpy(states[0]["stuck"]), backend.numpy(states[0]["G"])
    assert 0.3 < stuck.mean() < 0.5
    assert np.isin(before[stuck], d.range).all()
    assert np.array_equal(later[stuck], before[stuck])
    assert np.array_equal(later[~stuck], other[~stuck])
    moving = ~stuck & (before > 0)
    assert (later[moving] != before[moving]).all()


def test_stuck_cells_of_a_network_stay(rng: np.random.Generator) -> None:
    network = CrossbarNetwork(inputs=9, hidden=(), outputs=6, key=KEY, hardware=Crossbar(device="pcm", stuck_low=0.2, stuck_high=0.2))
    young, old = network.conductances(0), network.aged(YEAR).conductances(0)
    stuck = np.isin(young, np.float32([0, 25e-6]))
    assert stuck.any()
    assert np.array_equal(old[stuck & (young > 0)], young[stuck & (young > 0)])
    assert (old[~stuck] < young[~stuck]).all()


# ---------------------------------------------------------------------------------------------------------------- compensation
@pytest.mark.parametrize("relative", [0.05, 0.2])
@pytest.mark.parametrize("per_column", [False, True])
def test_compensation_by_noisy_reads(relative: float, per_column: bool, rng: np.random.Generator) -> None:
    """Cells that have kept 1 / 2.04, read before and after with noise of 5 and 20 % of g_max: two reads find 2.04, one read less."""
    true, tests = 2.04, 4000
    G = rng.uniform(0, 25e-6, (2, 40, 6))
    V = rng.uniform(-0.2, 0.2, (tests, 40))

    def reads(share: float) -> np.ndarray:
        noise = relative * 25e-6 * rng.standard_normal((2, 2, tests, 6)) * np.sqrt((V**2).sum(1))[:, None]
        clean = np.stack([V @ g for g in share * G])
        return (clean[0] + noise[0]) - (clean[1] + noise[1])

    found = [
        crossbar.drift_compensation(*((reads(1.0), reads(1 / true)) if two else (reads(1.0)[0], reads(1 / true)[0])), per_column=per_column,
                                    estimator="two-reads" if two else "absolute") for two in (True, False) for _ in range(12)
    ]  # fmt: skip
    two, one = np.array(found[:12]), np.array(found[12:])
    error = two.std(axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(two.mean(axis=0) - true) < SIGMAS * error + 1e-3).all()
    assert error.max() < 0.02
    assert (one.mean(axis=0) < (2.0 if relative == 0.05 else 1.5)).all()


@pytest.mark.parametrize("compensation", ["global", "column"])
def test_compensation_of_a_network_is_not_biased_by_its_noise(backend, compensation: str, rng: np.random.Generator) -> None:
    """Every cell with the same exponent: the factor is (t / t0 + 1)^nu, at any noise. The reads are independent of each other."""
    one_nu = PCM(programming=(0.0,), exponent_mean=(0.0, 0.05, 0.0, 1.0), exponent_std=(0.0, 0.0, 0.0, 0.0))
    hardware = Crossbar(device=one_nu, chain=Chain(noise=GaussianNoise(sigma=0.2 * 25e-6)))
    network = CrossbarNetwork(
        inputs=20, hidden=(), outputs=3, key=KEY, hardware=hardware, device=backend.device, dtype="float64"
    )
    network.calibrate(backend.array(rng.random((8000, 20))))
    factor = backend.numpy(network.aged(YEAR, compensation)._ready(0, network.parameters["w0"])[1])
    true = (YEAR / 20 + 1) ** 0.05
    assert true == pytest.approx(2.04, abs=0.005)
    assert np.abs(factor / true - 1).max() < 0.06

