"""Laws of nodes: what their functions' arguments mean, and what is refused in one sentence."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from node_laws import FORCE, KURAMOTO, LORENZ, OSCILLATOR
from pnnkern.kernels.dynamics import ode

from pnnkern import ScalarFunction, _compile, _launch, _sources
from pnnkern._errors import DeviceError
from pnnkern.dynamics import Couplings, Law, integrate, integrate_vjp

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import cubins  # (of the scripts)

DECAY = ScalarFunction(lambda x, rate: -rate * x)


def test_names_say_what_arguments_are() -> None:
    assert (OSCILLATOR.states, OSCILLATOR.parameters) == (("q", "v"), ("k", "gain"))
    assert (KURAMOTO.states, KURAMOTO.parameters) == (("phase",), ("omega",))
    assert (LORENZ.states, LORENZ.parameters) == (("x", "y", "z"), ("rho",))
    assert [(law.coupled, law.driven) for law in (OSCILLATOR, KURAMOTO, LORENZ)] == [(True, True), (True, False), (True, False)]
    assert [law.is_second_order for law in (OSCILLATOR, KURAMOTO, LORENZ)] == [True, False, False]
    damped = ScalarFunction(lambda q, v: -q - v)
    assert not Law({"q": "v", "v": damped}).is_second_order
    assert repr(KURAMOTO) == "Law(phase' = the function, coupling=the function)"


def test_other_constants_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    none = Couplings(np.zeros((0, 2), int), 2)
    state, given = np.ones((1, 3, 2)), {"parameters": np.ones((1, 2)), "couplings": none, "weights": np.zeros(0)}
    one = integrate(LORENZ, state, 0.01, 5, **given)
    monkeypatch.setattr(_launch, "_plan", None)
    other = LORENZ.with_constants(sigma=3.0, beta=1.0)
    assert not np.array_equal(integrate(other, state, 0.01, 5, **given), one)
    assert np.array_equal(integrate(LORENZ, state, 0.01, 5, **given), one)
    assert np.array_equal(integrate(other.with_constants(sigma=10.0, beta=8 / 3), state, 0.01, 5, **given), one)


@pytest.mark.parametrize(
    ("rates", "coupling", "error", "said"),
    [
        ({}, None, TypeError, "rates must name the rates of 1 to 4 components"),
        ({n: DECAY for n in "abcde"}, None, TypeError, "rates must name the rates of 1 to 4 components"),
        (FORCE, None, TypeError, "rates must name the rates of 1 to 4 components"),
        ({"drive": DECAY}, None, ValueError, "a component must be named by a word other than 'coupled' and 'drive', got 'drive'"),
        ({"x y": DECAY}, None, ValueError, "a component must be named by a word"),
        ({"q": "w", "v": FORCE}, None, ValueError, "the rate of q is 'w', which is no component: they are q, v"),
        ({"q": np.sin}, None, TypeError, "the rate of q must be a pnnkern.ScalarFunction or the name of a component, got ufunc"),
        ({"q": "v", "v": FORCE}, np.sin, TypeError, "coupling must be a pnnkern.ScalarFunction of own and other, got ufunc"),
        ({"q": "v", "v": FORCE}, ScalarFunction(lambda own: own), TypeError, "coupling must be a function of own, other"),
        ({"x": DECAY}, ScalarFunction(lambda own, other: other), ValueError, "coupling is given, and no rate takes 'coupled'"),
    ],
)
def test_what_is_no_law(rates, coupling, error: type, said: str) -> None:
    with pytest.raises(error, match=re.escape(said)) as caught:
        Law(rates, coupling)
    assert "\n" not in str(caught.value)


def test_unknown_constants() -> None:
    with pytest.raises(ValueError, match=re.escape("no function of the law has a constant 'mass': they have alpha")):
        OSCILLATOR.with_constants(mass=1.0)


def refused(law: Law, said: str, error: type) -> None:
    n = len(law.parameters)
    given = {"parameters": np.ones((n, 2))} if n else {}
    with pytest.raises(error, match=re.escape(said)) as caught:
        integrate_vjp(np.ones((1, 1, 1, 2)), law, np.ones((1, 1, 2)), 0.1, 1, **given)
    assert "\n" not in str(caught.value)


def test_derivatives_that_are_missing_or_wrong() -> None:
    """Before anything is compiled into a kernel."""
    bent = ScalarFunction(lambda x, rate: -max(x, 0.0) * rate)
    refused(Law({"x": bent}), "complex numbers", TypeError)
    half = ScalarFunction(lambda x, rate: -max(x, 0.0) * max(rate, 0.0), lambda x, rate: -max(rate, 0.0) if x > 0 else 0.0)
    refused(Law({"x": half}), "give slopes['rate'], its derivative by rate", TypeError)
    wrong = ScalarFunction(lambda x, rate: -rate * x, slopes={"rate": lambda x, rate: -x * x})
    refused(Law({"x": wrong}), "slopes['rate'] is not the derivative", ValueError)


def test_text_of_another_function(backend) -> None:
    """On a device, where it first runs: of the function, or of one of its derivatives."""
    if backend.device == "cpu":
        pytest.skip("there is no text on a CPU")
    x = backend.array(np.ones((1, 1, 2)))
    given = {"parameters": backend.array(np.ones((1, 2)))}
    with pytest.raises(ValueError, match=r"cuda of .* is another function"):
        integrate(Law({"x": ScalarFunction(lambda x, rate: -rate * x, cuda="rate * x")}), x, 0.1, 1, **given)
    law = Law({"x": ScalarFunction(lambda x, rate: -rate * x, cuda="-rate * x", cuda_slope="-rate", cuda_slopes={"rate": "x"})})
    with pytest.raises(ValueError, match=re.escape("cuda_slopes['rate'] of the function is another function")):
        integrate_vjp(backend.array(np.ones((1, 1, 1, 2))), law, x, 0.1, 1, **given)


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is not None, reason="numba-cuda makes what is missing")
def test_text_that_is_missing() -> None:
    """Of a derivative by an argument that the function's text names; by another one it is 0."""
    law = Law({"x": ScalarFunction(lambda x, rate: -rate * x, cuda="-rate * x", cuda_slope="-rate")})
    assert "own_rate0" in law.forward.text
    with pytest.raises(DeviceError, match=re.escape("give cuda_slopes['rate'], an expression in x, rate, or install numba-cuda")):
        _ = law.back().text
    assert "return (0);" in Law({"x": ScalarFunction(lambda rate, x: -rate, cuda="-rate", cuda_slope="-1")}).back().text


def test_laws_are_told_apart() -> None:
    """What is compiled is known by what stands for it: another for each law, the same for other constants."""
    laws = [Law({"x": DECAY}), Law({"x": DECAY}, None), Law({"x": DECAY, "y": "x"})]
    assert len({law.forward for law in laws} | {law.back() for law in laws}) == 6
    other = OSCILLATOR.with_constants(alpha=1.0)
    assert (other.forward, other.back()) == (OSCILLATOR.forward, OSCILLATOR.back())
    assert OSCILLATOR.back(constants=True) is other.back(constants=True) is not OSCILLATOR.back()


def test_constants_by_name() -> None:
    """One name is one constant, whose derivative is the sum of those of all functions that have it."""
    fall, rise = ScalarFunction(lambda x, a=1.0, b=2.0: -a * x - b), ScalarFunction(lambda y, c=3.0, a=1.0: a * y + c)
    law = Law({"x": fall, "y": rise})
    assert law.constants == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert law._by_name(np.array([1.0, 10.0, 100.0, 1000.0])).tolist() == [1001.0, 10.0, 100.0]
    assert law.with_constants(a=5.0).constants == {"a": 5.0, "b": 2.0, "c": 3.0}
    two = Law({"x": fall, "y": rise.with_constants(a=4.0)})
    with pytest.raises(ValueError, match=r"^constant a is 1 in one function of the law and 4 in another: give them two names$"):
        _ = two.constants


def test_derivatives_by_constants_that_are_missing_or_wrong() -> None:
    state, out = np.ones((1, 1, 2)), np.ones((1, 1, 1, 2))
    bent = Law({"x": ScalarFunction(lambda x, a=1.0: -x * abs(a))})
    wrong = Law({"x": ScalarFunction(lambda x, a=1.0: -x * a, slopes={"a": lambda x, a: -2 * x})})
    for law, said in ((bent, "slopes['a'] cannot be made by complex step: give it"), (wrong, "slopes['a'] is not the derivative of")):
        with pytest.raises(ValueError, match=re.escape(said)):
            integrate_vjp(out, law, state, 0.1, 1, wrt="constants")
        law.back()  # by all arguments there are


def test_what_steps_is_compiled_once_for_both_twins() -> None:
    given = {"parameters": np.ones((1, 2)), "couplings": Couplings([[0, 1]], 2), "weights": np.zeros(1)}
    integrate_vjp(integrate(LORENZ, np.ones((1, 3, 2)), 0.01, 5, **given), LORENZ, np.ones((1, 3, 2)), 0.01, 5, **given)
    coupled, evaluate = ode.evaluation(*LORENZ.forward.compiled)
    for made in (LORENZ.forward.compiled[0], coupled, evaluate, ode.stepping(evaluate)):
        double = [types for types in made.overloads if any("float64" in str(kind) for kind in types)]
        assert len(double) == 1, made.py_func.__name__
    assert LORENZ.back().compiled[:2] == LORENZ.forward.compiled


@pytest.mark.parametrize("law", [OSCILLATOR, KURAMOTO, LORENZ], ids=["oscillator", "phases", "lorenz"])
def test_text_compiles_by_nvrtc(law: Law) -> None:
    if cubins.library(13) is None:
        pytest.skip("NVRTC 13 is not installed")
    back = law.back(constants=law is LORENZ)
    for stem, own in (("dynamics/ode", law.forward), ("dynamics/adjoint", back)):
        image = _compile.cubin(cubins.Binding(13), stem, "sm_90", {}, own).read_bytes()
        assert set(cubins.resources(image)) == set(_sources.prototypes(stem))


def test_components_in_another_order(rng: np.random.Generator) -> None:
    """Rates and their derivatives as twins have them, before they are compiled: places before or behind velocities."""
    force = ScalarFunction(lambda q, v, drive, k, a=0.5: drive - k * q - a * q * q * q - a * v)
    law, n, i, p = Law({"v": force, "q": "v"}), 3, 1, np.array([1.0, 2.0, 3.0])
    rates, _, back, _ = (made.py_func for made in law.back().compiled)
    y, u, c, constants, g = rng.normal(size=(6, 2)), rng.normal(size=2), np.zeros(2), np.array([0.5]), rng.normal(size=(6, 2))
    out, gy, gc, gu, gp = np.zeros((6, 2)), np.zeros((6, 2)), np.ones(2), np.zeros(2), np.zeros(3)
    rates(y, i, n, c, u, p, constants, out)
    v, q = y[i], y[n + i]
    assert np.allclose(out[[i, n + i]], [u - 2 * q - 0.5 * q**3 - 0.5 * v, v], rtol=1e-14)
    back(y, i, n, c, u, p, constants, g, gy, gc, gu, gp)
    gv, gq = g[i], g[n + i]
    assert np.allclose(gy[[i, n + i]], [gq - 0.5 * gv, (-2 - 1.5 * q**2) * gv], rtol=1e-14)
    assert np.allclose(gu, gv, rtol=1e-14)
    assert not gc.any()
    assert np.allclose(gp, [0, -(q * gv).sum(), 0], rtol=1e-14)
