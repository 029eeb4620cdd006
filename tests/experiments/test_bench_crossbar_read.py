"""The cases of the benchmark of reads run, at a small size, and name who is absent."""

import pytest

from pnnkern.experiments.bench import _crossbar_read, table


@pytest.mark.parametrize("case", ["forward_chain", "fresh_noise", "pcm_noise", "by_cell"])
def test_cases(case: str) -> None:
    rows = getattr(_crossbar_read, case)("cpu", 0.01, batch=4, n=16)
    ours = [r["name"] for r in rows if r["name"].startswith("pnnkern")]
    assert ours
    for r in rows:
        assert "absent" in r or (r["ms"] > 0 and r["floor_ms"] > 0)
        if r["name"] not in ours and "absent" not in r:
            assert set(r["ratios"]) == set(ours)
    assert rows[0]["case"] in table(rows)
