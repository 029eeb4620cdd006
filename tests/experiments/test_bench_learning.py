"""The benchmark of populations, made small."""

import pytest

from pnnkern.experiments.bench import learning


@pytest.mark.parametrize("name", learning.CASES)
def test_rows(name: str) -> None:
    at_once, looped = learning.population(name, "cpu", 0.0, members=2, batch=2)
    assert at_once["name"] == "pnnkern"
    assert at_once["case"] == looped["case"] == f"population, {name}"
    assert looped["ratios"] == {"pnnkern": pytest.approx(looped["ms"] / at_once["ms"])}
    assert looped["error"] < 1e-12
    assert 0 < at_once["floor_ms"] == looped["floor_ms"]
