"""The version, and what a shell completes: asked as a shell asks."""

import shutil
from pathlib import Path

import pytest

import pnnkern
from pnnkern.cli import app, main
from pnnkern.experiments import bench, recipe, show


def completed(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What bash offers at the end of a line."""
    with monkeypatch.context() as patch:
        patch.setenv("_PNNKERN_COMPLETE", "complete_bash")
        for name in ("COMP_WORDS", "_TYPER_COMPLETE_ARGS"):
            patch.setenv(name, line)
        patch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit) as left:
            main([])
    assert left.value.code == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.split()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pnnkern {pnnkern.__version__}\n"


def test_shells_can_be_taught(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "--install-completion" in text
    assert "--show-completion" in text


def test_names(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    commands = {c.name or c.callback.__name__ for c in app.registered_commands}  # type: ignore[union-attr]
    assert set(completed("pnnkern ", monkeypatch, capsys)) == commands
    assert completed("pnnkern run ", monkeypatch, capsys) == recipe.names()
    assert completed("pnnkern run d2nn-m", monkeypatch, capsys) == ["d2nn-mnist", "d2nn-mnist-differential"]
    assert completed("pnnkern show ", monkeypatch, capsys) == show.names()
    assert set(recipe.kinds("system")) | set(recipe.kinds("rule")) | set(recipe.names()) <= set(show.names())
    assert completed("pnnkern bench ", monkeypatch, capsys) == [*bench.names(), "list"]
    (tmp_path / "mine.toml").write_text("")
    assert completed("pnnkern run m", monkeypatch, capsys) == ["mine.toml"]


def test_keys_and_their_values(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    flat = [key for key, _ in recipe.leaves(recipe.find("ep-digits").table()) if key not in ("recipe", "summary")]
    assert completed("pnnkern run ep-digits --set ", monkeypatch, capsys) == [f"{key}=" for key in flat]
    assert completed("pnnkern run ep-digits --set system.sw", monkeypatch, capsys) == ["system.sweeps="]
    assert completed("pnnkern run d2nn-digits --set system.pi", monkeypatch, capsys) == ["system.pitch="]
    assert completed("pnnkern run ep-digits --set rule.kind=sp", monkeypatch, capsys) == ["rule.kind=spsa"]
    assert completed("pnnkern run ep-digits --set training.schedule=c", monkeypatch, capsys) == [
        "training.schedule=constant", "training.schedule=cosine"
    ]  # fmt: skip
    assert completed("pnnkern compare x --over training.se", monkeypatch, capsys) == ["training.seed"]


def test_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("runs/one", "runs/two", "runs/.hidden", "other"):
        (tmp_path / name).mkdir(parents=True)
    written = recipe.find("d2nn-digits")
    for name in ("one", "two"):
        recipe.write(written, tmp_path / "runs" / name / "config.toml")
    assert completed("pnnkern resume ", monkeypatch, capsys) == ["other/", "runs/"]
    assert completed("pnnkern resume runs/", monkeypatch, capsys) == ["runs/one", "runs/two"]
    assert completed(f"pnnkern report {tmp_path}/runs/t", monkeypatch, capsys) == [f"{tmp_path}/runs/two"]
    assert completed("pnnkern compare runs/one runs/t", monkeypatch, capsys) == ["runs/two"]
    assert completed("pnnkern export runs/one --what ", monkeypatch, capsys) == ["phase", "height", "fields"]
    assert completed("pnnkern show runs/o", monkeypatch, capsys) == ["runs/one"]
    assert completed("pnnkern resume runs/one --set t", monkeypatch, capsys) == ["training.epochs=", "training.lr="]  # what may change


def test_nothing_is_said_where_nothing_can_be_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.toml").write_text("[data")
    for line in ("resume gone/", "export broken --what ", "export gone --what ", "run gone.toml --set x", "show \x1b"):
        assert completed(f"pnnkern {line}", monkeypatch, capsys) == []
    shutil.rmtree(tmp_path / "broken")
    monkeypatch.chdir(tmp_path)
