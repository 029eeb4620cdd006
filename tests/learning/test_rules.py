"""Rules that know protocols only: on a two-layer network written here, where every update can be said in a line, and on a D2NN."""

from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern._updates import dense
from pnnkern.learning import (
    PEPG,
    SGD,
    SPSA,
    Batch,
    DirectFeedback,
    HardwareAware,
    InSilico,
    Logits,
    PhysicsAware,
    SquareError,
    feedback_matrix,
    one_step,
)  # fmt: skip
from pnnkern.systems import D2NN, Factors, protocols, writers
from pnnkern.systems.d2nn import Geometry, Imperfections

KEY = pnn.random.key(3)


class TwoLayers:
    """outputs = gain * tanh(x W1) W2; the built one has another gain in the first layer than its twin."""

    def __init__(self, gain: float = 1.0) -> None:
        rng = np.random.default_rng(1)
        self.parameters = {"W1": rng.normal(size=(5, 7)), "W2": rng.normal(size=(7, 3))}
        self.gain = gain

    def _pass(self, x: np.ndarray, gain: float) -> tuple[np.ndarray, Any]:
        h = np.tanh(gain * x @ self.parameters["W1"])
        return h @ self.parameters["W2"], (x, h)

    def forward(self, inputs: np.ndarray, key: Any = None, sample: Any = 0) -> np.ndarray:
        return self._pass(inputs, self.gain)[0]

    def forward_population(self, inputs: np.ndarray, parameters: dict, key: Any = None, sample: Any = 0) -> np.ndarray:
        return protocols.population(self, inputs, parameters, key, sample)

    def forward_saving(self, inputs: np.ndarray) -> tuple[np.ndarray, Any]:
        return self._pass(inputs, 1.0)

    def measure(self, inputs: np.ndarray, key: Any = None, sample: Any = 0) -> tuple[np.ndarray, Any]:
        return self._pass(inputs, self.gain)

    def vjp(self, cotangent: np.ndarray, record: Any) -> dict[str, Any]:
        below = cotangent @ self.parameters["W2"].T
        return self.layer_vjp(0, below, record) | self.layer_vjp(1, cotangent, record)

    def hidden_outputs(self, record: Any) -> list[np.ndarray]:
        return [record[1]]

    def layer_vjp(self, layer: int, cotangent: np.ndarray, record: Any) -> dict[str, Any]:
        x, h = record
        return {"W2": Factors(h, cotangent)} if layer else {"W1": Factors(x, cotangent * (1 - h**2))}


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(11, 5)), np.arange(11) % 3


def numeric(system: Any, loss: Any, batch: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Central differences of the loss of `forward`."""
    gradients = {}
    for name, p in system.parameters.items():
        g = np.empty_like(p)
        for i in np.ndindex(p.shape):
            values = []
            for sign in (1, -1):
                p[i] += sign * 1e-5
                values.append(loss(system.forward(batch[0]), batch[1])[0])
                p[i] -= sign * 1e-5
            g[i] = (values[0] - values[1]) / 2e-5
        gradients[name] = g
    return gradients


@pytest.mark.parametrize("loss", [Logits(0.7), SquareError(1.0, -1.0)])
@pytest.mark.parametrize("rule", [InSilico, PhysicsAware])
def test_gradients_are_exact_where_the_twin_is(rule: Any, loss: Any, batch: tuple[np.ndarray, np.ndarray]) -> None:
    system = TwoLayers()
    updates, metrics = one_step(rule(loss), system, Batch(*batch))
    for name, expected in numeric(system, loss, batch).items():
        np.testing.assert_allclose(dense(updates[name]), expected, rtol=1e-6, atol=1e-9)
    assert metrics["loss"] == pytest.approx(loss(system.forward(batch[0]), batch[1])[0])


def test_physics_aware_training_sees_the_built_device(batch: tuple[np.ndarray, np.ndarray]) -> None:
    """The built device saturates twice as soon: its own loss falls under physics-aware steps, whose error is the measured one."""
    system = TwoLayers(gain=2.0)
    updates, metrics = one_step(PhysicsAware(Logits()), system, Batch(*batch))
    outputs, (x, h) = system.measure(batch[0])
    e = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True) - np.eye(3)[batch[1]]
    np.testing.assert_allclose(dense(updates["W2"]), h.T @ e, rtol=1e-12)
    np.testing.assert_allclose(dense(updates["W1"]), x.T @ (e @ system.parameters["W2"].T * (1 - h**2)), rtol=1e-12)
    assert metrics["loss"] != pytest.approx(Logits()(system.forward_saving(batch[0])[0], batch[1])[0])


def test_hardware_aware_training_shakes_the_twin(batch: tuple[np.ndarray, np.ndarray]) -> None:
    """The exact gradient at W + noise max|W| z; the parameters themselves stay as they are."""
    system, loss = TwoLayers(), Logits()
    before = {name: p.copy() for name, p in system.parameters.items()}
    updates, metrics = one_step(HardwareAware(loss, noise=0.1), system, Batch(*batch), KEY)
    assert all(np.array_equal(system.parameters[name], p) for name, p in before.items())
    moved = TwoLayers()
    for name, p in moved.parameters.items():
        z = pnn.random.normal(pnn.random.fold_in(KEY, name), (1, p.size), dtype=np.float64).reshape(p.shape)
        p += 0.1 * np.abs(p).max() * z
    for name, expected in numeric(moved, loss, batch).items():
        np.testing.assert_allclose(dense(updates[name]), expected, rtol=1e-6, atol=1e-9)
    assert metrics["loss"] == pytest.approx(loss(moved.forward(batch[0]), batch[1])[0])
    with pytest.raises(ValueError, match="needs a key"):
        one_step(HardwareAware(loss), system, Batch(*batch))


def test_direct_feedback(batch: tuple[np.ndarray, np.ndarray]) -> None:
    system, rule = TwoLayers(), DirectFeedback(Logits())
    updates, _ = one_step(rule, system, Batch(*batch), KEY)
    outputs, (x, h) = system.measure(batch[0])
    e = Logits()(outputs, batch[1])[1]
    B = feedback_matrix(KEY, 0, 3, h)
    assert B.shape == (3, 7)
    np.testing.assert_allclose(dense(updates["W2"]), h.T @ e, rtol=1e-12)
    np.testing.assert_allclose(dense(updates["W1"]), x.T @ (e @ B * (1 - h**2)), rtol=1e-12)
    again, _, _ = rule.step(system, {"key": KEY}, Batch(*batch), None)  # by the state alone, whatever the step's key
    assert np.array_equal(dense(again["W1"]), dense(updates["W1"]))
    many = feedback_matrix(KEY, 1, 40, np.empty((1, 5000), np.complex64))
    assert abs(many.std() ** 2 * 40 - 1) < 0.02
    assert abs((many.real**2).mean() / (many.imag**2).mean() - 1) < 0.03


def test_spsa_is_a_directional_derivative_along_signs(batch: tuple[np.ndarray, np.ndarray]) -> None:
    """g is the same slope times D_i = +-1 everywhere; over directions its mean is the gradient."""
    system, loss = TwoLayers(), Logits()
    exact = numeric(system, loss, batch)
    one, _ = one_step(SPSA(loss, c=1e-4, shrink=1.0), system, Batch(*batch), KEY)
    sizes = np.concatenate([np.abs(dense(g)).ravel() for g in one.values()])
    assert np.allclose(sizes, sizes[0])
    slope = sum(float((exact[n] * np.sign(dense(one[n]))).sum()) for n in exact)
    assert abs(slope) == pytest.approx(sizes[0], rel=1e-4)
    many, metrics = one_step(SPSA(loss, c=1e-3, directions=2000, shrink=1.0), system, Batch(*batch), KEY)
    assert metrics["loss"] == pytest.approx(loss(system.forward(batch[0]), batch[1])[0], rel=1e-3)
    spread = np.sqrt(sum((g**2).sum() for g in exact.values()) / 2000)
    for name, g in exact.items():
        assert np.abs(dense(many[name]) - g).max() < 5 * spread
    assert SPSA(loss, directions=3).passes == 6


@pytest.mark.parametrize("rule", [SPSA(Logits(), c=1e-4), SPSA(Logits(), c=1e-4, directions=5), PEPG(Logits(), sigma=1e-4, pairs=4)])
def test_estimates_are_as_long_as_the_gradient(rule: Any, batch: tuple[np.ndarray, np.ndarray]) -> None:
    """In the mean of squares, where nothing is said of their length; and the factor is their cosine with it."""
    system = TwoLayers()
    exact = np.concatenate([g.ravel() for g in numeric(system, Logits(), batch).values()])
    lengths, along = [], []
    for seed in range(150):
        updates, _ = one_step(rule, system, Batch(*batch), pnn.random.key(seed))
        found = np.concatenate([dense(g).ravel() for g in updates.values()])
        lengths.append(found @ found)
        along.append(found @ exact)
    assert np.mean(lengths) == pytest.approx(exact @ exact, rel=0.3)
    assert np.mean(along) / (exact @ exact) == pytest.approx(rule.fitted(system).shrink, rel=0.25)


def test_spsa_keeps_to_bounds(batch: tuple[np.ndarray, np.ndarray]) -> None:
    """At a bound to one side only, and still an estimate of the gradient; what cannot move has none."""
    seen: list[dict[str, np.ndarray]] = []

    class Bounded(TwoLayers):
        bounds = {"W1": (0.0, 2.0)}  # noqa: RUF012

        def forward_population(self, inputs: np.ndarray, parameters: dict, key: Any = None, sample: Any = 0) -> np.ndarray:
            seen.append(parameters)
            return super().forward_population(inputs, parameters, key, sample)

    system, loss = Bounded(), Logits()
    system.parameters["W1"] = np.abs(system.parameters["W1"]).clip(0, 2)
    system.parameters["W1"][0], system.parameters["W1"][1] = 0.0, 2.0
    exact = numeric(system, loss, batch)
    many, _ = one_step(SPSA(loss, c=1e-3, directions=4000, shrink=1.0), system, Batch(*batch), KEY)
    assert all((p["W1"] >= 0).all() and (p["W1"] <= 2).all() for p in seen)
    spread = 2 * np.sqrt(sum((g**2).sum() for g in exact.values()) / 4000)  # twice, where others move twice as far
    assert np.abs(dense(many["W1"]) - exact["W1"]).max() < 5 * spread
    assert np.corrcoef(dense(many["W1"])[:2].ravel(), exact["W1"][:2].ravel())[0, 1] > 0.7
    Bounded.bounds = {"W1": (0.5, 0.5)}
    system.parameters["W1"][:] = 0.5
    assert not dense(one_step(SPSA(loss), system, Batch(*batch), KEY)[0]["W1"]).any()


def test_rules_refuse_what_they_cannot_train(batch: tuple[np.ndarray, np.ndarray]) -> None:
    class Dark:
        parameters: dict = {}  # noqa: RUF012

    for rule in (InSilico(Logits()), PhysicsAware(Logits()), DirectFeedback(Logits()), SPSA(Logits())):
        with pytest.raises(CapabilityError, match=r"Dark has none.*list --matrix"):
            rule.init(Dark(), KEY)
    with pytest.raises(ValueError, match="needs a key"):
        one_step(SPSA(Logits()), TwoLayers(), Batch(*batch))
    with pytest.raises(ValueError, match=r"c of SPSA must be a finite number >= 0, got -1\.0"):
        SPSA(Logits(), c=-1.0)


def test_rules_train_a_diffractive_network_that_was_misbuilt(backend: Any) -> None:
    """Every rule runs on a D2NN; physics-aware steps lower the loss of the built network, of which the twin knows nothing."""
    device = backend.device
    geometry = Geometry(layers=2, size=24, detector_size=4, input_size=16, spacing=4e-3)
    system = D2NN(
        geometry=geometry, key=pnn.random.key(1), dtype="float64", imperfections=Imperfections(misalignment=4e-4, levels=8), device=device,
    )  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8)).astype(np.uint8)
    inputs, labels = system.encode(images), np.arange(12) % 10
    loss = pnn.learning.CrossEntropy()
    outputs, record = system.measure(inputs)
    at = backend.numpy
    np.testing.assert_array_equal(at(outputs), at(system.built().forward(inputs)))
    assert not np.allclose(at(outputs), at(system.forward_saving(inputs)[0]))
    updates, _ = one_step(DirectFeedback(loss), system, Batch(inputs, labels), KEY)
    exact = system.vjp(loss(outputs, labels)[1], record)["phase"]
    np.testing.assert_allclose(at(dense(updates["phase"])[-1]), at(exact[-1]), rtol=1e-9, atol=1e-15)  # the last mask's is exact
    assert system.hidden_outputs(record)[0].shape == (12, 24, 24)
    v = system.hidden_outputs(record)[0]
    delta = (loss(outputs, labels)[1] @ feedback_matrix(KEY, 0, 10, v)).reshape(v.shape)
    np.testing.assert_allclose(at(dense(updates["phase"])[0]), at((delta * v.conj()).imag.sum(axis=0)), rtol=1e-9, atol=1e-15)
    spsa = dense(one_step(SPSA(loss, c=1e-3), system, Batch(inputs, labels), KEY)[0]["phase"])
    assert np.allclose(np.abs(at(spsa)), np.abs(at(spsa)).max())
    system.imperfections = Imperfections(misalignment=4e-4)  # phase levels make the loss a staircase
    optimizer = SGD(lr=0.5)
    before = loss(system.forward(inputs), labels)[0]
    for _ in range(5):
        updates, _ = one_step(PhysicsAware(loss), system, Batch(inputs, labels))
        writers.apply(system, updates, optimizer, 0.5, len(labels))
    assert loss(system.forward(inputs), labels)[0] < before


def test_layer_gradients_add_up_for_recomputed_and_stored_fields() -> None:
    geometry = Geometry(layers=3, size=20, detector_size=3, input_size=10, spacing=3e-3, oversample=2)
    inputs = None
    found = []
    for store in ("fields", "recompute"):
        system = D2NN(geometry=geometry, key=KEY, dtype="float64", store=store, chunk=3)
        inputs = system.encode(np.random.default_rng(2).integers(0, 256, (7, 10, 10)).astype(np.uint8))
        outputs, record = system.forward_saving(inputs)
        g = np.random.default_rng(4).normal(size=outputs.shape)
        exact = system.vjp(g, record)["phase"]
        last = system.layer_vjp(2, g, record)["phase"]
        assert not last[:2].any()
        np.testing.assert_allclose(last[2], exact[2], rtol=1e-10, atol=1e-14 * np.abs(exact).max())
        found.append(system.hidden_outputs(record))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
