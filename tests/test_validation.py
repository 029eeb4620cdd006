"""The page of truths: each is within its tolerance in both precisions, and the test that it names is there."""

import re
from pathlib import Path

import pytest
from scripted import ROOT, script

truths = script("truths")


@pytest.mark.parametrize("row", truths.TRUTHS, ids=[row.what for row in truths.TRUTHS])
def test_errors_are_within_tolerances(row: object) -> None:
    for dtype, most in (("float32", row.single), ("float64", row.double)):  # type: ignore[attr-defined]
        assert most is None or row.error(dtype) <= most  # type: ignore[attr-defined]


def test_rows_name_tests_that_are_there() -> None:
    for row in truths.TRUTHS:
        path, _, name = row.test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / "tests" / path).read_text(), re.M), row.test
        assert row.single is not None or row.double is not None
    assert len({row.what for row in truths.TRUTHS}) == len(truths.TRUTHS)
    rooms = [row.room for row in truths.TRUTHS]
    assert rooms == sorted(rooms, key=["optics", "crossbar", "networks", "dynamics", "learning", "random"].index)


def test_the_page_and_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that is beyond its tolerance, and one that is not a number, are said and counted; the table has them all."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = script("validation")
    made = [
        truths.Truth("optics", "good |x|", "closed form", "|u|", 1e-6, 1e-12, "a.py::b", lambda dtype: 0.0 if dtype == "float64" else 3e-7),
        truths.Truth("optics", "bad", "closed form", "", None, 1e-12, "a.py::b", lambda dtype: 2e-12),
        truths.Truth("random", "lost", "published", "", 1.0, None, "a.py::b", lambda dtype: float("nan")),
    ]
    monkeypatch.setattr(module, "TRUTHS", made)
    assert module.main(str(tmp_path / "v.png")) == 1
    said = capsys.readouterr().out
    assert "bad, float64: an error of 2e-12 is beyond 1e-12" in said
    assert "lost, float32: an error of nan is beyond 1" in said
    assert "3 truths, 2 errors beyond their tolerance" in said
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    table = (tmp_path / "v.md").read_text()
    assert "## Optics\n" in table
    start, numbers, held = r"| **good \|x\|**. Closed form: \|u\| |", " 3e-7 (1e-6) | 0 (1e-12) |", " <code>b</code> in tests/<wbr>a.py |\n"
    assert start + numbers.replace("-", "\u2011") + held in table
    assert module.main(str(tmp_path / "v.png"), 1) == 0
