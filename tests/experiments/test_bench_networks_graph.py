"""The benchmark of networks on graphs at small sizes: its contenders compute the same."""

from pnnkern.experiments.bench import _networks_graph as bench


def test_contenders_agree() -> None:
    rows = bench.coupled_step("cpu", 0.0, n=60, batch=4, samples=4) + bench.transistors("cpu", 0.0, side=4, batch=3)
    rows += bench.springs("cpu", 0.0, n=20, batch=20)
    errors = {(r["case"], r["name"]): r["error"] for r in rows if "error" in r}
    assert errors["coupled learning step", "pnnkern"] < 1e-8
    assert errors["transistor network", "pnnkern, sweeps"] < 1e-6
    assert errors["transistor network", "pnnkern, Newton"] < 1e-6
    assert all(errors["network of springs", name] < 1e-6 for name in ("pnnkern", "SciPy, BFGS", "SciPy, trust-exact"))
    assert all(r["ms"] > 0 for r in rows)
