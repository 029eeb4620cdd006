"""The cases of the benchmark of reads run, at a small size, and name who is absent."""

import numpy as np
import pytest

from pnnkern.crossbar import ADC, DAC, Chain, Reader
from pnnkern.experiments.bench import _crossbar_read, table


@pytest.mark.parametrize("case", ["forward_chain", "precisions", "fresh_noise", "pcm_noise", "by_cell"])
def test_cases(case: str) -> None:
    rows = getattr(_crossbar_read, case)("cpu", 0.01, batch=4, n=16)
    ours = [r["name"] for r in rows if r["name"].startswith("pnnkern")]
    assert ours
    for r in rows:
        assert "absent" in r or (r["ms"] > 0 and r["floor_ms"] > 0)
        if r["name"] not in ours and "absent" not in r:
            assert set(r["ratios"]) == set(ours)
    assert rows[0]["case"] in table(rows)


def test_precisions_are_what_they_are_called() -> None:
    rows = {r["name"]: r["error"] for r in _crossbar_read.precisions("cpu", 0.01, batch=8, n=16)}
    assert rows["pnnkern, float32"] < 1e-6 < 3e-5 < rows["pnnkern, tf32"] < 1e-3 < rows["pnnkern, bf16"] < 1e-2


def test_aihwkit_lightning_reads_the_same(rng: np.random.Generator) -> None:
    """But for sums that lie between two levels of the converter, where float32 decides; and with the same noise."""
    for package in ("aihwkit_lightning", "torch"):
        pytest.importorskip(package, reason="aihwkit-lightning is not installed")
    full = 1.5e-4
    V, G = rng.uniform(-0.2, 0.2, (64, 128)).astype(np.float32), rng.uniform(0, 25e-6, (128, 96)).astype(np.float32)
    forward = _crossbar_read._lightning(V, G, full)
    ours = Reader(G, Chain(dac=DAC(7, 0.2), adc=ADC(9, full)))(V)
    apart = np.abs(forward(False) - ours) / (full / 255)
    assert apart.max() < 1.001
    assert (apart > 0.5).mean() < 1e-3
    assert (forward() - ours).std() == pytest.approx(0.005 * full, rel=0.15)  # and a little from rounding
