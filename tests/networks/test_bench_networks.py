"""The benchmark's peers compute what we compute; no time is asserted."""

import numpy as np
import pytest

from pnnkern import random
from pnnkern.experiments.bench import _networks_layered as layered
from pnnkern.experiments.bench import _networks_spins as spins
from pnnkern.experiments.bench import networks
from pnnkern.networks import graphs, ising


def test_contenders_agree() -> None:
    gradients = layered.drn_gradient("cpu", 0.0, batch=8, sizes=(30, 200, 10))
    ours, naive, forces = gradients[0], gradients[1], layered.xy_forces("cpu", 0.0, batch=3, nodes=17)[0]
    assert ours["first_layer_error"] < 1e-3
    assert naive["first_layer_error"] < 0.9  # float32 loses digits in differences of squares, which is the point
    assert forces["error"] < 1e-5
    assert all(r["ms"] > 0 and r["floor_ms"] > 0 for r in gradients if "absent" not in r)
    assert {"the same in torch", "torch"} & {r["name"] for r in gradients}  # measured, or named as absent
    assert layered.hopfield_gradient("cpu", 0.0, batch=2)[1]["ratios"]
    assert callable(networks.run)


def test_spins_and_their_peers() -> None:
    """Rates and floors of all that is installed; thrml measured, or named as absent."""
    for rows in (spins.lattice_sweeps("cpu", 0.0, side=4, batch=2, sweeps=1), spins.dense_sweeps("cpu", 0.0, (9, 5), batch=2, sweeps=1)):
        measured = [r for r in rows if "absent" not in r]
        assert all(r["m_s"] > 0 and r["floor_ms"] > 0 for r in measured)
        assert "thrml" in {r["name"] for r in rows}
        assert rows[-1].get("ratios") or rows[-2]["ratios"]


def test_thrml_does_the_same_work() -> None:
    """As many sweeps from the same start: its correlation of neighbours goes from the start's to ours within five standard errors."""
    pytest.importorskip("thrml")
    graph, key = ising.SpinGraph(graphs.lattice(8, 8, periodic=True), 64), random.key(1)
    coupling, start = np.ones(graph.n_edges, np.float32), np.ones((4000, 64), np.int8)
    even, odd = (np.asarray(states)[:, 0] for states in spins.thrml_sweeps(graph, coupling, 0.3, 3, start)())
    theirs = np.empty((4000, 64), np.int8)
    for c, states in enumerate((even, odd)):
        theirs[:, graph.colours == c] = 2 * states.astype(np.int8) - 1
    ours = ising.sweep(start, graph, coupling, beta=0.3, sweeps=3, key=key)
    energies = [ising.energy(s, graph, coupling) for s in (ours, theirs)]
    assert abs(energies[0].mean() - energies[1].mean()) < 5 * np.hypot(*(e.std() / np.sqrt(len(e)) for e in energies))
