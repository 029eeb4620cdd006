"""Scripts that draw what networks learn run, shortened, and leave a picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import script


@pytest.mark.parametrize(
    ("name", "shorter", "argument", "says"),
    [
        ("recovery", {"EPOCHS": 4, "EVERY": 2}, 1, "after the cut: median test accuracy"),
        ("allostery", {"STEPS": 20}, 0, "%"),
        ("modes", {"STEPS": 60}, 1, "curvature: "),
    ],
)
def test_scripts_draw(name: str, shorter: dict[str, Any], argument: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    module, out = script(name), tmp_path / "out.png"
    for constant, value in shorter.items():
        monkeypatch.setattr(module, constant, value)
    module.main(str(out), argument)
    assert out.read_bytes().startswith(b"\x89PNG")
    assert says in capsys.readouterr().out


def test_damage_is_felt_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss rises by the cut and falls again."""
    module = script("recovery")
    monkeypatch.setattr(module, "EPOCHS", 40)
    losses = module.learn(0)[0]
    trained, cut, end = losses[40 // module.EVERY], losses[40 // module.EVERY + 1], losses[-1]
    assert cut > 1.3 * trained
    assert end < cut
    assert np.isfinite(losses).all()
