"""What rules, their functions and writers are given that is no such array is refused in a sentence, and what is in another order is taken."""

from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern.learning import (
    FittedReadout,
    ForwardForward,
    forward_forward_loss,
    goodness,
    moments,
    pepg_gradients,
    ridge_weights,
    shaken,
    spsa_gradient,
)
from pnnkern.learning.rule import Batch
from pnnkern.networks import drn, hopfield
from pnnkern.systems import CrossbarNetwork, Factors
from pnnkern.systems.writers import InPlace, Pulsed, Rheostats

KEY = random.key(3)
RNG = np.random.default_rng(0)
X, W = RNG.random((4, 3)), [RNG.random((2, 3, 5)) + 0.1, RNG.random((2, 5, 2)) + 0.1]
Z = RNG.random((4, 3)) * 1j
RHEOSTATS = Rheostats(10.0, 1e-4, 1e-2, KEY)


def stages() -> CrossbarNetwork:
    return CrossbarNetwork(inputs=4, hidden=[3], outputs=2, key=KEY)


def two() -> Batch:
    system = stages()
    return Batch(np.ones((2, 4), np.float32), np.array([0, 1]), 0, system.encode)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shaken(np.array([0.5], object), 0.1, KEY), TypeError, "parameter must be real numbers, got object"),
        (lambda: goodness(Z), TypeError, "outputs must be real numbers, got complex128"),
        (lambda: forward_forward_loss(X[:, :0], np.ones(4, bool), 1.0), ValueError, r"one value or more of each sample, got shape \(4, 0\)"),
        (lambda: pepg_gradients(Z[:2], X[:3], X[0]), TypeError, "losses must be real numbers, got complex128"),
        (lambda: spsa_gradient(Z[:, 0], X), TypeError, "change must be real numbers, got complex128"),
        (lambda: ForwardForward().predict(stages(), {"threshold": np.ones(1)}, two()), ValueError, r"threshold of the state must be \(2,\)"),
        (lambda: ForwardForward().step(stages(), {"threshold": np.ones(())}, two(), KEY), ValueError, r"threshold of the state must be \(2,\)"),
        (lambda: FittedReadout().predict(stages(), {"weights": np.ones(())}, two()), ValueError, r"weights of the state must be \(4, any\)"),
        (lambda: drn.relax_many(X, [w[:0] for w in W]), ValueError, r"of one network or more, got shape \(0, 3, 5\)"),
        (lambda: hopfield.relax_many(X, W, [np.zeros((0, 5)), np.zeros((0, 2))]), ValueError, r"biases\[0\] must be \(2, nodes of the layer\)"),
        (lambda: hopfield.relax_many(X, W, backward=[W[0], np.ones(())]), ValueError, r"backward\[1\] must be \(2, 5, 2\), got shape \(\)"),
        (lambda: InPlace().write("W", X[:3] > 0, Factors(X, X), 0.1, {}), TypeError, "contrast.cu has no kernel pnn_contrast_update_bool"),
        (lambda: ForwardForward().check_samples(stages(), np.ones(())), TypeError, r"samples must be an array \(batch, \.\.\.\)"),
        (lambda: moments(Z, X), TypeError, "features must be real numbers, got complex128"),
        (lambda: moments(X, Z), TypeError, "targets must be real numbers, got complex128"),
        (lambda: ridge_weights(X[:0], X, 0.1), ValueError, r"gram must be \(any, 0\), got shape \(0, 3\)"),
        (lambda: Pulsed("gokmen-vlasov", KEY).write("W", np.float32(1).reshape(()), X, 0.1, {}), ValueError, r"W must be \(\.\.\., n\)"),
        (lambda: RHEOSTATS.write("g", Z.copy(), X, 0.1, {}), TypeError, "g must be real numbers, got complex128"),
        (lambda: RHEOSTATS.write("g", X.copy(), X, 0.1, {"g.samples": Z[0, :1]}), TypeError, r"memory of g.samples must be real numbers"),
    ],
)  # fmt: skip
def test_what_is_no_such_array(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_populations_in_any_order() -> None:
    """Conductances that lie columns first: the same outputs, member by member."""
    found = drn.relax_many(X, [np.asfortranarray(w) for w in W], sweeps=20, tolerance=0)
    for member in range(2):
        np.testing.assert_allclose(found[member], drn.relax(X, [w[member] for w in W], sweeps=20, tolerance=0).output, rtol=1e-12)
