"""Populations: the passes of many members at once are those of one after another, each with the noise of its own number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern import _array, random
from pnnkern._updates import dense
from pnnkern.crossbar import ADC, DAC, Chain, Crossbar, GaussianNoise
from pnnkern.learning import SPSA, Batch, SquareError, one_step
from pnnkern.networks import TransistorNetwork, graphs
from pnnkern.optics import _layer
from pnnkern.systems import (
    D2NN,
    DRN,
    BoltzmannMachine,
    ConvolutionalHopfield,
    CrossbarNetwork,
    Hopfield,
    IsingMachine,
    NonlinearCircuit,
    OscillatorMachine,
    ResistorCircuit,
    SpringNetwork,
    protocols,
)  # fmt: skip
from pnnkern.systems.d2nn import Geometry, Imperfections

KEY = random.key(4)
PCM = Crossbar(device="pcm", chain=Chain(noise=GaussianNoise(device="pcm"), dac=DAC(8, 0.2), adc=ADC(8, 1e-4)))
MISBUILT = Imperfections(misalignment=1e-4, levels=16, height_error=1e-5)


def diffractive(size: int = 24, **options: Any) -> D2NN:
    geometry = Geometry(layers=2, size=size, detector_size=2, input_size=size // 2, outputs=3)
    return D2NN(geometry=geometry, key=KEY, **options)


def circuit(nodes: int = 25, **options: Any) -> ResistorCircuit:
    edges = graphs.disordered(nodes, 5.0, random.key(0))
    return ResistorCircuit(edges=edges, n_nodes=nodes, features=16, outputs=3, key=KEY, complement=False, spread=0.2, **options)


def transistors(**options: Any) -> NonlinearCircuit:
    return NonlinearCircuit(network=TransistorNetwork(graphs.lattice(5, 6), 30), features=16, outputs=3, key=KEY, **options)


def springs(**options: Any) -> SpringNetwork:
    edges, positions = graphs.triangular(5, 6)
    return SpringNetwork(edges=edges, positions=positions, features=16, outputs=3, complement=False, key=KEY, **options)


SMALL: dict[str, Any] = {"inputs": 16, "outputs": 3, "key": KEY}

# name: how it is made, and how far a population may be from the loop, relative to the largest output; 0 is to the last bit
SYSTEMS: dict[str, tuple[Callable[..., Any], float]] = {
    "d2nn": (lambda **o: diffractive(chunk=10, **o), 0.0),
    "d2nn, odd, pieces of a batch": (lambda **o: diffractive(23, chunk=2, dtype="float64", **o), 0.0),
    "d2nn, fused": (lambda **o: diffractive(128, chunk=10, **o), 0.0),
    "d2nn, misbuilt": (lambda **o: diffractive(imperfections=MISBUILT, **o), 0.0),
    "d2nn, oversampled": (lambda **o: diffractive(12, **o).variant(oversample=2), 0.0),
    "resistor-network": (circuit, 1e-12),
    "resistor-network, float64": (lambda **o: circuit(dtype="float64", **o), 1e-12),
    "resistor-network, larger": (lambda **o: circuit(201, **o), 1e-12),
    "crossbar": (lambda **o: CrossbarNetwork(inputs=16, hidden=[5], outputs=3, key=KEY, **o), 0.0),
    "crossbar, deep": (lambda **o: CrossbarNetwork(inputs=16, hidden=[5, 7], outputs=3, activation="relu", dtype="float64", key=KEY, **o), 0.0),
    "crossbar, hardware": (lambda **o: CrossbarNetwork(inputs=16, hidden=[5], outputs=3, hardware=PCM, key=KEY, **o), 0.0),
    "hopfield": (lambda **o: Hopfield(hidden=(5,), **SMALL, **o), 0.0),
    "hopfield, tanh, to a tolerance": (lambda **o: Hopfield(hidden=(7,), activation="tanh", tolerance=1e-6, sweeps=200, **SMALL, **o), 0.0),
    "hopfield, deep": (lambda **o: Hopfield(hidden=(5, 7), activation="sigmoid", **SMALL, **o), 0.0),
    "hopfield, softmax": (lambda **o: Hopfield(hidden=(5, 4), readout="softmax", **SMALL, **o), 0.0),
    "hopfield, its own way back": (lambda **o: Hopfield(hidden=(5, 4), feedback="separate", dtype="float64", **SMALL, **o), 0.0),
    "hopfield, outputs alone": (lambda **o: Hopfield(hidden=(), **SMALL, **o), 0.0),
    "drn": (lambda **o: DRN(hidden=(5,), gain=3.0, **SMALL, **o), 0.0),
    "drn, deep": (lambda **o: DRN(hidden=(5, 4), gain=3.0, dtype="float64", **SMALL, **o), 0.0),
    "hopfield-conv": (lambda **o: ConvolutionalHopfield(maps=(2,), outputs=3, height=4, width=4, key=KEY, **o), 0.0),
    "boltzmann": (lambda **o: BoltzmannMachine(hidden=(5,), **SMALL, **o), 0.0),
    "ising": (lambda **o: IsingMachine(hidden=(5,), sweeps=7, **SMALL, **o), 0.0),
    "oscillators": (lambda **o: OscillatorMachine(hidden=(5,), **SMALL, **o), 0.0),
    "spring-network": (springs, 0.0),
    "transistor-network": (transistors, 0.0),
}


def population(system: Any, members: int = 3) -> dict[str, Any]:
    """Parameters up to a fifth larger or smaller than the system's own."""
    rng, xp = np.random.default_rng(2), _array.device_namespace(system.device)
    spread = {name: xp.asarray(rng.uniform(0.8, 1.2, (members, *p.shape)).astype(p.dtype)) for name, p in system.parameters.items()}
    return {name: (factor * system.parameters[name]).astype(factor.dtype) for name, factor in spread.items()}


def encoded(system: Any, batch: int = 5) -> Any:
    return system.encode(np.random.default_rng(3).random((batch, 4, 4)))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_population_is_its_members(backend, name: str) -> None:
    make, far = SYSTEMS[name]
    system = make(device=backend.device)
    inputs, parameters = encoded(system), population(system)
    before = {n: backend.numpy(p).copy() for n, p in system.parameters.items()}
    got = backend.numpy(system.forward_population(inputs, parameters, KEY, 7, first=5))
    one = backend.numpy(protocols.population(system, inputs, parameters, KEY, 7, first=5))
    assert (got.shape, got.dtype) == (one.shape, one.dtype)
    assert np.abs(got - one).max() <= far * np.abs(one).max()
    assert np.abs(one[0] - one[1]).max() > 1e-3 * np.abs(one).max()  # members differ
    assert all((backend.numpy(p) == before[n]).all() for n, p in system.parameters.items())


@pytest.mark.parametrize("name", ["boltzmann", "ising", "crossbar, hardware", "d2nn", "hopfield"])
def test_noise_is_that_of_the_members_number(name: str) -> None:
    """Member m is the system with its parameters, and the key of its number."""
    make, far = SYSTEMS[name]
    inputs, parameters = encoded(make(device="cpu")), population(make(device="cpu"))
    got = make(device="cpu").forward_population(inputs, parameters, KEY, 7, first=[5, 0, 9])
    for m, number in enumerate((5, 0, 9)):
        system = make(device="cpu")
        system.parameters.update({n: p[m] for n, p in parameters.items()})
        alone = system.forward(inputs, random.fold_in(KEY, number), 7)
        assert np.abs(got[m] - alone).max() <= far * np.abs(alone).max()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_share_of_a_population(name: str) -> None:
    """Some of the members, by their numbers, give what they give among all; so does a part of the parameters."""
    make, far = SYSTEMS[name]
    system = make(device="cpu")
    inputs, parameters = encoded(system), population(system)
    whole = system.forward_population(inputs, parameters, KEY)
    for first, some in ((1, slice(1, 3)), ([2, 0], [2, 0])):
        part = system.forward_population(inputs, {n: p[some] for n, p in parameters.items()}, KEY, first=first)
        assert np.abs(part - whole[some]).max() <= far * np.abs(whole).max()
    last = max(parameters)
    got = system.forward_population(inputs, {last: parameters[last]}, KEY)
    assert np.abs(got - protocols.population(system, inputs, {last: parameters[last]}, KEY)).max() <= far * np.abs(got).max()


@pytest.mark.parametrize("name", SYSTEMS)
def test_members_that_are_none(name: str) -> None:
    system = SYSTEMS[name][0](device="cpu")
    inputs, parameters = encoded(system, 2), population(system, 2)
    for first, error, message in (
        (0.5, TypeError, "first must be the number of the first member"), (-1, ValueError, "first must be a number of at least 0"),
        ([0, 1, 2], ValueError, "such numbers of all 2 members"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            system.forward_population(inputs, parameters, KEY, first=first)
    with pytest.raises(ValueError, match="is no parameter of"):
        system.forward_population(inputs, {"nothing": next(iter(parameters.values()))}, KEY)
    with pytest.raises(ValueError, match=r"of a population must be .* got"):
        system.forward_population(inputs, {n: p[:, :1] for n, p in parameters.items()}, KEY)


@pytest.mark.parametrize("name", [name for name in SYSTEMS if "drn" not in name])  # whose conductances may not fall below 0
def test_perturbations_find_what_they_find_in_a_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simultaneous perturbation: the same bits where outputs are the same, else as near as the differences of losses are."""
    make, far = SYSTEMS[name]
    size = 1e-5 if "resistor" in name else 1e-2
    updates = []
    for looped in (False, True):
        system = make(device="cpu")
        if looped:
            monkeypatch.setattr(type(system), "forward_population", protocols.population)
        rule = SPSA(SquareError(1.0, 0.0), size, directions=2)
        found, _ = one_step(rule, system, Batch(encoded(system, 3), np.array([0, 2, 1])), KEY)
        updates.append({n: dense(update) for n, update in found.items()})
    for n, one in updates[0].items():
        assert np.abs(one - updates[1][n]).max() <= far / size * np.abs(one).max()
        assert np.abs(one).max() > 0


# ------------------------------------------------------------------------------------------------------------- work on a device
@pytest.mark.parametrize("size", [24, 128])  # library transforms, and the fused chain
def test_masks_of_all_members_go_through_one_launch(cupy, size: int) -> None:
    """As many launches for 12 members as for one where they fit a chunk, and as many again for each chunk more."""
    system = diffractive(size, chunk=60, device="cuda")
    inputs = encoded(system)

    def launches(members: int) -> int:
        parameters = population(system, members)
        with strict_cupy.counted() as events, strict_cupy.dry():
            system.forward_population(inputs, parameters)
        return strict_cupy.totals(events)["launches"]

    launches(1)  # makes the tables
    assert launches(12) == launches(1)
    assert launches(24) == 2 * launches(1)


def test_spectra_of_a_batch_that_the_cache_does_not_hold(cupy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a batch have spectra of their own in front of the first mask."""
    monkeypatch.setattr(_layer, "STATE", 2 * 128 * 256 * 8)
    system = diffractive(128, chunk=36, device="cuda")
    inputs, parameters = encoded(system), population(system)
    got, one = (
        _array.to_numpy(run(inputs, parameters)) for run in (system.forward_population, lambda *of: protocols.population(system, *of))
    )
    np.testing.assert_array_equal(got, one)


@pytest.mark.parametrize("name", ["crossbar", "hopfield", "hopfield, deep", "drn", "drn, deep", "resistor-network", "resistor-network, larger"])
def test_members_do_not_ask_more_of_a_gpu(cupy, name: str) -> None:
    """As many launches, operations and copies for 9 members as for 2, and no more waits."""
    system = SYSTEMS[name][0](device="cuda")
    inputs, found = encoded(system), []
    for members in (2, 9):
        parameters = population(system, members)
        system.forward_population(inputs, parameters)  # brings there what does not change
        with strict_cupy.counted() as events:
            system.forward_population(inputs, parameters)
        found.append(strict_cupy.totals(events))
    assert found[0] == found[1]
