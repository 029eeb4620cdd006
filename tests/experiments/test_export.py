"""Exported masks: the right numbers in every format, and what they mean beside them. Read back by Pillow and by struct."""

import json
import struct
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

import pnnkern as pnn
from pnnkern._errors import DataError, SamplingWarning, UnitWarning
from pnnkern.experiments import checkpoint, export, grey, recipe, run, stl
from pnnkern.experiments.recipe import RecipeError
from pnnkern.systems import D2NN, DRN
from pnnkern.systems.d2nn import Geometry

PITCH, WAVELENGTH = 0.4e-3, 299792458 / 0.4e12
TURN = 2 * np.pi


@pytest.fixture
def phase(finished_run: Path) -> np.ndarray:
    """The trained phases, from the checkpoint itself, in [0, 2 pi)."""
    trained = checkpoint.load(finished_run / run.CHECKPOINT).state["parameters/phase"].astype(np.float64)
    return trained - 2 * np.pi * np.floor(trained / (2 * np.pi))


def apart(a: np.ndarray, b: np.ndarray, turn: float = TURN) -> np.ndarray:
    """How far apart values are that are the same after a turn."""
    return np.abs((a - b + turn / 2) % turn - turn / 2)


# --------------------------------------------------------------------------------------------------------------------- arrays
@pytest.mark.parametrize("suffix", ["npy", "npz", "h5"])
def test_phase(finished_run: Path, tmp_path: Path, phase: np.ndarray, suffix: str) -> None:
    out = tmp_path / "deep" / f"masks.{suffix}"
    result = export.write(finished_run, "phase", out)
    beside = [f"{out}.json"] * (suffix == "npy")
    assert (result["shape"], result["files"]) == ([2, 16, 16], [str(out), *beside])
    notes: dict[str, Any]
    if suffix == "npy":
        got, notes = np.load(out), json.loads(Path(beside[0]).read_text())
    elif suffix == "npz":
        with np.load(out) as file:
            got, notes = file["phase"], {name: file[name].item() for name in file if name != "phase"}
    else:
        with h5py.File(out) as file:
            got, notes = file["phase"][()], dict(file["phase"].attrs)
    np.testing.assert_allclose(got, phase, atol=1e-12)
    assert notes["about"].startswith("phases of the masks (layers, y, x), radians")
    assert {k: notes[k] for k in ("recipe", "unit", "scale", "length_unit", "pitch", "index")} == {
        "recipe": "d2nn-digits", "unit": "rad", "scale": 1, "length_unit": "m", "pitch": PITCH, "index": 1.7227,
    }  # fmt: skip
    assert notes["wavelength"] == pytest.approx(WAVELENGTH, rel=1e-15)
    assert notes["full_scale"] == pytest.approx(TURN, rel=1e-15)


def test_height(finished_run: Path, tmp_path: Path, phase: np.ndarray) -> None:
    """A wave through height h of index n gains (n - 1) h of path over air: phase = 2 pi (n - 1) h / wavelength."""
    export.write(finished_run, "height", tmp_path / "h.npy", index=1.5)
    height = np.load(tmp_path / "h.npy")
    np.testing.assert_allclose(2 * np.pi * 0.5 * height / WAVELENGTH, phase, atol=1e-12)
    assert height.max() < WAVELENGTH / 0.5
    assert json.loads((tmp_path / "h.npy.json").read_text())["full_scale"] == pytest.approx(WAVELENGTH / 0.5)


def test_the_index_is_the_recipes(tmp_path: Path, phase: np.ndarray, tiny: tuple[str, ...]) -> None:
    """The same phases, which do not depend on it, make other heights."""
    run.start(recipe.find("d2nn-digits", (*tiny, "system.index=1.25", "control.linear=false")), tmp_path / "r", quiet=True)
    export.write(tmp_path / "r", "height", tmp_path / "h.npz")
    with np.load(tmp_path / "h.npz") as file:
        np.testing.assert_allclose(file["height"], phase / TURN * WAVELENGTH / 0.25, atol=1e-15)
        assert file["index"] == 1.25


def test_a_phase_just_below_zero_is_zero() -> None:
    """2 pi less 1e-20 is 2 pi in float64, which is not below 2 pi."""
    tiny = Geometry(layers=1, size=2, input_size=1, detector_size=1, outputs=1)
    system = D2NN(geometry=tiny, parameters={"phase": np.array([[[-1e-20, -0.1], [0.0, 0.0]]])}, dtype="float64")
    np.testing.assert_allclose(system.export("phase"), [[[0, TURN - 0.1], [0, 0]]], rtol=1e-12)
    assert system.export("height")[0, 0, 0] == 0


# ------------------------------------------------------------------------------------------------------------------- pictures
def notes_of(path: Path) -> dict[str, Any]:
    if path.suffix == ".bmp":
        return json.loads(path.with_name(f"{path.name}.json").read_text())  # type: ignore[no-any-return]
    with Image.open(path) as picture:
        if path.suffix == ".png":
            return dict(picture.text)  # type: ignore[attr-defined]
        return json.loads(picture.tag_v2[270])  # type: ignore[attr-defined, no-any-return]


def pixels_per_metre(path: Path) -> tuple[float, float]:
    """As the file says it: PNG's pHYs chunk, BMP's header, TIFF's tags."""
    content = path.read_bytes()
    if path.suffix == ".png":
        at = content.index(b"pHYs")
        *found, unit = struct.unpack(">IIB", content[at + 4 : at + 13])
        assert unit == 1  # metre
        return tuple(found)
    if path.suffix == ".bmp":
        return struct.unpack("<ii", content[38:46])
    with Image.open(path) as picture:
        tags = picture.tag_v2  # type: ignore[attr-defined]
        assert tags[296] == 3  # centimetre
        return 100 * float(tags[282]), 100 * float(tags[283])


@pytest.mark.parametrize(("suffix", "options", "dtype", "count"), [
    ("png", {}, np.uint16, 65536), ("tiff", {}, np.uint16, 65536), ("tif", {"bits": 16}, np.uint16, 65536), ("bmp", {}, np.uint8, 256),
    ("png", {"bits": 8}, np.uint8, 256), ("tiff", {"bits": 8}, np.uint8, 256), ("png", {"levels": 218}, np.uint8, 218),
    ("bmp", {"levels": 8}, np.uint8, 8), ("png", {"levels": 1024}, np.uint16, 1024), ("tiff", {"levels": 256, "bits": 16}, np.uint16, 256),
])  # fmt: skip
@pytest.mark.parametrize("what", ["phase", "height"])
def test_pictures(
    finished_run: Path, tmp_path: Path, phase: np.ndarray, what: str, suffix: str, options: dict[str, int], dtype: type, count: int
) -> None:
    """Grey value g of N is 2 pi g / N, or the height that makes it, to half a step, whatever the largest one is."""
    full = TURN if what == "phase" else WAVELENGTH / 0.7227
    result = export.write(finished_run, what, tmp_path / f"m.{suffix}", **options)
    files = [Path(f) for f in result["files"] if not f.endswith(".json")]
    assert [f.name for f in files] == [f"m-1.{suffix}", f"m-2.{suffix}"]
    for n, (file, layer) in enumerate(zip(files, phase, strict=True), 1):
        with Image.open(file) as picture:
            got = np.asarray(picture)
        assert (got.dtype, got.shape) == (dtype, (16, 16))
        assert got.max() < count
        assert apart(got * (full / count), layer / TURN * full, full).max() <= full / count * 0.5001
        assert pixels_per_metre(file) == pytest.approx((2500, 2500), rel=1e-9)
        notes = notes_of(file)
        expected = {"pitch": PITCH, "wavelength": WAVELENGTH, "index": 1.7227, "full_scale": full, "scale": full / count}
        assert {name: float(notes[name]) for name in expected} == pytest.approx(expected, rel=1e-12)
        assert (notes["layer"], notes["unit"]) == (f"{n} of 2", "rad" if what == "phase" else "m")


def test_the_scale_does_not_follow_the_data(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask whose phases end at 2 pi / 3 ends at a third of the grey values."""
    ramp = np.linspace(0, TURN / 3, 256).reshape(1, 16, 16)
    monkeypatch.setattr(D2NN, "export", lambda self, what, index=None: ramp)
    export.write(finished_run, "phase", tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        np.testing.assert_array_equal(picture, np.rint(ramp[0] / TURN * 65536))


# --------------------------------------------------------------------------------------------------------- measured grey values
TABLE = """# LCOS, 25 C
grey, 532e-9, 7.495e-4

0, 0.10, 0.05   # dark
64, 1.9, 1.40
128, 4.0, 3.10
255, 8.0, 7.00
"""


def test_measured_table(finished_run: Path, tmp_path: Path, phase: np.ndarray) -> None:
    """Each pixel has the grey value whose measured phase is nearest, and no other is nearer."""
    (tmp_path / "slm.csv").write_text(TABLE)
    export.write(finished_run, "phase", tmp_path / "m.bmp", table=tmp_path / "slm.csv")
    measured = np.interp(np.arange(256), [0, 64, 128, 255], [0.05, 1.40, 3.10, 7.00])
    for n, layer in enumerate(phase, 1):
        with Image.open(tmp_path / f"m-{n}.bmp") as picture:
            got = np.asarray(picture)
        best = apart(layer[..., None], measured).min(axis=-1)
        np.testing.assert_allclose(apart(layer, measured[got]), best, atol=1e-12)
        notes = notes_of(tmp_path / f"m-{n}.bmp")
        np.testing.assert_allclose(np.array(notes["scale"])[got - notes["first_grey"]], measured[got], rtol=1e-12)
        assert best.max() <= notes["largest_error"] <= 3.9 / 127 / 2 + 1e-9


def test_grey_values_of_any_table(rng: np.random.Generator) -> None:
    """Phases that fall, do not begin at 0, and pass 2 pi more than once."""
    for values in (np.linspace(9, -5, 200), np.sort(rng.uniform(0, 7, 33)), np.array([0.0, 3.0]), np.array([6.28, 0.0, 3.0, 3.0])):
        greys = grey.Greys(5, values, TURN)
        wanted = np.concatenate([rng.uniform(-10, 10, 500), values, [0, TURN, np.nextafter(TURN, 0)]])
        best = apart(wanted[:, None], values).min(axis=1)
        np.testing.assert_allclose(apart(wanted, values[greys.of(wanted).astype(int) - 5]), best, atol=1e-12)
        assert best.max() <= greys.error + 1e-12


@pytest.mark.parametrize(("text", "message"), [
    ("", "must begin with 'grey' and wavelengths"),
    ("0, 1\n", "must begin with 'grey' and wavelengths"),
    ("grey\n0\n", "must begin with 'grey' and wavelengths"),
    ("grey, 7.495e-4\n0, x\n", "must begin with 'grey' and wavelengths"),
    ("grey, 7.495e-4\n0, 1, 2\n", "must begin with 'grey' and wavelengths"),
    ("grey, 7.495e-4\n0, 1\n", "two or more rising whole grey values"),
    ("grey, 7.495e-4\n0, 1\n0, 2\n", "two or more rising whole grey values"),
    ("grey, 7.495e-4\n0, 1\n1.5, 2\n", "two or more rising whole grey values"),
    ("grey, 7.495e-4\n0, 1\n70000, 2\n", "two or more rising whole grey values"),
    ("grey, 7.495e-4\n0, 1\n1, nan\n", "finite phases"),
    ("grey, 532e-9, nan\n0, 1, 1\n1, 2, 2\n", "was measured at 5.32e-07, nan m, and the light has 0.000749481 m"),
    ("grey, 7.495e-4\n0, 0\n100, 6\n200, 0.1\n", "leaps from 0 to 6 radians between grey 0 and 100: list more grey values, or unwrap"),
])  # fmt: skip
def test_tables_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        grey.read_table(tmp_path / "t.csv", WAVELENGTH)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_or_too_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        grey.read_table(tmp_path / "t.csv", WAVELENGTH)
    (tmp_path / "t.csv").write_text("grey, 632.8e-9\n0, 0\n100, 3\n200, 5.5\n")
    with pytest.warns(SamplingWarning, match=r"leave a part of 2 pi out: some are shown 0\.39 radians wrong"):
        grey.read_table(tmp_path / "t.csv", 633e-9)
    (tmp_path / "t.csv").write_text("grey, 632.8e-9\n" + "".join(f"{g}, {TURN * g / 256}\n" for g in range(256)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grey.read_table(tmp_path / "t.csv", 633e-9)


# --------------------------------------------------------------------------------------------------------------------- bodies
def triangles(content: bytes) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Header, normals (n, 3) and corners (n, 3, 3) of a binary STL file, float64."""
    (count,) = struct.unpack("<I", content[80:84])
    assert len(content) == 84 + 50 * count
    each = [struct.unpack("<12fH", content[84 + 50 * i : 134 + 50 * i]) for i in range(count)]
    numbers = np.array([e[:12] for e in each])
    return content[:80], numbers[:, :3], numbers[:, 3:].reshape(-1, 3, 3)


def assert_closed(corners: np.ndarray) -> None:
    """Each edge belongs to two triangles, which walk along it in opposite directions."""
    names = [[tuple(point) for point in triangle] for triangle in corners.tolist()]
    directed = Counter((t[k], t[(k + 1) % 3]) for t in names for k in range(3))
    assert set(directed.values()) == {1}
    assert all((b, a) in directed for a, b in directed)


def volume(corners: np.ndarray) -> float:
    """By the divergence theorem, positive where all triangles look outwards."""
    a, b, c = np.moveaxis(corners, 1, 0)
    return float((np.cross(a, b) * c).sum() / 6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2), (5, 4)])
def test_a_body_is_closed_and_has_its_volume(shape: tuple[int, int], rng: np.random.Generator) -> None:
    height = rng.uniform(0, 1e-3, shape)
    height.flat[0] = 0
    header, normals, corners = triangles(stl.body(height, PITCH, 0.5e-3, "unit=mm"))
    assert header == b"unit=mm".ljust(80)
    assert_closed(corners)
    blocks = 0.5 * height.size * 0.4**2 + 1e3 * height.sum() * 0.4**2  # mm^3
    assert volume(corners) == pytest.approx(blocks, rel=1e-6)
    np.testing.assert_allclose(corners.min(axis=(0, 1)), 0)
    np.testing.assert_allclose(corners.max(axis=(0, 1)), [0.4 * shape[1], 0.4 * shape[0], 0.5 + 1e3 * height.max()], rtol=1e-6)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.linalg.norm(cross, axis=1) > 0).all()
    np.testing.assert_allclose(normals, cross / np.linalg.norm(cross, axis=1, keepdims=True), atol=1e-4)


def test_a_chessboard_is_closed() -> None:
    """Where upright walls would meet by fours."""
    _, _, corners = triangles(stl.body(1e-3 * (np.indices((4, 4)).sum(axis=0) % 2), PITCH, 1e-3, ""))
    assert_closed(corners)


def test_heights_as_bodies(finished_run: Path, tmp_path: Path, phase: np.ndarray) -> None:
    result = export.write(finished_run, "height", tmp_path / "h.stl", index=1.5, base=2e-3)
    assert [Path(f).name for f in result["files"]] == ["h-1.stl", "h-2.stl"]
    for file, layer in zip(result["files"], phase, strict=True):
        header, _, corners = triangles(Path(file).read_bytes())
        assert header.decode().rstrip() == "unit=mm pitch=0.4 base=2 wavelength=0.749481 index=1.5"
        height = 1e3 * layer / TURN * WAVELENGTH / 0.5
        assert volume(corners) == pytest.approx((2 * 256 + height.sum()) * 0.4**2, rel=1e-6)
        # the pixel in row 3 and column 11 lies at y = 3.5 and x = 11.5 pixels
        inside = (np.abs(corners[:, :, 0] - 11.5 * 0.4) < 0.2).all(axis=1) & (np.abs(corners[:, :, 1] - 3.5 * 0.4) < 0.2).all(axis=1)
        np.testing.assert_allclose(corners[inside][:, :, 2], 2 + height[3, 11], rtol=1e-6)


def test_thick_bases_and_long_headers(finished_run: Path, tmp_path: Path) -> None:
    with pytest.warns(UnitWarning, match=r"the base is 0\.5 m thick: it is given in metres"):
        export.write(finished_run, "height", tmp_path / "h.stl", base=0.5)
    for base in (0, -1, np.nan, np.inf):
        with pytest.raises(RecipeError, match="--base must be a positive thickness in metres"):
            export.write(finished_run, "height", tmp_path / "h.stl", base=base)
    with pytest.raises(ValueError, match="at most 80 characters and not begin with 'solid'"):
        stl.body(np.zeros((1, 1)), 1.0, 1.0, "solid x")


# ------------------------------------------------------------------------------------------------------- what cannot be exported
@pytest.mark.parametrize(("what", "name", "options", "message"), [
    ("conductance", "a.npy", {}, "has no 'conductance' to export: there is phase, height"),
    ("phase", "a.mat", {}, r"must end in \.npy, \.npz, \.h5, \.png, \.tif, \.tiff, \.bmp, \.stl, got 'a\.mat'"),
    ("height", "a.npy", {"index": 1.0}, "refractive index above 1, got 1"),
    ("height", "a.npy", {"index": np.nan}, "refractive index above 1, got nan"),
    ("height", "a.npy", {"index": np.inf}, "refractive index above 1, got inf"),
    ("phase", "a.stl", {}, "an .stl is a body, which 'phase' is not: it is for heights"),
    ("phase", "a.npz", {"levels": 8}, r"--levels is for pictures \(\.png, .*\), not for \.npz"),
    ("phase", "a.png", {"base": 1e-3}, r"--base is the thickness under a relief in \.stl, not for \.png"),
    ("phase", "a.bmp", {"bits": 16}, r"--bits must be 8 for \.bmp, got 16"),
    ("phase", "a.png", {"bits": 12}, r"--bits must be 8 or 16 for \.png, got 12"),
    ("phase", "a.bmp", {"levels": 257}, r"257 grey values do not fit: there must be 2 to 256 of them in \.bmp of 8 bits"),
    ("phase", "a.png", {"levels": 0}, "0 grey values do not fit"),
    ("phase", "a.png", {"levels": 8, "table": Path("t.csv")}, "--levels and --wavelength-table exclude each other"),
    ("height", "a.png", {"table": Path("t.csv")}, "--wavelength-table is for phases, not for 'height'"),
])  # fmt: skip
def test_what_cannot_be_exported(finished_run: Path, tmp_path: Path, what: str, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        export.write(finished_run, what, tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_other_systems_say_their_units_and_have_no_pictures(tmp_path: Path) -> None:
    """Weights of either sign, and lists of edges, have no full scale."""
    from pnnkern.experiments import recipe

    for name, what, unit in (("coupled-iris", "conductance", "S"), ("ep-digits", "W1", "1")):
        folder = tmp_path / name
        settings = ["training.epochs=1", "data.train=20", "data.test=10", "control.linear=false", "control.exact=false"]
        run.start(recipe.find(name, settings), folder, quiet=True)
        export.write(folder, what, tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5") as file:
            assert file[what].attrs["unit"] == unit
        with pytest.raises(RecipeError, match=f"a picture needs a full scale, and '{what}' has none: use .npy, .npz, .h5"):
            export.write(folder, what, tmp_path / "a.png")
    found = DRN(hidden=[4], key=pnn.random.key(0)).exports()
    assert {name: q.unit for name, q in found.items()} == {"W1": "S", "W2": "S", "b1": "A", "b2": "A"}
