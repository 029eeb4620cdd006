"""What is told of kernels is complete, and is what the prototypes say: of each kernel, of each argument, in the headers, on the page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from scripted import script

import pnnkern as pnn
from pnnkern import _kernels, _launch, _sources, crossbar, dynamics, learning, networks, optics, systems

KERNELS = _kernels.get_kernels()
STEMS = _sources.stems()
INCLUDE = _sources.include_folder()
ROOMS = ("crossbar", "dynamics", "learning", "networks", "optics", "random")
OTHER_SIZES = set(re.findall(r"\w+", """
    N P n l ceil or lines leaf above whole edges entries leaves slices sets quads nodes free functions blocks numbers pairs outputs room
    arguments population networks phases samples rows columns n_in n_out components stages teams"""))  # fmt: skip
# what makes a plain compiler take declarations of kernels, and what the bounds of optics/layer.cu are made of
WORDS = "__global__", "__launch_bounds__(...)", "__CUDACC__", "__host__", "__device__", "__forceinline__"
AS_CUDA = "".join(f"#define {word}\n" for word in WORDS)
SHAPE = "namespace pnn { template <class T> struct shape { enum { row_threads, row_blocks, column_threads, column_blocks }; }; }\n"
FAULTS = (crossbar, dynamics, learning, networks, optics, systems)  # whose modules file the codes, as soon as they are imported


def test_every_kernel_is_told_of() -> None:
    """As the launcher knows them, and as a plain search of the text finds them."""
    assert list(KERNELS) == list(_sources.kernels())
    text = "".join(path.read_text() for path in _sources.kernel_folder().glob("**/*.cu"))
    assert set(KERNELS) == set(re.findall(r"\b(pnn_\w+)\s*\((?=[^()]*\)\s*\{)", re.sub(r"//.*", "", text)))
    for kernel in KERNELS.values():
        assert len(kernel.about) > 10, f"{kernel.name}: no comment says what it computes"
        assert kernel.bytes, f"{kernel.name}: no `Bytes:` says what it moves"
        assert kernel.launch, f"{kernel.name}: no `Launch:` says which grid and block it takes"
        has_fault = kernel.arguments[-1].name == "fault"
        assert bool(kernel.faults) == has_fault, f"{kernel.name}: `Faults:` where there is no fault word, or none where there is one"


def test_every_argument_is_told_of() -> None:
    """In words or by its shape, and pointers by their shape; a shape is made of numbers, sizes among the arguments, and known names."""
    for kernel in KERNELS.values():
        names = {a.name for a in kernel.arguments}
        for a in kernel.arguments:
            where = f"{kernel.name}: {a.name}"
            assert a.about or a.unit, f"{where}: no comment says what it is"
            assert bool(a.shape) == a.pointer, f"{where}: a pointer has a shape, and nothing else has"
            assert set(re.findall(r"[A-Za-z_]\w*", a.shape)) <= names | OTHER_SIZES, f"{where}: shape ({a.shape})"
            assert a.shape.count("(") == a.shape.count(")"), where


def test_comments_name_arguments_that_there_are() -> None:
    for stem in STEMS:
        kernels = _kernels.in_file(stem).values()
        names = {a.name for kernel in kernels for a in kernel.arguments}
        assert set(_kernels.about(stem).arguments) <= names, stem
        lines = (_sources.kernel_folder() / f"{stem}.cu").read_text().splitlines()
        for number, line in enumerate(lines):
            if 'extern "C" __global__' in line:
                above = _kernels._above(lines, number)
                own = next(kernel for kernel in kernels if re.search(rf"\b{kernel.name}\(", "\n".join(lines[number : number + 3])))
                said = _kernels.comment(above).arguments
                assert set(said) <= {a.name for a in own.arguments}, f"{own.name}: {set(said)}"


def test_units_are_those_of_the_field() -> None:
    """A unit is one that SI or the readers of codes know, and the same name has one unit in all types of a kernel."""
    units = {a.unit for kernel in KERNELS.values() for a in kernel.arguments} - {""}
    assert units <= {"V", "S", "A", "A^2", "A, A^2", "S^2", "A/V^2", "ohm", "rad", "N", "m", "N/m", "N, m", "s", "codes"}
    by_argument = {(k.name, a.name): a.unit for k in KERNELS.values() for a in k.arguments}
    assert by_argument["pnn_tree_leaves_f64", "G"] == by_argument["pnn_tree_leaves_f32", "G"] == "S"
    assert by_argument["pnn_noise_mvm_f32", "v"] == "V"
    assert by_argument["pnn_mask_phasor_f64", "phase"] == "rad"


def test_faults_have_messages() -> None:
    """Codes in comments are those that are registered, and those that the kernels' text writes."""
    assert FAULTS
    for kernel in KERNELS.values():
        for code in map(int, re.findall(r"(?<![.\w])(\d+) (?=a |an )", kernel.faults)):
            assert code in _launch.FAULTS, f"{kernel.name}: {code}"
    for stem in STEMS:
        own = [_sources.kernel_folder() / f"{stem}.cu", INCLUDE / "pnnkern" / f"{stem.rpartition('/')[2]}.cuh"]
        text = "".join(path.read_text() for path in own if path.exists())
        written = set(map(int, re.findall(r"atomicMax\(fault, (\d+)\)", text)))
        told = {int(code) for k in _kernels.in_file(stem).values() for code in re.findall(r"\b(\d+) (?=a |an )", k.faults)}
        assert written <= told, stem


def test_a_comment_is_taken_apart() -> None:
    arguments = ["// a, b0 .. b2 : (n (m + 1), 2) [V/m] what", "//   it is", "// k : how many"]
    lines = ["// out = a b, and more", "//   x = y", "// Bytes: 2 in,", "//   1 out.", *arguments]
    known = _kernels.comment(lines)
    assert known.text == "out = a b, and more x = y"
    assert known.tags == {"Bytes": "2 in, 1 out."}
    told = "n (m + 1), 2", "V/m", "what it is"
    assert known.arguments == {"a": told, "b0": told, "b1": told, "b2": told, "k": ("", "", "how many")}
    assert _kernels.comment([]) == _kernels.Comment()


def test_what_is_written_is_up_to_date() -> None:
    for path, text in script("kernels").files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: python scripts/kernels.py"
    wanted = {"kernel_types.h", "kernels.h", *(f"kernels_{room}.h" for room in ROOMS)}
    assert {path.name for path in (INCLUDE / "pnnkern").glob("*.h")} == wanted


def test_the_page_has_all() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "kernels.md").read_text()
    for kernel in KERNELS.values():
        assert f"`{kernel.name}`" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    bare = {kernel.bare: kernel for kernel in reversed(KERNELS.values())}
    assert len(rows) == sum(len(kernel.arguments) for kernel in bare.values())
    assert r"| `phase` | `const float*` | pixels | rad | phases |" in rows


@pytest.mark.parametrize("name", ["kernels.h", *(f"kernels_{room}.h" for room in ROOMS)])
def test_headers_are_c_and_cxx(name: str) -> None:
    """Twice in a file, without a warning; and arguments lie where the prototype has them, by the compiler's own word."""
    for compiler, standard, language in (("gcc", "-std=c11", "c"), ("g++", "-std=c++17", "c++")):
        if shutil.which(compiler) is None:
            pytest.skip(f"{compiler} is not installed")
        source = f'#include "pnnkern/{name}"\n#include "pnnkern/{name}"\nint main(void) {{ return 0; }}\n'
        options = [standard, "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{INCLUDE}", "-fsyntax-only", "-x", language, "-"]
        done = subprocess.run([compiler, *options], input=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.parametrize("room", [*ROOMS, ""])
def test_declarations_are_those_of_the_kernels(room: str) -> None:
    """A declaration that differs from the definition behind it is an error of `extern "C"`: the compiler compares all arguments."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    header = f"kernels_{room}.h" if room else "kernels.h"
    for stem in (stem for stem in STEMS if stem.rpartition("/")[0] == room):
        bodies = _sources.kernel_folder() / f"{stem}.cu"
        heads = "".join(f"{head} {{}}\n" for head in re.findall(r'extern\s+"C"\s+__global__[^{;]*\)(?=\s*\{)', bodies.read_text()))
        source = f'{AS_CUDA}#include "pnnkern/{header}"\n{SHAPE}{heads}'
        options = ["-std=c++17", f"-I{INCLUDE}", "-fsyntax-only", "-Wno-unused", "-x", "c++", "-"]
        done = subprocess.run(["g++", *options], input=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]
        assert heads.count("__global__") == len(_kernels.in_file(stem))


def test_structures_have_the_arguments_in_order() -> None:
    """Offsets by gcc are those that the machine's alignment gives the prototype's arguments, which the pointers follow."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    lines, wanted = [], []
    for kernel in KERNELS.values():
        at = 0
        for a in kernel.arguments:
            size = 8 if a.pointer else _sources.np.dtype(a.dtype).itemsize
            at = -(-at // size) * size
            wanted.append(at)
            at += size
            lines.append(f"offsetof(struct {kernel.name}_arguments, {a.name})")
    asserts = "".join(f"_Static_assert({line} == {n}, \"{line}\");\n" for line, n in zip(lines, wanted, strict=True))
    source = f'#include "pnnkern/kernels.h"\n{asserts}'
    command = ["gcc", "-std=c11", f"-I{INCLUDE}", "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


def test_python_gives_them() -> None:
    known = pnn.get_kernels()["pnn_mask_transmit_c64"]
    assert (known.room, known.stem, known.bare) == ("optics", "optics/mask", "pnn_mask_transmit")
    assert Path(known.file).is_file()
    field = known.arguments[5]
    assert (field.name, field.type, field.dtype, field.const) == ("field", "const pnn::complex<float>*", "complex64", True)
    assert field.shape == "outer, masks, batch, pixels"
