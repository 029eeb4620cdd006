"""Loading data: every source, and what is wrong with a bad one in one line."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from pnnkern._errors import DataError
from pnnkern.experiments import data
from pnnkern.experiments.idx import read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "x_train": rng.integers(0, 256, (12, 5, 4)).astype(np.uint8),
        "y_train": np.arange(12) % 3,
        "x_test": rng.integers(0, 256, (6, 5, 4)).astype(np.uint8),
        "y_test": np.arange(6) % 3,
    }


@pytest.fixture
def idx_folder(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A folder `mnist` of IDX files, one of them not compressed."""
    folder = tmp_path / "sets" / "mnist"
    folder.mkdir(parents=True)
    for name, array in zip(data.IDX_FILES, arrays.values(), strict=True):
        if name.startswith("t10k-labels"):
            (folder / name).write_bytes(idx_bytes(array))
        else:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def npz(path: Path, arrays: dict[str, np.ndarray], **changes: object) -> Path:
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("where", ["folder", "above", "environment", "path"])
def test_idx_folder(idx_folder: Path, arrays: dict[str, np.ndarray], where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNNKERN_DATA", raising=False)
    if where == "environment":
        monkeypatch.setenv("PNNKERN_DATA", str(idx_folder.parent))
        got = data.load("mnist")
    elif where == "path":
        got = data.load(path=idx_folder)
    else:
        got = data.load("mnist", folder=idx_folder if where == "folder" else idx_folder.parent)
    np.testing.assert_array_equal(got.train_images, arrays["x_train"])
    np.testing.assert_array_equal(got.test_labels, arrays["y_test"])
    assert got.test_labels.dtype == np.int64
    assert got.source == str(idx_folder)


def test_npz_and_its_digest(tmp_path: Path, arrays: dict[str, np.ndarray], idx_folder: Path) -> None:
    mine = data.load(path=npz(tmp_path / "mine.npz", arrays))
    assert (mine.name, mine.classes) == ("mine", 3)
    assert mine.digest() == data.load("mnist", folder=idx_folder).digest()
    other = data.load(path=npz(tmp_path / "other.npz", arrays, x_test=arrays["x_test"][:, ::-1].copy()))
    assert other.digest() != mine.digest()
    part = mine.head(7, 2)
    np.testing.assert_array_equal(part.train_images, arrays["x_train"][:7])
    np.testing.assert_array_equal(part.test_labels, arrays["y_test"][:2])
    with pytest.raises(DataError, match="13 train images were asked for, mine has 12"):
        mine.head(13)


def test_settings_are_chosen_without_the_test_set() -> None:
    """Every fourth training flower of each class is tested on, none of them is trained on, and no test flower is seen."""
    iris = data.load("iris")
    chosen = iris.held_out(4)
    assert np.bincount(chosen.test_labels).tolist() == [8, 8, 8]
    assert np.bincount(chosen.train_labels).tolist() == [26, 26, 26]
    assert "every 4-th training sample" in chosen.source
    both = np.concatenate([chosen.train_images, chosen.test_images])
    assert sorted(map(tuple, both)) == sorted(map(tuple, iris.train_images))
    np.testing.assert_array_equal(chosen.test_images[:8], iris.train_images[iris.train_labels == 0][3::4])
    assert iris.held_out(0) is iris
    for every in (1, 35):
        with pytest.raises(DataError, match=f"every {every}-th training sample of each class cannot be held out"):
            iris.held_out(every)


def test_classes_are_those_of_the_whole_set() -> None:
    """A class that the samples taken of a set have none of keeps its output; one that was not chosen has none."""
    whole = data.load("digits")
    few = whole.head(9, 4)  # digits of scikit-learn begin with 0, 1, 2, ...
    assert sorted(set(few.train_labels)) == list(range(9))
    assert (few.classes, whole.head(2, 2).classes, whole.head(40).held_out(3).classes) == (10, 10, 10)
    assert whole.only([3, 1, 0]).head(1, 1).classes == 3
    missing = data.from_arrays(np.zeros((4, 2)), np.array([0, 0, 1, 2]), np.zeros((3, 2)), np.array([0, 0, 2])).head(2, 2)
    assert missing.held_out(2).classes == 3


def test_npz_of_fractions(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    got = data.load(path=npz(tmp_path / "f.npz", arrays, x_train=arrays["x_train"] / 255.0, x_test=arrays["x_test"] / 255.0))
    assert got.train_images.max() <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None, "x_test": None}, "lacks x_test, y_test"),
        ({"x_train": np.zeros((12, 20, 2, 2), np.uint8)}, r"x_train must be \(images, height, width\).*got shape \(12, 20, 2, 2\)"),
        ({"x_train": np.zeros((0, 5, 4), np.uint8)}, "at least one"),
        ({"x_train": np.zeros((12, 5, 4), np.int32)}, r"uint8, or floating in \[0, 1\], got int32"),
        ({"x_train": np.full((12, 5, 4), np.nan)}, "240 NaN"),
        ({"x_train": np.full((12, 5, 4), 3.0)}, r"lie in \[0, 1\], got 3 .. 3"),
        ({"x_train": np.full((12, 5, 4), np.inf)}, r"lie in \[0, 1\], got inf"),
        ({"y_train": np.arange(11)}, r"y_train must have shape \(12,\).*got \(11,\)"),
        ({"y_train": np.arange(12) % 3 + 0.5}, "integer labels 0..C-1, got float64"),
        ({"y_train": np.arange(12) % 3 - 1}, "the smallest is -1"),
        ({"y_train": np.arange(12) % 3 * 2}, "class 1 has no image"),
        ({"y_test": np.arange(6)}, "label 5 of y_test is not among them"),
        ({"x_test": np.zeros((6, 7, 4), np.uint8)}, r"one size, got \(5, 4\) in x_train and \(7, 4\)"),
        ({"x_test": np.array([{}] * 6)}, "cannot be read as .npz: Object arrays cannot be loaded"),
    ],
)
def test_unsuitable_npz(tmp_path: Path, arrays: dict[str, np.ndarray], changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        data.load(path=npz(tmp_path / "x.npz", arrays, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0, 30, 400])
def test_damaged_npz(tmp_path: Path, arrays: dict[str, np.ndarray], cut: int) -> None:
    path = npz(tmp_path / "x.npz", arrays)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"x\.npz (cannot be read as \.npz|is no \.npz file, or a damaged one)"):
        data.load(path=path)


def test_folders_without_the_files(tmp_path: Path, idx_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNNKERN_DATA", raising=False)
    with pytest.raises(DataError, match="--data-dir or the environment variable PNNKERN_DATA"):
        data.load("mnist")
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        data.load("mnist", folder=tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"lacks train-images-idx3-ubyte, train-labels.*; looked in .*fashion-mnist"):
        data.load("fashion-mnist", folder=tmp_path)
    (idx_folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"lacks train-labels-idx1-ubyte \(or \.gz\); looked in .*sets/mnist"):
        data.load("mnist", folder=idx_folder.parent)
    with pytest.raises(DataError, match=r"the data file .*x\.npz does not exist"):
        data.load(path=tmp_path / "x.npz")


def test_unknown_name() -> None:
    with pytest.raises(DataError, match="no data set is called 'mnist-smal': the nearest is 'mnist-small'"):
        data.load("mnist-smal")
    with pytest.raises(DataError, match="there are mnist-small, mnist, fashion-mnist"):
        data.load("cifar")


@pytest.mark.parametrize("shape", [(7,), (3, 1, 1), (2, 31, 33)])
def test_idx_round_trip(tmp_path: Path, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, shape).astype(np.uint8)
    (tmp_path / "a").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_damaged_idx(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    good = idx_bytes(arrays["x_train"])
    for name, content, message in [
        ("short", good[:-1], r"promises \(12, 5, 4\) bytes after 16, the file holds 255"),
        ("long", good + b"0", "holds 257 bytes"),
        ("header", good[:9], "damaged"),
        ("text", b"hello", "no IDX file of unsigned bytes: it begins with 68 65 6c 6c"),
        ("empty", b"", "begins with nothing"),
        ("plain.gz", good, "cannot be read: Not a gzipped file"),
        ("cut.gz", gzip.compress(good)[:-9], "cannot be read"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_idx(tmp_path / name)


def test_openml(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """What scikit-learn gives becomes images; the last seventh is for testing."""
    import sklearn.datasets

    table = rng.integers(0, 256, (70, 49)).astype(float)
    asked: list[dict[str, object]] = []

    def fetch(**options: object) -> tuple[np.ndarray, np.ndarray]:
        asked.append(options)
        return table, np.array([str(i % 10) for i in range(70)], object)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    got = data.load("openml:mnist_784")
    assert asked[0]["name"] == "mnist_784"
    assert (got.train_images.shape, got.test_images.shape) == ((60, 7, 7), (10, 7, 7))
    np.testing.assert_array_equal(got.train_images.reshape(60, 49), table[:60])
    np.testing.assert_array_equal(got.test_labels, np.arange(10))
    data.load("openml:554")
    assert asked[1]["data_id"] == 554

    table[3, 3] = np.nan
    with pytest.raises(DataError, match="missing: grey images are needed"):
        data.load("openml:mnist_784")

    table[3, 3] = 0
    fractions = table / 255  # which rounding to whole numbers would make black and white
    table[:] = fractions
    np.testing.assert_array_equal(data.load("openml:x").train_images.reshape(60, 49), fractions[:60])
    table[:] = np.rint(16 * fractions)
    with pytest.raises(DataError, match=r"has no value above 16, so that white may be less than 255: bring it to \[0, 1\] yourself"):
        data.load("openml:x")

    def offline(**options: object) -> None:
        raise OSError("Name or service not known\nmore")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", offline)
    with pytest.raises(DataError, match=r"openml.org gave no data set 'x': Name or service not known$"):
        data.load("openml:x")


# ------------------------------------------------------------------------------------------------------------------- features
@pytest.mark.parametrize(("name", "train", "test", "classes"), [
    ("iris", (102, 4), (48, 4), 3), ("wine", (120, 13), (58, 13), 3), ("digits", (1437, 8, 8), (360, 8, 8), 10),
])  # fmt: skip
def test_sets_of_scikit_learn(name: str, train: tuple[int, ...], test: tuple[int, ...], classes: int) -> None:
    found = data.load(name)
    assert (found.train_images.shape, found.test_images.shape, found.classes) == (train, test, classes)
    if len(train) == 2:
        assert found.train_images.min() == 0
        assert (found.train_images.max(axis=0) == 1).all()
        raw = getattr(sklearn.datasets, f"load_{name}")()
        low, high = raw.data[:, 0].min(), raw.data[:, 0].max()
        assert found.train_images[0, 0] == pytest.approx((raw.data[0, 0] - low) / (high - low), abs=0.03)


@pytest.mark.parametrize("name", ["iris", "wine", "digits"])
def test_small_sets_are_those_of_scikit_learn(name: str) -> None:
    """To the last bit: what is shipped is what it has."""
    raw = getattr(sklearn.datasets, f"load_{name}")()
    with np.load(Path(__file__).parents[2] / "data" / data.SMALL_SETS) as shipped:
        np.testing.assert_array_equal(shipped[f"{name}_x"], raw.images if name == "digits" else raw.data)
        np.testing.assert_array_equal(shipped[f"{name}_y"], raw.target)


def test_small_sets_need_no_scikit_learn() -> None:
    """Whose import takes longer than all else of a small run."""
    code = "import sys; from pnnkern.experiments import data; data.load('iris'); data.load('digits'); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_vowels(data_folder: Path) -> None:
    """990 rows, split by speaker as the file says: 528 and 462."""
    found = data.load("vowel", folder=data_folder)
    assert (found.train_images.shape, found.test_images.shape, found.classes) == ((528, 10), (462, 10), 11)
    assert (np.bincount(found.train_labels) == 48).all()
    assert (np.bincount(found.test_labels) == 42).all()


def test_vowels_need_their_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"vowel/vowel.dat: name its folder with --data-dir or PNNKERN_DATA"):
        data.load("vowel", folder=tmp_path)
    (tmp_path / "vowel").mkdir()
    (tmp_path / "vowel" / "vowel.dat").write_text("0,0,0,1.0,2.0\n")
    with pytest.raises(DataError, match="14 columns"):
        data.load("vowel", folder=tmp_path)


def test_some_classes_and_pooled_pixels() -> None:
    whole = data.load("mnist-small")
    some = whole.only([7, 1])
    kept = np.isin(whole.test_labels, [1, 7])
    np.testing.assert_array_equal(some.test_images, whole.test_images[kept])
    np.testing.assert_array_equal(some.test_labels, np.where(whole.test_labels[kept] == 7, 0, 1))
    assert some.classes == 2
    pooled = some.pooled(4)
    assert pooled.train_images.shape == (len(some.train_labels), 7, 7)
    assert pooled.train_images[3, 2, 4] == pytest.approx(some.train_images[3, 8:12, 16:20].mean() / 255)
    assert whole.only([]) is whole
    assert whole.pooled(1) is whole
    with pytest.raises(DataError, match="two or more different labels from 0 to 9, got"):
        whole.only([3, 12])
    with pytest.raises(DataError, match="images of 28 x 28 cannot be pooled over squares of 3"):
        whole.pooled(3)
