"""The reference page says what the declarations say, now."""

from pathlib import Path

from scripted import script

from pnnkern.experiments import recipe

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == script("reference").page(), "docs/reference.md is out of date: python scripts/reference.py"


def test_what_is_on_it() -> None:
    """Every kind has a heading of its own, every recipe a line, and lines have key, default, unit, values and words in their columns."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for kind in (*recipe.kinds("system"), *recipe.kinds("rule"), *recipe.FIXED):
        assert f"### {kind}" in lines
    for name in recipe.names():
        assert sum(line.startswith(f"| `{name}` |") for line in lines) == 1
    assert "| `volts` | 0.45 | V | number > 0 and <= 1e+06 | supply |" in lines  # of transistors
