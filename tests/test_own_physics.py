"""docs/own-physics.md: its blocks are run by the host runner, so that their CUDA C is compared with the Python, and give what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from pnnkern import _launch

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-physics.md"


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 8
    names: dict = {}
    with _launch.host():
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    assert "slope is not the derivative of child by w: at w = " in capsys.readouterr().out
    V, G, currents = names["V"], names["G"], names["currents"]
    without_wires = 0.3 * np.sinh(V / 0.3) @ G
    assert 1e-4 < np.abs(currents - without_wires).max() / np.abs(without_wires).max() < 0.3
    assert [names[name].shape for name in ("by_V", "by_G")] == [V.shape, G.shape]
    assert 0 < np.abs(names["w"]).max() <= 2
    vt = 1.5 * 0.02585
    right = scipy.optimize.brentq(lambda u: 1e-3 * (5 - u) - 1e-12 * np.expm1(u / vt), 0, 1, xtol=1e-14)
    assert names["v"][0, 1] == pytest.approx(right, abs=1e-9)
    rate = 1e-3 + 1e-12 / vt * np.exp(right / vt)
    assert names["dg"].tolist() == pytest.approx([(5 - right) / rate, -vt * np.expm1(right / vt) / rate], rel=1e-6)
    q, dk, dalpha = names["q"], names["dk"], names["dalpha"]
    turns = q[0, :, 0].max()  # where the energy is what it was: q = k q^2 / 2 + alpha q^4 / 4
    assert turns - turns**2 / 2 - 0.3 * turns**4 / 4 == pytest.approx(0, abs=2e-3)
    assert dk.shape == (1, 3)
    assert dk[0, 0] < 0
    assert dalpha.shape == (1,)
    assert names["found"].x.tolist() == pytest.approx([0.5], abs=1e-4)
