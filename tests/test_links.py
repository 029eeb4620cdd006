"""Links within a built site: those that lead nowhere are found, others left alone."""

from pathlib import Path

import pytest
from scripted import ROOT, script

GOOD = """<html><body id="top-of-it"><h1 id="a b">A</h1><a name="old"></a>
<a href="part/other.html#x">o</a><a href="#a%20b">here</a><a href="#">top</a>
<a href="#old">old</a><img src="picture.png"><a href="https://elsewhere.org/no#where">away</a><a href="mailto:a@b.c">mail</a>
<script src="//elsewhere.org/x.js?v=1"></script><link href="style.css?v=2"></body></html>"""
BROKEN = {
    "an anchor of another page": '<a href="part/other.html#y">',
    "an anchor of its own": '<a class="reference internal" href="#c">',
    "a page": '<a href="part/missing.html">',
    "a picture": '<img alt="" src="part/picture.png">',
    "a folder": '<a href="part">',
    "what lies beside the site": '<a href="../beside.html">',
}


def site(folder: Path, more: str = "") -> Path:
    (folder / "site/part").mkdir(parents=True)
    (folder / "site/index.html").write_text(GOOD + more)
    (folder / "site/part/other.html").write_text('<p id="x"></p><a href="../index.html#top-of-it">back</a>')
    for path in ("site/picture.png", "site/style.css", "beside.html"):
        (folder / path).touch()
    return folder / "site"


def test_links_that_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script("links").main(str(site(tmp_path))) == 0
    assert capsys.readouterr().out == "7 links within the site, 0 of which lead nowhere\n"


@pytest.mark.parametrize("what", BROKEN)
def test_links_that_lead_nowhere(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script("links").main(str(site(tmp_path, BROKEN[what]))) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("index.html: ")
    assert first.split(": ")[1] in BROKEN[what]
    assert last == "8 links within the site, 1 of which lead nowhere"


def test_nothing_is_no_site(tmp_path: Path) -> None:
    assert script("links").main(str(tmp_path)) == 1


def test_the_site_is_looked_through_when_it_is_built() -> None:
    build, look = (ROOT / "scripts/docs.sh").read_text().split(" -b html docs docs/_build/html\n")
    assert " -m sphinx -W " in build
    assert 'python" scripts/links.py docs/_build/html\n' in look
