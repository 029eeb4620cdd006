"""The benchmark's peer computes what we compute; no time is asserted."""

from pnnkern.experiments.bench import dynamics


def test_contenders_agree() -> None:
    ours, scipy = dynamics.chain("cpu", 0.0, batch=2, n=3, steps=64, tried=1)
    assert ours["error"] < 1e-4
    assert scipy["error"] < 1e-1
    assert scipy["ratios"]["pnnkern"] > 0
    assert callable(dynamics.run)
