"""The peers of the benchmark solve the same circuit, and its rows are complete."""

import numpy as np
import pytest

from pnnkern.crossbar import effective_conductance
from pnnkern.experiments.bench import _crossbar_wires as bench


def test_peers_solve_the_same_circuit(rng: np.random.Generator) -> None:
    G, V = rng.uniform(1e-5, 1e-4, (14, 11)), rng.uniform(0, 0.2, (3, 14))
    expected = V @ effective_conductance(G, wires=30.0)
    assert np.allclose(bench.superlu(V, G, 30.0), expected, rtol=1e-10)
    got, iterations = bench.damped_fixed_point(V[0], G, 30.0, tolerance=1e-9)
    assert iterations > 5
    assert np.allclose(got, expected[0], rtol=1e-7)
    with pytest.raises(FloatingPointError, match="does not converge"):
        bench.damped_fixed_point(V[0], G, 1e6)


def test_rows() -> None:
    rows = (
        bench.effective("cpu", 0.0, 12, slow=True)
        + bench.gradient("cpu", 0.0, 12)
        + bench.batch("cpu", 0.0, 12)
        + bench.one_read("cpu", 0.0, 12, True)
    )
    rows += bench.noisy_reads("cpu", 0.0, 12, 4)
    by_name = {(r["case"], r["name"]): r for r in rows}
    assert by_name["effective conductance", "SuperLU"]["ratios"].keys() == {"pnnkern", "pnnkern, float32"}
    assert by_name["effective conductance", "pnnkern, float32"]["error"] < 1e-5
    assert by_name["one read", bench.DAMPED]["error"] < 2e-3
    assert by_name["one read", "pnnkern"]["error"] < 1e-9
    assert by_name["noisy reads through wires", "pnnkern"]["error"] < 0.1
    for r in rows:
        assert "absent" in r or (r["ms"] > 0 and r["floor_ms"] > 0)
