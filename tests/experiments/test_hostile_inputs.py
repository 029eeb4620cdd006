"""Files, recipes and settings of somebody else: refused in one line before they cost anything, whatever they say of themselves."""

import contextlib
import gzip
import os
import resource
import signal
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scripted import script

from pnnkern import _files, cli
from pnnkern._errors import DataError, PnnError
from pnnkern.experiments import controls, data, grey, memory, recipe, run
from pnnkern.experiments.idx import read_idx
from pnnkern.experiments.loop import TrainingError
from pnnkern.experiments.recipe import RecipeError
from pnnkern.networks import graphs
from pnnkern.optics.propagation import Propagator
from pnnkern.systems import ResistorCircuit


@contextlib.contextmanager
def cheap(most: int = 8 << 20, seconds: float = 10.0) -> Iterator[None]:
    """What happens inside takes at most so many bytes, and ends."""

    def late(*_: object) -> None:
        pytest.fail(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert peak < most


def refused(read: Callable[[], Any], message: str, error: type[PnnError] = DataError) -> None:
    with cheap(), pytest.raises(error, match=message) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


# ------------------------------------------------------------------------------------------------------------------------ files
@pytest.fixture
def no_files(tmp_path: Path) -> dict[str, Path]:
    """Paths that are no regular files, and links to such."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = {"a pipe": tmp_path / "pipe", "a device": Path("/dev/zero"), "a folder": tmp_path / "folder", "Too many levels": tmp_path / "loop"}
    for name in ("pipe", "folder"):
        (tmp_path / f"to-{name}").symlink_to(tmp_path / name)
    (tmp_path / "to-device").symlink_to("/dev/zero")
    return found | {f"{name}.": tmp_path / f"to-{name[2:]}" for name in ("a pipe", "a device", "a folder")}


READERS: dict[str, tuple[Callable[[Path], Any], type[Exception]]] = {
    "npz": (data.from_npz, DataError), "idx": (read_idx, DataError), "grey table": (lambda path: grey.read_table(path, 5e-7), DataError),
    "edges": (graphs.read_edges, DataError),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_only_regular_files_are_read(reader: str, no_files: dict[str, Path]) -> None:
    """Nothing waits for a pipe, or reads a device to its end."""
    read, error = READERS[reader]
    for what, path in no_files.items():
        missing = what.startswith("Too many") and reader == "npz"
        with cheap(), pytest.raises(error, match="does not exist" if missing else f"cannot be read: .*{what.rstrip('.')}"):
            read(path)


def test_recipes_that_are_no_files(no_files: dict[str, Path], tmp_path: Path) -> None:
    for what, path in no_files.items():
        (tmp_path / "x.toml").unlink(missing_ok=True)
        (tmp_path / "x.toml").symlink_to(path)
        refused(lambda: recipe.find(str(tmp_path / "x.toml")), f"cannot be read: .*{what.rstrip('.')}", RecipeError)


def test_a_pipe_that_takes_a_file_s_place(no_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at it and the opening."""
    status = os.stat(__file__)
    monkeypatch.setattr(_files.os, "stat", lambda *_, **__: status)
    refused(lambda: read_idx(no_files["a pipe"]), "it must be a regular file, and is a pipe")


def test_links_to_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "link.npz").symlink_to(sound(tmp_path / "x.npz"))
    assert data.load(path=tmp_path / "link.npz").classes == 2


def test_idx_folder_with_a_pipe_in_it(tmp_path: Path) -> None:
    for name in data.IDX_FILES:
        os.mkfifo(tmp_path / name)
    refused(lambda: data.load("mnist", folder=tmp_path), "train-images-idx3-ubyte cannot be read: it must be a regular file, and is a pipe")


@pytest.mark.parametrize("path", ["a" * 300, "a/" * 2500, "~nobody-of-that-name/x.npz", "loop", "\0"])
def test_names_that_no_file_has(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    for read in (lambda: data.load(path=path), lambda: data.load("mnist", folder=path), lambda: data.load("vowel", folder=path)):
        with pytest.raises(DataError):
            read()


# -------------------------------------------------------------------------------------------------------------------------- IDX
def idx(*sizes: int, body: bytes = b"") -> bytes:
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + body


def test_idx_bombs(tmp_path: Path) -> None:
    """What is unpacked ends with what the header promises, and the header promises no more than a file of that size can hold."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(12, body=bytes(64 << 20)), 1))
    refused(lambda: read_idx(path), r"its header promises \(12,\) bytes after 8, the file holds more")
    path.write_bytes(gzip.compress(idx(60000, 280, 280), 1))
    refused(lambda: read_idx(path), r"bomb.gz has \d+ bytes and would become 4704000000: .*give the file uncompressed")
    path.write_bytes(gzip.compress(idx(2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1), 1))
    refused(lambda: read_idx(path), "would become")
    (tmp_path / "plain").write_bytes(idx(2**32 - 1, 2**32 - 1))
    refused(lambda: read_idx(tmp_path / "plain"), r"promises \(4294967295, 4294967295\) bytes after 12, the file holds 12 bytes in all")


def test_gzip_of_zeros_is_read(tmp_path: Path) -> None:
    """Dark pictures compress a thousandfold, and are no bomb as long as they are small."""
    (tmp_path / "dark.gz").write_bytes(gzip.compress(idx(100, 28, 28, body=bytes(78400))))
    assert read_idx(tmp_path / "dark.gz").shape == (100, 28, 28)


# -------------------------------------------------------------------------------------------------------------------------- npz
def arrays() -> dict[str, Any]:
    x = np.arange(6 * 4, dtype=np.uint8).reshape(6, 4)
    return {"x_train": x, "y_train": np.arange(6) % 2, "x_test": x[:2], "y_test": np.arange(2)}


def sound(path: Path, **changes: Any) -> Path:
    np.savez(path, **(arrays() | changes))
    return path


def body(array: np.ndarray, header: str | None = None) -> bytes:
    """An array as .npy, with a header of one's own."""
    text = header or f"{{'descr': {array.dtype.str!r}, 'fortran_order': False, 'shape': {array.shape}, }}\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + array.tobytes()


def archive(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, array in arrays().items():
            file.writestr(f"{name}.npy", members.get(name, body(np.asarray(array))))
    return path


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 4)}", r"promises uint8 \(99999999999, 4\), and holds 24 bytes"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-6, -4)}", "x_train promises"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4)}", "x_train promises"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': ((6, 4),)}", "does not begin with the header of an array of numbers"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "(" * 4000, "does not begin with the header"),
        ("-" * 9000 + "1", "does not begin with the header"),
        ("9" * 9000, "does not begin with the header"),
        ("__import__('os').abort()", "does not begin with the header"),
        ("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (6, 4)}", "x_train must hold numbers, got dtype"),
        ("{'descr': '|V2147483647', 'fortran_order': False, 'shape': (6, 4)}", "x_train must hold numbers, got dtype"),
        ("{'descr': '<U5', 'fortran_order': False, 'shape': (6, 4)}", "x_train must hold numbers, got dtype <U5"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (6, 4)}", "Object arrays cannot be loaded, and x_train must hold numbers"),
        ("{'descr': ('|u1', (1000000000,)), 'fortran_order': False, 'shape': (6, 4)}", "x_train must hold numbers|promises"),
    ],
)
def test_headers_that_lie(header: str, message: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", {"x_train": body(arrays()["x_train"], header)})
    refused(lambda: data.from_npz(path), message)


def test_npz_bombs(tmp_path: Path) -> None:
    """Four gigabytes of zeros in a file of four megabytes, and a directory that promises what is not there."""
    path = tmp_path / "x.npz"
    bomb = body(np.zeros(0, np.uint8), "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 19000, 19000)}") + bytes(19000 * 19000)
    archive(path, {"x_train": bomb, "x_test": bomb}, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    refused(lambda: data.from_npz(path), r"x.npz has \d+ bytes and would become 72\d+: more than 100 times as many are taken for an attack")
    content = bytearray(archive(path, {}).read_bytes())
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    refused(lambda: data.from_npz(path), "would become 2147")


def test_members_of_an_npz(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", {})
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("x_train.npy", b"other")
    refused(lambda: data.from_npz(path), "holds x_train 2 times: it must hold one of each name")
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        archive(path, {}, compression=method)
        refused(lambda: data.from_npz(path), "compressed in a way that NumPy does not write")
    content = bytearray(archive(path, {}).read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    refused(lambda: data.from_npz(path), "holds x_train encrypted")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../\x1b[2Jx_train.npy", b"")
    refused(lambda: data.from_npz(path), r"lacks x_train, .*and holds '../../\\x1b\[2Jx_train'")
    (tmp_path / "pickle.npz").write_bytes(b"\x80\4\x95" + bytes(50))
    refused(lambda: data.from_npz(tmp_path / "pickle.npz"), "is no .npz file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.array([0, 1, 0, 1, 0, 2**31])}, "must be 0..C-1 without gaps, but class 2 has no image"),
        ({"y_train": np.array([0, 1, 0, 1, 0, 2**64 - 1], np.uint64)}, "class 2 has no image"),
        ({"y_test": np.array([0, 2**40])}, "label 1099511627776 of y_test is not among them"),
        ({"y_train": np.array([0, 1, 0, 1, 0, np.nan])}, "must hold integer labels 0..C-1, got float64"),
        ({"y_train": np.zeros((6, 0)), "y_test": np.zeros((2, 0))}, r"real targets y_train must be \(6, outputs\) in \[0, 1\], got \(6, 0\)"),
        ({"y_train": np.full((6, 2), np.nan), "y_test": np.zeros((2, 2))}, "real targets y_train must be"),
        ({"x_train": np.zeros((6, 4), complex)}, "must be uint8, or floating in .*, got complex128"),
        ({"x_train": np.float64(3)}, r"got shape \(\)"),
        ({"x_train": np.full((6, 4), -np.inf)}, "lie in"),
        ({"x_train": np.zeros((6, 0))}, "with at least one"),
    ],
)
def test_values_that_cannot_be_learned(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = sound(tmp_path / "x.npz", **changes)
    refused(lambda: data.from_npz(path), message)


@pytest.mark.parametrize("kind", [">f4", ">f8", "g", "f2"])
def test_any_order_of_bytes_and_of_axes_is_read(kind: str, tmp_path: Path) -> None:
    """Values as they were written, in an order that kernels take."""
    x = np.asfortranarray(np.random.default_rng(0).random((6, 3, 5)).astype(kind))
    got = data.load(path=sound(tmp_path / "x.npz", x_train=x, x_test=x[:2], y_train=(np.arange(6) % 2).astype(">u8")))
    np.testing.assert_array_equal(got.train_images, x.astype(np.float64).astype(got.train_images.dtype))
    assert got.train_images.dtype.isnative
    assert got.train_images.dtype.itemsize <= 8
    assert got.train_labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_a_linear_control_of_one_class() -> None:
    with pytest.raises(DataError, match=r"the 20 training images of iris are all of class 0, .*: take others, or set control.linear=false"):
        controls.linear(data.load("iris").head(20, 10))


# ------------------------------------------------------------------------------------------------------------------ other readers
def test_edge_lists_that_name_huge_nodes(tmp_path: Path) -> None:
    for line, message in (("0 1099511627776", "without gaps: no line names node 1, line 1 names node 1099511627776"),
                          ("-1 0", "node -1"), ("0 " + "9" * 5000, "line 1: nodes must be whole numbers, got '999")):  # fmt: skip
        (tmp_path / "e").write_text(line)
        refused(lambda: graphs.read_edges(tmp_path / "e"), message)
    (tmp_path / "e").write_bytes(b"\xff\xfe")
    refused(lambda: graphs.read_edges(tmp_path / "e"), "cannot be read: .*utf-8")


def test_missing_edge_list(tmp_path: Path) -> None:
    for file, message in (("", "graph='file' and file, a path, need each other"), ("gone", r"the edge list gone cannot be read: No such file")):
        chosen = recipe.find("coupled-iris", ["system.graph=file", f"system.file={file}"])
        with pytest.raises((DataError, RecipeError), match=message):
            run.assemble(chosen, tmp_path)


def test_long_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of text are read up to a bound, whatever is in them."""
    for module, read in ((grey, lambda p: grey.read_table(p, 5e-7)), (graphs, graphs.read_edges)):
        monkeypatch.setattr(module, "LONGEST", 10)
        (tmp_path / "long").write_text("0 1\n" * 10)
        refused(lambda: read(tmp_path / "long"), "it is longer than 10 bytes")  # noqa: B023
    with open(tmp_path / "x.toml", "wb") as file:
        file.truncate(100 << 20)
    refused(lambda: recipe.find(str(tmp_path / "x.toml")), "it is longer than 32768 bytes", RecipeError)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1" + ",0.5" * 12 + ",0"] * 3, "samples of both test flags"),
        (["0" + ",0.5" * 12 + ",nan", "1" + ",0.5" * 12 + ",0"], "finite numbers"),
        (["0" + ",0.5" * 12 + ",1e300", "1" + ",0.5" * 12 + ",0"], "whole classes"),
        (["0" + ",0.5" * 11 + ",inf,0", "1" + ",0.5" * 12 + ",0"], "finite numbers"),
    ],
)
def test_vowels_that_are_none(rows: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "vowel").mkdir()
    (tmp_path / "vowel/vowel.dat").write_text("\n".join(rows))
    refused(lambda: data.load("vowel", folder=tmp_path), message)


def test_openml_tables_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import http.client

    import scipy.sparse
    import sklearn.datasets

    def gives(*found: Any) -> None:
        monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: found)

    for found in ((scipy.sparse.eye(9), np.zeros(9)), (np.zeros((9, 4)), None), (np.zeros(9), np.zeros(9)), (np.zeros((9, 4)), np.zeros(3))):
        gives(*found)
        refused(lambda: data.load("openml:x"), "is no table of numbers with one target for each row")

    for fault in (http.client.IncompleteRead(b""), TimeoutError()):

        def breaks(fault: Exception = fault, **_: object) -> None:
            raise fault

        monkeypatch.setattr(sklearn.datasets, "fetch_openml", breaks)
        refused(lambda: data.load("openml:x"), f"openml.org gave no data set 'x': {type(fault).__name__}")
    refused(lambda: data.load("openml:²"), "openml.org gave no data set '²'")
    refused(lambda: data.load("allostery:99999x99999"), "allostery with its sources and targets, up to 9999")


# ---------------------------------------------------------------------------------------------------------------------- recipes
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=1" + "0" * 5000, "a whole number has too many digits"),
        ("training.epochs=0x" + "f" * 5000, "training.epochs: input should be less than .*, got a number of thousands of digits"),
        ("training.lr=1" + "0" * 400, r"training.lr: input should be a valid number, got 1000.*\.\.\.$"),
        ("training.lr=" + "[" * 5000, "values are nested too deeply"),
        ("training.lr=" + "{a=" * 3000, "values are nested too deeply"),
        ("a." * 3000 + "b=1", "keys are table.key"),
        ("training.lr=1\nfoo=2", "training.lr: input should be a valid number, got '1.nfoo=2'"),
        ("system.kind=[1]", r"system.kind must be a string, one of .*, got \[1\]"),
        ("rule.kind={a=1}", "rule.kind must be a string"),
        (" rule.kind =0", "rule.kind must be a string"),
        ("data.path=\udcff", "data.path must be text in UTF-8"),
        ('data.path="\\u0000"', "data.path must be text in UTF-8, .*without zero bytes"),
        ("data.path=" + "a" * 5000, "of 4096 characters at most"),
        ("data.path=" + "a" * 50000, "a recipe has 32768 at most"),
        ("recipe='../../x'", "recipe must be a name for a folder, of at most 100 letters"),
        ("recipe='.ssh'", "recipe must be a name for a folder"),
        ("system.pad=1e400", "finite number"),
        ("system.misalignment=nan", "finite number"),
        ("system.layers=1000000000", "system.layers: input should be less than or equal to 1000"),
        ("system.size=1000000000", "system.size: input should be less than or equal to 16777216"),
        ("compute.threads=1000000000", "compute.threads: input should be less than or equal to 1024"),
        ("system.size=[[1]]", r"system.size: input should be a valid integer, got \[\[1\]\]"),
        ("compute.chunk=1000000000", "compute.chunk: input should be less than"),
    ],
)
def test_settings_that_no_recipe_has(override: str, message: str) -> None:
    refused(lambda: recipe.find("d2nn-digits", [override]), message, RecipeError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a." * 50000 + "b = 1", "it has 100005 characters, and a recipe has 32768 at most"),
        ("x = " + "[" * 500 + "]" * 500, "values are nested too deeply"),
        ("[" + "a." * 400 + "b]", "values are nested too deeply"),
        ("[[system]]\nkind = 'd2nn'", "system must be a table"),
        ("data = 1979-05-27\n[system]\nkind = 'd2nn'", "data must be a table"),
        ("system = {kind = {}}", "system.kind must be a string"),
    ],
)
def test_texts_that_are_no_recipe(text: str, message: str) -> None:
    refused(lambda: recipe.loads(text, "x", where="x"), message, RecipeError)


def test_a_mark_of_the_order_of_bytes_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf[system]\nkind = 'd2nn'\n")
    assert recipe.find(str(tmp_path / "x.toml")).system.kind == "d2nn"


FEW = ["data.train=60", "data.test=20", "control.linear=false"]
TINY = ["system.layers=2", "system.size=16", "system.detector_size=2", "system.input_size=8", *FEW]


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("d2nn-digits", [*TINY, "system.pad=1e9", "system.method=fresnel"], r"this plan needs .* MiB for a window of .* points"),
        ("d2nn-digits", [*TINY, "system.pad=1e300"], "a window of 1.6e.301 points on a side is more than any memory holds: give a smaller pad"),
        ("d2nn-digits", [*TINY, "system.pitch=1e300"], "system.pitch: input should be less than or equal to 1000000000, got 1e.300"),
        ("d2nn-digits", [*TINY, "system.wavelength=5e-324"], "wavelength must be a length of 1e-15 metres or more, got 4.94066e-324"),
        ("d2nn-digits", [*TINY, "system.spacing=1e300"], "spacing: input should be less than or equal to 1000000000000000, got 1e.300"),
        ("d2nn-digits", [*TINY, "system.misalignment=1e300"], "misalignment: input should be less than or equal to 1000000000, got 1e.300"),
        ("coupled-iris", ["data.train=5"], "the 5 training images of iris are all of class 0"),
        ("d2nn-digits", ["data.path=~nobody-of-that-name/x.npz"], "the data file .*~nobody-of-that-name/x.npz does not exist"),
        ("coupled-iris", ["system.degree=1.7e308"], "but a mean degree of 1.7e.308"),
        ("ising-digits", ["system.rates=[1.0]", "data.train=60", "data.test=20"], "rates must be two numbers, of W1 and of W2, got 1"),
        ("oim-mnist", ["system.rates=[1.0, 1.0, 1.0]", "data.name=mnist-small"], "rates must be two numbers, of W1 and of W2, got 3"),
    ],
)
def test_systems_that_cannot_be(name: str, overrides: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(PnnError, match=message) as caught:
        run.start(recipe.find(name, overrides), tmp_path / "run", quiet=True)
    assert "\n" not in str(caught.value)
    assert "raise " not in str(caught.value)


def test_names_in_any_script(tmp_path: Path) -> None:
    """Options become TOML, which has no escapes for what JSON writes as two."""
    for name in ("é", "\U0001f600", "'\""):
        (tmp_path / name).mkdir()
        assert recipe.find("d2nn-digits", cli._overrides(None, data_dir=str(tmp_path / name))).data.folder == str(tmp_path / name)
    chosen = recipe.find("d2nn-digits", [f"data.path={tmp_path}/\U0001f600"])
    recipe.write(chosen, tmp_path / "config.toml")
    assert recipe.read_run(tmp_path) == chosen


def test_recipes_that_become_too_long(tmp_path: Path) -> None:
    """Completed and written down: such a run could not be resumed."""
    chosen = recipe.find("d2nn-digits", ["data.classes=[" + "1," * 9000 + "]"])
    refused(lambda: recipe.write(chosen, tmp_path / "config.toml"), "the complete recipe has .* characters, .*: shorten its lists", RecipeError)


def test_a_distance_that_no_window_holds() -> None:
    """The transfer function would need 10^24 samples; the impulse response takes a window of the usual size."""
    plan = Propagator((16, 16), pitch=1e-6, wavelength=5e-7, distance=1e20)
    assert plan.methods == ("rayleigh_sommerfeld",)
    assert max(plan.grid.window) < 100


def test_a_step_that_a_system_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise ValueError("conductance must be at least 0 siemens, got -0.049")

    monkeypatch.setattr(ResistorCircuit, "forward_population", refuse)
    chosen = recipe.find("coupled-iris", ["rule.kind=spsa", "control.linear=false", "control.exact=false"])
    with pytest.raises(TrainingError, match=r"step 0 of .* cannot be done: conductance must be .* siemens, got .*; lower training.lr, or "):
        run.start(chosen, tmp_path / "run", quiet=True)


def test_a_rule_that_a_writer_refuses_is_one_line(tmp_path: Path) -> None:
    chosen = recipe.find("crossbar-digits-tiki-taka", ["rule.kind=spsa", "data.train=60", "data.test=20", "control.linear=false"])
    with pytest.raises(PnnError, match="takes updates in factors, and this rule gives it an array: take another rule"):
        run.start(chosen, tmp_path / "run", quiet=True)


def sets(*overrides: str) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


# ------------------------------------------------------------------------------------------------------------------------ memory
def test_more_than_there_is_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the kernel's killing of processes: as if this machine had a gigabyte, and weights of four."""
    monkeypatch.setattr(memory, "available", lambda: 1 << 30)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    settings = sets("system.hidden=[1000000]", "data.name=mnist-small", *FEW)
    assert cli.main(["run", "hopfield-mnist", "--out", str(tmp_path / "x"), *settings]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "Unable to allocate" in line
    assert "make what is large in [system] smaller, or lower training.batch or compute.chunk" in line
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_memory_of_a_control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's share counts, less what it uses, but for what is cached; of all groups that it is in."""
    group = "/sys/fs/cgroup/a"
    made = {
        "/proc/meminfo": "MemAvailable: 8000 kB\nSwapFree: 1000 kB\n", "/proc/self/cgroup": "1:net:/\n0::/a/b\n",
        f"{group}/memory.max": "5000000\n", f"{group}/memory.current": "2000000\n", f"{group}/memory.stat": "anon 1\nfile 500000\n",
        f"{group}/b/memory.max": "max\n", f"{group}/b/memory.current": "1\n", f"{group}/b/memory.stat": "file 0\n",
    }  # fmt: skip

    def read(path: Path, **_: Any) -> str:
        try:
            return made[str(path)]
        except KeyError:
            raise FileNotFoundError(str(path)) from None

    monkeypatch.setattr(Path, "read_text", read)
    assert memory.available() == 3_500_000
    made[f"{group}/memory.max"] = "max\n"
    assert memory.available() == 9000 * 1024
    del made["/proc/meminfo"]
    assert memory.available() is None


def test_a_gpu_has_no_bound() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory.bounded("cuda"):
        assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_data_that_memory_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before they are read, also where a file's holes make it long and small."""
    with open(tmp_path / "holes", "wb") as file:
        file.write(idx(1 << 20, 1 << 20))
        file.truncate((1 << 40) + 12)
    refused(lambda: read_idx(tmp_path / "holes"), r"holes would take 1.02e\+03 GiB of memory, and \S+ GiB are free: give fewer samples")
    monkeypatch.setattr(memory, "available", lambda: 30)
    refused(lambda: data.from_npz(sound(tmp_path / "x.npz")), "GiB are free: give fewer samples")


# ------------------------------------------------------------------------------------------------------------------ command line
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one line, in which nothing steers the terminal."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("\x1b[2J.npy", b"")
    (tmp_path / "file").write_text("")
    for arguments in (sets(f"data.path={tmp_path}/x.npz"), sets("a\x1b[2J=1"), ["--out", "a" * 5000],
                      ["--out", str(tmp_path / "file/below"), *sets(*TINY)]):  # fmt: skip
        assert cli.main(["run", "d2nn-digits", *arguments]) == 2
        line = capsys.readouterr().err
        assert line.startswith("pnnkern: error: ")
        assert line.count("\n") == 1
        assert line[:-1].isprintable()


# ----------------------------------------------------------------------------------------------------------------------- fuzzers
@pytest.fixture(scope="module")
def fuzzer() -> ModuleType:
    return script("fuzz_inputs")


@pytest.mark.parametrize(
    ("target", "cases"), [("npz", 2500), ("idx", 2500), ("toml", 1000), ("set", 1000), ("hdf5", 100), ("npy", 500), ("inspect", 100)]
)
def test_fuzzers(target: str, cases: int, fuzzer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case is refused in one line or right, in bounded time and memory; both come up."""
    if target == "set":
        monkeypatch.setattr(fuzzer, "SECONDS", 60.0)  # where the first step of a kind of system finds its kernels not compiled yet
    counts, wrong = fuzzer.fuzz(target, range(cases), 0, tmp_path)
    assert not wrong
    assert sum(sum(count.values()) for count in counts.values()) == cases
    assert all(sum(count[found] for count in counts.values()) > cases / 20 for found in ("right", "refused"))


def test_fuzzers_repeat_themselves(fuzzer: ModuleType, tmp_path: Path) -> None:
    first = fuzzer.fuzz("idx", range(100), 5, tmp_path)
    assert fuzzer.fuzz("idx", range(100), 5, tmp_path) == first
    assert fuzzer.fuzz("idx", range(100), 6, tmp_path) != first


def test_fuzzers_see_what_is_wrong(fuzzer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, a wrong value, something taken that should not be, memory and time."""
    case = fuzzer.Case
    assert fuzzer.outcome(case("", lambda: 1 / 0, None)).startswith("ZeroDivisionError in test_hostile_inputs.py")
    assert fuzzer.outcome(case("", lambda: 3, None)) == "taken, and should be refused"
    assert fuzzer.outcome(case("", lambda: 3, lambda got: got == 4)) == "taken, and is not what was given"
    assert fuzzer.outcome(case("", lambda: 3, lambda got: got == 3)) == "right"
    assert fuzzer.outcome(case("", lambda: np.ones(2 << 30, np.uint8), None)).startswith("MemoryError")
    monkeypatch.setattr(fuzzer, "SECONDS", 0.05)
    assert fuzzer.outcome(case("", lambda: time.sleep(5), None)).startswith("Late")

    def two_lines() -> None:
        raise DataError("two\nlines")

    assert "no line" in fuzzer.outcome(case("", two_lines, None))
