"""The package as users get it: wheel, sdist, editable, `--target` and bare checkout all find kernels and data."""

import configparser
import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import cpp_page
import pytest

ROOT = Path(__file__).resolve().parents[1]
PROBE = (
    "import numpy as np, pnnkern as pnn; from pnnkern import _sources, data; from pathlib import Path; "
    "assert 'pnn_mask_transmit_c64' in _sources.kernels(), 'kernels'; assert (Path(pnn.get_include()) / 'pnnkern/complex.cuh').is_file(); "
    "assert (Path(data.__file__).parent / 'mnist-small.npz').is_file(), 'data'; "
    "u = pnn.optics.propagate(np.ones((8, 8), np.complex64), distance=1e-3, wavelength=1e-6, pitch=4e-6); assert np.isfinite(u).all(); "
    "print(pnn.__file__)"
)


def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def python(*args: str, cwd: Path, path: str = "") -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | ({"PYTHONPATH": path} if path else {})
    done = subprocess.run([sys.executable, *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def pip(*args: str, cwd: Path) -> None:
    python("-m", "pip", "-q", "install", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", *args, cwd=cwd)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked and new files, so that building leaves nothing behind in the checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no git checkout, so its files cannot be listed")
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def built(source: Path) -> Path:
    """dist/ with a wheel and an sdist."""
    python("-m", "build", "--no-isolation", "-o", "dist", ".", cwd=source)
    return source / "dist"


def test_metadata_is_that_of_the_citation(built: Path) -> None:
    """In the wheel: who, under which licence, for what; nothing is unknown or empty."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        found = email.message_from_bytes(archive.read(name))
    cited = (ROOT / "CITATION.cff").read_text()
    assert found["Author"] in re.findall(r'^  - name: "(.*)"$', cited, re.MULTILINE)
    assert found["Version"] == re.search(r"^version: (.*)$", cited, re.MULTILINE)[1]  # type: ignore[index]
    assert found["License"] == re.search(r"^license: (.*)$", cited, re.MULTILINE)[1]  # type: ignore[index]
    keywords = re.search(r"^keywords:\n((?:  - .*\n?)+)", cited, re.MULTILINE)[1]  # type: ignore[index]
    assert [word.strip() for word in found["Keywords"].split(",")] == re.findall(r"- (.*)", keywords)
    classifiers = found.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    assert sum(c.startswith("Development Status ::") for c in classifiers) == 1
    assert not any(value.strip() in ("", "UNKNOWN") for value in found.values())


def test_listed_packages_are_the_folders_with_code() -> None:
    listed = set(config()["options"]["packages"].split())
    mapped = {"pnnkern": ROOT / "pnnkern", "pnnkern.kernels": ROOT / "kernels", "pnnkern.data": ROOT / "data"}
    found = {
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in mapped.items()
        for init in folder.glob("**/__init__.py")
    }
    assert listed == found
    without = [p for folder in mapped.values() for p in folder.glob("**/*.py") if not (p.parent / "__init__.py").exists()]
    assert not without, f"folders of {without} have no __init__.py"


def test_wheel_and_sdist_hold_kernels_and_data(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "pnnkern/kernels/optics/mask.cu",
        "pnnkern/kernels/include/pnnkern/complex.cuh",
        "pnnkern/data/mnist-small.npz",
        "pnnkern/py.typed",
        "pnnkern/cmake/pnnkernConfig.cmake",
        "pnnkern/kernels/include/pnnkern/kernels_optics.h",
        "pnnkern/kernels/host/cuda_host.h",
    ):
        assert needed in names
    sources = {p.relative_to(ROOT / "kernels").as_posix() for p in (ROOT / "kernels").glob("**/*.cu*")}
    assert {n.removeprefix("pnnkern/kernels/") for n in names if n.endswith((".cu", ".cuh"))} == sources
    with tarfile.open(sdist) as archive:
        inside = {n.partition("/")[2] for n in archive.getnames()}
    assert {"kernels/optics/mask.cu", "tests/test_packaging.py", "scripts/test.sh", "data/mnist-small.npz", "LICENSE"} <= inside


@pytest.mark.parametrize("way", ["wheel", "sdist", "target", "editable"])
def test_installed(source: Path, built: Path, tmp_path: Path, way: str) -> None:
    target = tmp_path / "site"
    if way == "editable":
        python("-m", "venv", "--system-site-packages", str(tmp_path / "venv"), cwd=tmp_path)
        inner = str(tmp_path / "venv/bin/python")
        site = python("-c", "import numpy; print(numpy.__path__[0].rpartition('/')[0])", cwd=tmp_path)
        others = tmp_path / "others"  # what pnnkern needs, without the pnnkern that may be installed beside it
        others.mkdir()
        for entry in Path(site).iterdir():
            if "pnnkern" not in entry.name:
                (others / entry.name).symlink_to(entry)
        environment = {**os.environ, "PYTHONPATH": str(others)}
        command = [inner, "-m", "pip", "-q", "install", "--no-deps", "--no-build-isolation", "-e", str(source)]
        subprocess.run(command, env=environment, check=True, cwd=tmp_path, capture_output=True)
        done = subprocess.run([inner, "-c", PROBE], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.strip() == str(source / "pnnkern/__init__.py")
        programs(inner, environment, source / "kernels", tmp_path)
        return
    what = {"wheel": next(built.glob("*.whl")), "sdist": next(built.glob("*.tar.gz")), "target": source}[way]
    pip("--target", str(target), str(what), cwd=tmp_path)
    assert python("-c", PROBE, cwd=tmp_path, path=str(target)) == str(target / "pnnkern/__init__.py")
    if way == "wheel":
        programs(sys.executable, {**os.environ, "PYTHONPATH": str(target)}, target / "pnnkern/kernels", tmp_path)


def programs(interpreter: str, environment: dict[str, str], kernels: Path, folder: Path) -> None:
    """The C and C++ programs of docs/cpp.md, on the headers and kernels of this installation."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    built = [block for block in cpp_page.BLOCKS if "example" in block or "maths" in block]
    assert len(built) == 4
    printed = "".join(cpp_page.run(block, interpreter, environment, folder) for block in built if not cpp_page.missing(block))
    assert "current of a diode at 1 V: 0.0007 A\n" in printed
    if shutil.which("make"):
        assert f"-I{kernels / 'include'}" in printed  # make says what it does
        assert f"20 microsiemens become {20 * ((86400 + 25) / 25) ** -0.06:.6f} " in printed
        assert "light that is left on the axis: 0.349665 " in printed  # as in tests/test_cpp.py, where NumPy says so


def test_bare_checkout(source: Path, tmp_path: Path) -> None:
    assert python("-c", PROBE, cwd=tmp_path, path=str(source)) == str(source / "pnnkern/__init__.py")


def test_lowest_versions_are_those_of_setup_cfg() -> None:
    """One constraint for every requirement, none of which is without a lowest version; nothing is listed twice."""
    extras = config()["options.extras_require"]
    asked = "\n".join([config()["options"]["install_requires"], extras["fftw"], extras["test"]]).split()
    pinned = python("scripts/lowest.py", cwd=ROOT).split()
    assert [line.replace("==", ">=") for line in pinned] == [line for line in asked if ">=" in line]
    assert {line for line in asked if ">=" not in line} == {"build", "mpich"}
