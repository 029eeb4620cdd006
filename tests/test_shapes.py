# ruff: noqa: F722
"""Shapes and numbers that go into public functions and come out of them, as jaxtyping writes them."""

from collections.abc import Callable
from typing import Any

import beartype
import jaxtyping
import numpy as np
import pytest
from jaxtyping import Complex, Float, Num

import pnnkern
from pnnkern import crossbar, networks, optics

Array = np.ndarray


def planes(field: Complex[Array, "*batch y x"], distance: float) -> Complex[Array, "*batch y x"]:
    return optics.propagate(field, distance=distance, wavelength=0.6, pitch=1.0)


def window(field: Complex[Array, "*batch y x"]) -> Complex[Array, "*batch 5 6"]:
    return optics.propagate(field, distance=3.0, wavelength=0.6, pitch=1.0, out_shape=(5, 6))


def colours(field: Complex[Array, "*batch c y x"], wavelength: Float[Array, " c"]) -> Complex[Array, "*batch c y x"]:
    return optics.propagate(field, distance=3.0, wavelength=wavelength, pitch=1.0)


def masked(field: Complex[Array, "*batch y x"], phase: Float[Array, "y x"]) -> Complex[Array, "*batch y x"]:
    return optics.phase_mask(field, phase)


def by_phase(g: Complex[Array, "*batch y x"], field: Complex[Array, "*batch y x"], phase: Float[Array, "y x"]) -> Float[Array, "y x"]:
    return optics.phase_mask_vjp(g, field, phase, wrt="phase")


def seen(field: Complex[Array, "*batch y x"]) -> Float[Array, "*batch y x"]:
    return optics.intensity(field)


def detected(field: Complex[Array, "*batch y x"], regions: optics.Regions) -> Float[Array, "*batch 2"]:
    return optics.powers(field, regions)


def currents(V: Float[Array, "batch n_in"], G: Float[Array, "n_in n_out"]) -> Float[Array, "batch n_out"]:
    return crossbar.read(V, G, wires=1.0)


def by_voltages(g: Float[Array, "batch n_out"], V: Float[Array, "batch n_in"], G: Float[Array, "n_in n_out"]) -> Float[Array, "batch n_in"]:
    return crossbar.read_vjp(g, V, G, wires=1.0, wrt="V")


def seen_through_wires(G: Float[Array, "*arrays n_in n_out"]) -> Float[Array, "*arrays n_in n_out"]:
    return crossbar.effective_conductance(G, wires=1.0)


def pair(W: Float[Array, "n_in n_out"]) -> Float[Array, "2 n_in n_out"]:
    return crossbar.conductances(W, crossbar.Crossbar(w_max=2.0)).reshape(len(W), 2, -1).swapaxes(0, 1)


def voltages(g: Float[Array, " edges"], held: Float[Array, "batch 2"]) -> Float[Array, "batch 4"]:
    return networks.ResistorNetwork(np.array([[0, 1], [1, 2], [2, 3]]), 4).solve(g, [0, 3], held)


def settled(x: Float[Array, "batch 3"], w: Float[Array, "3 5"], v: Float[Array, "5 2"]) -> Float[Array, "batch 2"]:
    return networks.hopfield.relax(x, [w, v]).output


def drawn(shape: tuple[int, ...], sample: Num[Array, " rows"]) -> Float[Array, "rows 4"]:
    return pnnkern.random.normal(pnnkern.random.key(1), shape, sample=sample)


def _arguments() -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    rng = np.random.default_rng(3)
    fields = [rng.standard_normal((*lead, 7, 8)) + 1j * rng.standard_normal((*lead, 7, 8)) for lead in ((), (3,), (2, 3))]
    phase, G, V = rng.uniform(0, 6, (7, 8)), rng.uniform(1e-5, 2e-5, (3, 5)), rng.uniform(0, 0.2, (4, 3))
    regions = optics.Regions((7, 8), [(0, 2, 0, 2), (3, 5, 4, 8)])
    return [
        *((planes, (u, z)) for u in fields for z in (0.0, 3.0, 4000.0)), *((window, (u,)) for u in fields),
        *((colours, (u, np.array([0.5, 0.6, 0.7]))) for u in fields[1:]), *((masked, (u, phase)) for u in fields),
        *((by_phase, (u, u, phase)) for u in fields), *((seen, (u,)) for u in fields), *((detected, (u, regions)) for u in fields),
        (currents, (V, G)), (by_voltages, (rng.standard_normal((4, 5)), V, G)), (seen_through_wires, (G,)), (seen_through_wires, (G[None],)),
        (pair, (rng.uniform(-1, 1, (3, 4)),)), (voltages, (np.ones(3), V[:, :2])),
        (settled, (V, rng.uniform(-1, 1, (3, 5)), rng.uniform(-1, 1, (5, 2)))), (drawn, ((3, 4), np.array([5, 9, 2]))),
    ]  # fmt: skip


@pytest.mark.parametrize(("function", "given"), [pytest.param(f, a, id=f"{f.__name__}-{i}") for i, (f, a) in enumerate(_arguments())])
def test_shapes(function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    jaxtyping.jaxtyped(typechecker=beartype.beartype)(function)(*given)


def test_a_wrong_shape_would_be_seen() -> None:
    def wrong(field: Complex[Array, "y x"]) -> Float[Array, "x y"]:
        return optics.intensity(field)

    with pytest.raises(jaxtyping.TypeCheckError):
        jaxtyping.jaxtyped(typechecker=beartype.beartype)(wrong)(np.zeros((7, 8), complex))
