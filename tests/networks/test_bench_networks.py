"""The benchmark's peers compute what we compute; no time is asserted."""

from pnnkern.experiments.bench import _networks_layered as layered
from pnnkern.experiments.bench import networks


def test_contenders_agree() -> None:
    gradients = layered.drn_gradient("cpu", 0.0, batch=8, sizes=(30, 200, 10))
    ours, naive, forces = gradients[0], gradients[1], layered.xy_forces("cpu", 0.0, batch=3, nodes=17)[0]
    assert ours["first_layer_error"] < 1e-3
    assert naive["first_layer_error"] < 0.9  # float32 loses digits in differences of squares, which is the point
    assert forces["error"] < 1e-5
    assert all(r["ms"] > 0 and r["floor_ms"] > 0 for r in gradients if "absent" not in r)
    assert {"the same in torch", "torch"} & {r["name"] for r in gradients}  # measured, or named as absent
    assert layered.hopfield_gradient("cpu", 0.0, batch=2)[1]["ratios"]
    assert layered.spin_sweeps("cpu", 0.0, side=4, batch=2, sweeps=1)[0]["m_s"] > 0
    assert callable(networks.run)
