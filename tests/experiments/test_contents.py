"""`pnnkern inspect`: what is in a file, what made it, and one line for what is none."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scripted import script

import pnnkern as pnn
from pnnkern import cli
from pnnkern._errors import PnnError, ResultsError
from pnnkern.experiments import _hdf5, checkpoint, contents, saved


def arrays(found: dict[str, Any]) -> dict[str, Any]:
    return {array["name"]: array for array in found["arrays"]}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    with pnn.results(tmp_path / "f.h5", about={"recipe": "mine", "focal": 0.1}) as out:
        for _ in range(3):
            some = np.ones((10, 4, 6), np.complex64)
            out.append("field", some, axes=("z", "y", "x"), unit="V/m", about="of a lens", coordinates={"x": (np.arange(6.0), "m")})
    return tmp_path / "f.h5"


def test_results(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = contents.look(results)
    assert (found["kind"], found["bytes"], found["more"], found["warning"]) == ("results", results.stat().st_size, 0, "")
    field = arrays(found)["field"]
    assert field["shape"] == [30, 4, 6]
    assert (field["dtype"], field["unit"], field["axes"], field["filters"]) == ("complex64", "V/m", ["z", "y", "x"], ["shuffle", "gzip"])
    assert (field["bytes"], field["about"]) == (30 * 24 * 8, "of a lens")
    with h5py.File(results) as file:
        assert field["stored"] == file["field"].id.get_storage_size()
        assert tuple(field["chunks"]) == file["field"].chunks
    assert arrays(found)["x"]["unit"] == "m"
    assert found["about"]["about"] == {"recipe": "mine", "focal": 0.1}
    assert found["about"]["made"]["pnnkern"] == pnn.__version__
    assert cli.main(["inspect", str(results)]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{results}: results, ")
    assert "30 z x 4 y x 6 x" in page
    assert cli.main(["inspect", str(results), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found | {"metrics": {}}


def test_an_unfinished_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also while it is written."""
    with pnn.results(tmp_path / "f.h5") as out:
        out.append("x", np.ones((10, 3)), axes=("n", "m"))
        out.flush()
        assert cli.main(["inspect", str(tmp_path / "f.partial.h5")]) == 0
    captured = capsys.readouterr()
    assert "10 n x 3 m" in captured.out
    assert "it is not whole: writing it was ended, or goes on" in captured.err


def test_a_checkpoint_and_a_run(copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (copied_run, copied_run / saved.CHECKPOINT):
        found = contents.look(path)
        state = checkpoint.load(copied_run / saved.CHECKPOINT).state
        assert found["kind"] == "checkpoint"
        got = {name: (tuple(a["shape"]), a["dtype"], a["bytes"]) for name, a in arrays(found).items()}
        assert got == {name: (a.shape, str(a.dtype), a.nbytes) for name, a in state.items()}
        assert (found["about"]["recipe"], found["about"]["step"]) == ("d2nn-digits", 21)
        assert found["about"]["versions"] == checkpoint.versions()
        assert found["about"]["config"]["training"]["epochs"] == 3
    assert cli.main(["inspect", str(copied_run)]) == 0
    assert "parameters/phase" in capsys.readouterr().out
    path = copied_run / saved.CHECKPOINT
    shutil.copy(path, copied_run / "checkpoint.prev.h5")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(PnnError, match=r"checkpoint\.h5 is a damaged checkpoint: its digest is wrong"):
        contents.look(path)
    assert cli.main(["inspect", str(copied_run)]) == 0
    captured = capsys.readouterr()
    assert "its digest is wrong; this is the one before it" in captured.err
    shutil.copy(path, copied_run / "checkpoint.prev.h5")
    assert cli.main(["inspect", str(copied_run)]) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arrays", []), ("meta", 3), ("arrays", {"x": {"dtype": "<f8", "shape": [10**400], "crc32": 0}}), ("arrays", {"x": 3}),
        ("arrays", {"x": {"dtype": "|O", "shape": [1]}}), ("arrays", {"\x1b[2J": {"dtype": "<f8", "shape": "ab"}}), ("places", None),
        ("meta", {"sessions": [{}, 3]}),
        ("meta", {"config": [1], "source": {"a": "\x1b[2J"}}), ("versions", "\n" * 9), ("written_by", {"a": 10**400}), ("format_version", "x"),
    ],
)  # fmt: skip
def test_checkpoints_that_mean_harm(copied_run: Path, key: str, value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Their digest is right, what they say is not: a page or a line, and nothing that steers a terminal."""
    fuzz = script("fuzz_checkpoints")
    path = copied_run / saved.CHECKPOINT
    path.write_bytes(fuzz.described(path.read_bytes(), fuzz.parts(path.read_bytes())[2] | {key: value}))
    code = cli.main(["inspect", str(path)])
    captured = capsys.readouterr()
    assert code in (0, 2)
    assert bool(captured.err) == (code == 2)
    assert "\x1b" not in captured.out + captured.err
    assert captured.err.count("\n") <= 1


def test_npz_npy_and_a_folder_of_them(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((40, 50), np.float32), y=np.arange(3), name=np.array("text"))
    found = arrays(contents.look(tmp_path / "a.npz"))
    assert found["x"]["shape"] == [40, 50]
    assert (found["x"]["dtype"], found["x"]["bytes"]) == ("float32", 8000)
    assert found["x"]["stored"] < 400
    assert found["name"] == {"name": "name", "note": "no numbers"}
    np.save(tmp_path / "x_train.npy", np.zeros((7, 5)))
    assert contents.look(tmp_path / "x_train.npy")["arrays"][0]["shape"] == [7, 5]
    assert arrays(contents.look(tmp_path))["x_train"]["bytes"] == 280


def test_any_hdf5(tmp_path: Path) -> None:
    """Groups, links that are not followed, several names of one array, what is no number, a user block; nothing outside of the file."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = 3
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["g/h/x"] = np.arange(12.0).reshape(3, 4)
        file["g/h/x"].attrs["unit"] = "S"
        file["again"] = file["g/h/x"]
        file["loop"] = file["g"]
        file["soft"] = h5py.SoftLink("/g/h/x")
        file["outside"] = h5py.ExternalLink("secret.h5", "/x")
        file["text"] = ["a", "b"]
        file["nothing"] = h5py.Empty("f8")
        file.create_dataset("empty", (0, 5), "f4", maxshape=(None, 5), compression="lzf")
        file["compound"] = np.zeros(3, [("a", "f4"), ("b", "i8")])
        file.attrs["title"] = "mine"
    os.chmod(secret, 0)
    found = contents.look(tmp_path / "a.mat")
    got = arrays(found)
    (x,) = (array for name, array in got.items() if name in ("g/h/x", "again", "loop/h/x"))
    assert (x["shape"], x["unit"]) == ([3, 4], "S")
    assert got["soft"]["note"] == got["outside"]["note"] == "a link, which is not followed"
    assert got["nothing"]["shape"] is None
    assert got["empty"]["filters"] == ["lzf"]
    assert {"text", "compound"} < got.keys()
    assert found["about"]["title"] == "mine"
    assert contents.page(found).count("\n") == len(got) + 1


def test_more_than_can_be_listed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(_hdf5.LISTED + 7):
            file[f"x{i}"] = i
    found = contents.look(tmp_path / "a.h5")
    assert (len(found["arrays"]), found["more"]) == (_hdf5.LISTED, 7)
    assert contents.page(found).endswith("and 7 more")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "No such file"),
        (lambda p: p.mkdir(), "is a folder of no run"),
        (lambda p: os.mkfifo(p), "is a pipe"),
        (lambda p: p.write_bytes(b""), "is no file that can be looked at"),
        (lambda p: p.write_bytes(b"PK\3\4" + bytes(90)), "is no .npz file, or a damaged one"),
        (lambda p: p.write_bytes(b"\x93NUMPY" + bytes(90)), "does not begin with the header of an array"),
        (lambda p: p.write_bytes(_hdf5.SIGNATURE + bytes(900)), "HDF5 says: "),
        (lambda p: p.symlink_to("/dev/zero"), "is a device"),
    ],
)
def test_what_is_none(tmp_path: Path, make: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.h5"
    make(path)
    assert cli.main(["inspect", str(path)]) == 2
    line = capsys.readouterr().err
    assert line.startswith("pnnkern: error: ")
    assert message in line
    assert line.count("\n") == 1


def test_a_file_that_keeps_hdf5_busy(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hdf5, "PATIENCE", 0.01)
    with pytest.raises(ResultsError, match="HDF5 does not come to an end with it in 0"):
        contents.look(results)
    monkeypatch.setattr(_hdf5, "PATIENCE", 20.0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ResultsError, match="the process that did ended with 1"):
        contents.look(results)


def test_names_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["\x1b[2J\nx"] = 1
        file.attrs["\x1b[31m"] = "\x1b]0;x\x07"
        file["u"] = 1
        file["u"].attrs["units"] = "\x1b[2J"
    assert cli.main(["inspect", str(tmp_path / "a.h5")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
