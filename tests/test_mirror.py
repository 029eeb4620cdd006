"""tests/ mirrors pnnkern/ and kernels/: a module ROOM/NAME.py is tested in ROOM/test_NAME.py, or where it is said here.

Private modules are tested through those that use them, CPU twins beside the functions that launch their kernels.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "pnnkern"
ROOMS = ("crossbar", "dynamics", "networks", "optics", "systems", "learning", "experiments")

# module: the file of tests that has its own, and why it is not named for it
ELSEWHERE = {
    # devices are tested by how their weights move
    "crossbar/pulsed_devices": "crossbar/test_pulsed.py",
    # what layered networks share is tested on each of them, and their systems by their declarations and as misbuilt devices
    "networks/layered": "networks/test_drn.py",
    "systems/drn": "systems/test_layered.py",
    "systems/ising": "systems/test_layered.py",
    "systems/oscillators": "systems/test_imperfections.py",
    "systems/plugin": "experiments/test_api.py",
    "systems/protocols": "systems/test_populations.py",
    "systems/system": "systems/test_types.py",
    # rules by what they ask of a system: backwards, relaxing, layered, or nothing
    "learning/adjoint": "learning/test_backwards.py",
    "learning/agnostic": "learning/test_backwards.py",
    "learning/boltzmann": "networks/test_boltzmann.py",
    "learning/continual": "systems/test_hopfield.py",
    "learning/contrastive_divergence": "systems/test_boltzmann.py",
    "learning/dynamics": "learning/test_coupled_rule.py",
    "learning/elastic": "networks/test_elastic.py",
    "learning/feedback_alignment": "learning/test_rules.py",
    "learning/frequency": "learning/test_backwards.py",
    "learning/holomorphic": "experiments/test_relaxed_rules.py",
    "learning/in_silico": "learning/test_rules.py",
    "learning/metrics": "learning/test_equilibrium.py",
    "learning/physics_aware": "learning/test_rules.py",
    "learning/rule": "learning/test_rules.py",
    # what a run is made of is tested by runs, files that are written by reading them, hostile ones by refusing them
    "experiments/comparison": "experiments/test_compare.py",
    "experiments/derived": "experiments/test_show.py",
    "experiments/files": "experiments/test_full_disk.py",
    "experiments/grey": "experiments/test_export.py",
    "experiments/idx": "experiments/test_hostile_inputs.py",
    "experiments/info": "test_cli.py",
    "experiments/machine": "experiments/test_run.py",
    "experiments/memory": "test_out_of_memory.py",
    "experiments/npz": "experiments/test_hostile_inputs.py",
    "experiments/origin": "experiments/test_report.py",
    "experiments/plots": "experiments/test_report.py",
    "experiments/progress": "experiments/test_run.py",
    "experiments/rasters": "experiments/test_report.py",
    "experiments/saved": "experiments/test_checkpoint.py",
    "experiments/signals": "experiments/test_resume.py",
    "experiments/stl": "experiments/test_export.py",
    "experiments/tables": "experiments/test_recipe.py",
}


def modules() -> dict[str, str]:
    """The public modules, and where their tests are by their names."""
    found = {}
    for room in ("", *ROOMS):
        for file in sorted((PACKAGE / room).glob("[!_]*.py")):
            found[f"{room}/{file.stem}".lstrip("/")] = f"{room}/test_{file.stem}.py".lstrip("/")
    return found


@pytest.mark.parametrize(("module", "file"), modules().items())
def test_every_module_has_its_tests(module: str, file: str) -> None:
    assert (TESTS / ELSEWHERE.get(module, file)).is_file(), f"pnnkern/{module}.py needs tests/{file}, or a line in ELSEWHERE"


def test_what_is_elsewhere_is_needed_there() -> None:
    """No module is listed that has a file of its own, or that there is not."""
    known = modules()
    assert [module for module in ELSEWHERE if module not in known or (TESTS / known[module]).exists()] == []


def test_rooms_are_those_of_the_package() -> None:
    """Folders of tests are rooms, of the package or of kernels, and those of test helpers."""
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(ROOMS)
    assert {path.name for path in TESTS.iterdir() if any(path.glob("test_*.py"))} <= {*ROOMS, "kernels"}
