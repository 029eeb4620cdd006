"""The command line: `pnnkern list | info | run | resume | ...`. Each command has an example in its `--help`."""

import io
import json
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__, completion
from ._errors import PnnError, out_of_memory
from .experiments import files, text, units

app = typer.Typer(name="pnnkern", rich_markup_mode=None, pretty_exceptions_enable=False)
_UsageError: type[Any] = typer.BadParameter.__mro__[2]  # click's ClickException, from click itself or from the copy inside typer

Json = Annotated[bool, typer.Option("--json", help="End with one line: a JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the recipe; repeatable.", autocompletion=completion.settings
    ),
]
DataDir = Annotated[str, typer.Option("--data-dir", help="Folder of IDX data sets [default: the environment's PNNKERN_DATA].")]
Device = Annotated[str, typer.Option("--device", help="cpu or cuda [default: as in the recipe].")]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads [default: PNNKERN_NUM_THREADS, or all].")]
Epochs = Annotated[int | None, typer.Option("--epochs", help="Epochs of the whole run [default: as in the recipe].")]
SweepFolder = Annotated[Path, typer.Argument(metavar="SWEEP", help="Folder of a sweep.", autocompletion=completion.sweeps)]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", autocompletion=completion.runs)]


LONGEST = 1000  # characters of an error, which may name what somebody typed


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 bad input (one line on stderr), 75 stopped by a signal and resumable."""
    warnings.showwarning = _one_line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a µ gets its code, not a traceback
    try:
        return app(args=(sys.argv[1:] if argv is None else argv) or ["--help"], prog_name="pnnkern", standalone_mode=False) or 0
    except _UsageError as error:
        return _fail(error.format_message())
    except PnnError as error:
        return 2 if error.said else _fail(str(error))  # another rank says it
    except MemoryError as error:
        return _fail(str(out_of_memory(error, "lower compute.chunk or training.batch, or use another device")))
    except OSError as error:
        return _fail(f"{error.filename or 'a file, or standard output'}: {error.strerror or error}")
    except (KeyboardInterrupt, typer.Abort):
        files.say("pnnkern: interrupted")
        return 130


def _fail(message: str) -> int:
    from .experiments.ranks import started

    rank, size = started()
    if rank:
        time.sleep(0.5)  # what is wrong for all rank 0 says first, and some launchers then end the others
    who = f"pnnkern: rank {rank} of {size}" if rank else "pnnkern"
    files.say(f"{who}: error: {text.short(' '.join(message.split()), LONGEST, 0.8)}")
    return 2


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    files.say(f"pnnkern: warning: {text.lines(message)}")


def _end(result: dict[str, Any], as_json: bool, shown: str) -> None:
    """Print the result: for people, or as the last line for machines."""
    print(json.dumps(result) if as_json else text.lines(shown), flush=True)


def _width() -> int | None:
    """Columns of the terminal, or those that COLUMNS asks for; None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or os.environ.get("COLUMNS") else None


def _warn(warning: str | None, where: str = "") -> None:
    """What a checkpoint made it necessary to say, if anything."""
    if warning:
        files.say(f"warning: {text.lines(f'{where}{warning}')}")


def _overrides(assignments: list[str] | None, **options: str | int | None) -> list[str]:
    """`--set` assignments and the options that stand for one each, as overrides; unset options ("" or None) are left out."""
    tables = {"data_dir": "data.folder", "device": "compute.device", "threads": "compute.threads"}
    given = [f"{tables.get(k, f'training.{k}')}={json.dumps(v, ensure_ascii=False)}" for k, v in options.items() if v not in ("", None)]
    return [*(assignments or ()), *given]


# --------------------------------------------------------------------------------------------------------------------- commands
def _version(wanted: bool) -> None:
    if wanted:
        print(f"pnnkern {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and leave.")] = False,
) -> None:
    """Train and look at physical neural networks."""


@app.command("list")
def list_recipes(
    matrix: Annotated[bool, typer.Option("--matrix", help="Show which rules train which systems instead, and why not.")] = False,
    as_json: Json = False,
) -> None:
    """List the recipes, or what trains what.

    Example: pnnkern list --matrix
    """
    from .experiments import matrix as matrices
    from .experiments import recipe

    if matrix:
        cells, ways = matrices.collect(), matrices.populations()
        _end({"matrix": matrices.rows(cells), "populations": ways, "metrics": {}}, as_json, matrices.table(cells, ways))
        return
    summaries = {name: recipe.find(name).summary for name in recipe.names()}
    _end({"recipes": summaries}, as_json, "\n".join(f"{name:<26}{summary}" for name, summary in summaries.items()))


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A recipe or .toml file, a kind of system or rule, a table, a key, or the folder of a run.",
            autocompletion=completion.shown,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show what can be set: keys with their values or defaults, units, bounds and what they mean.

    Example: pnnkern show system.pitch
    """
    from .experiments import show as shows

    found = shows.collect(name)
    _end(found | {"metrics": {}}, as_json, shows.page(found, _width() or 100))


@app.command()
def run(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE", help="Name of a recipe (see `pnnkern list`), or a .toml file.", autocompletion=completion.recipes
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run [default: runs/RECIPE].")] = None,
    assignments: Set = None,
    data_dir: DataDir = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random [default: as in the recipe].")] = None,
    epochs: Epochs = None,
    device: Device = "",
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Carry out a recipe. Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 save and leave with exit code 75.

    Example: pnnkern run d2nn-digits --out runs/d2nn --set training.lr=0.02
    """
    from .experiments import recipe as recipes
    from .experiments import run as runs

    options = _overrides(assignments, data_dir=data_dir, seed=seed, epochs=epochs, device=device, threads=threads)
    chosen = recipes.find(recipe, options)
    _conclude(runs.start(chosen, out or Path("runs") / chosen.recipe, quiet=quiet), as_json)


@app.command()
def resume(
    folder: RunFolder,
    assignments: Set = None,
    data_dir: DataDir = "",
    epochs: Epochs = None,
    device: Device = "",
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped or killed, or give a finished one more epochs.

    --set takes what may change meanwhile: training.epochs, training.lr, checkpoint.*, control.*, compute.device, compute.threads,
    compute.ranks, compute.patience, and where the data lie.

    Example: pnnkern resume runs/d2nn
    """
    from .experiments import run as runs

    options = _overrides(assignments, data_dir=data_dir, epochs=epochs, device=device, threads=threads)
    _conclude(runs.resume(folder, tuple(options), quiet=quiet), as_json)


def _conclude(done: Any, as_json: bool) -> None:
    """Print what a run came to; leave with `run.STOPPED` if a signal ended it."""
    from .experiments.run import STOPPED

    if done.trainer.communicator.rank:
        if not done.finished:
            raise typer.Exit(STOPPED)
        return
    result = done.summary
    metrics = result["metrics"]
    lines = [": ".join(units.named(name, value)) for name, value in metrics.items()]
    if result["finished"]:
        after = f"pictures: pnnkern report {result['out']}"
    else:
        kept = "not saved" if done.unsaved else "saved"
        after = f"stopped at step {result['steps']} of {done.trainer.steps}, {kept}; go on with: pnnkern resume {result['out']}"
    _end(result, as_json, "\n".join([*lines, f"{units.duration(result['seconds'])} on {result['device']}, in {result['out']}", after]))
    if not result["finished"]:
        if as_json:
            print(after, file=sys.stderr)
        raise typer.Exit(STOPPED)


@app.command()
def report(
    folder: RunFolder,
    images: Annotated[int, typer.Option("--images", min=1, help="Test images for the checks of the physics.")] = 200,
    data_dir: DataDir = "",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Make an HTML report of a run: curves, masks, fields, detectors, confusion, and how far the physics is converged.

    Example: pnnkern report runs/d2nn
    """
    from .experiments import report as reports
    from .experiments import run as runs
    from .experiments import signals

    try:
        with signals.noted() as stop, stop.at_once():
            done = runs.load(folder, tuple(_overrides(None, data_dir=data_dir, threads=threads)))
            print(f"measuring {len(done.trainer.dataset.test_labels)} test images ...", file=sys.stderr)
            page = reports.write(done, images=images)
    except signals.Stopped:
        print(f"stopped; make the report with: pnnkern report {folder}", file=sys.stderr)
        raise typer.Exit(runs.STOPPED) from None
    _end(done.summary | {"report": str(page)}, as_json, f"report: {page}")


@app.command()
def export(
    folder: RunFolder,
    what: Annotated[str, typer.Option("--what", help="What to export: phase, height, ...", autocompletion=completion.exports)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=".npy, .npz, .h5, .png, .tiff, .bmp or .stl file [default: RUN/WHAT.npz].")
    ] = None,
    index: Annotated[
        float | None, typer.Option("--index", help="Refractive index of the printed material, for heights [default: the recipe's].")
    ] = None,
    bits: Annotated[int | None, typer.Option("--bits", help="Of a pixel, 8 or 16 [default: 16; 8 in .bmp, and where levels fit].")] = None,
    levels: Annotated[int | None, typer.Option("--levels", help="Grey values from 0 to 2 pi in pictures [default: 2^bits].")] = None,
    table: Annotated[
        Path | None, typer.Option("--wavelength-table", help="CSV of a modulator's measured phases: 'grey, 532e-9', then '0, 0.0', ...")
    ] = None,
    base: Annotated[float | None, typer.Option("--base", help="Thickness under the relief in .stl, metres [default: 1e-3].")] = None,
    images: Annotated[int | None, typer.Option("--images", min=1, help="Test images, for fields, states, trajectory [default: all].")] = None,
    as_json: Json = False,
) -> None:
    """Write trained parameters to a file: phases in radians, heights in metres. Or fields, states or a trajectory for test images.

    Pictures show 2 pi, or the height that makes it, at the same grey value whatever the largest phase is. Each file says what its
    numbers mean; .npy and .bmp, which cannot, get a .json beside them.

    Fields, states and trajectories are streamed to .h5, image by image; what was ended goes on by the same command.

    Example: pnnkern export runs/d2nn --what height --index 1.7227 --out masks.stl
    """
    from .experiments import export as exports
    from .experiments import run as runs
    from .experiments import signals, stacks
    from .experiments.recipe import RecipeError

    if what in stacks.KINDS:
        exports.refuse_strangers(".h5", {"bits": bits, "levels": levels, "wavelength-table": table}, base)
        try:
            found = stacks.write(folder, what, out or folder / f"{what}.h5", images or 0)
        except signals.Stopped as stopped:
            files.say(text.lines(stopped))
            raise typer.Exit(runs.STOPPED) from None
        size = units.si(found["bytes"], "B")
        _end(found, as_json, f"{', '.join(found['arrays'])} of {found['images']} images, {size}, in {', '.join(found['files'])}")
        return
    if images is not None:
        raise RecipeError(f"--images is for {', '.join(stacks.KINDS)}, not for {what!r}")
    result = exports.write(
        folder, what, out or folder / f"{what}.npz", index=index, bits=bits, levels=levels, table=table, base=base
    )
    _warn(result["warning"])
    low, high = result["range"]
    shape, span = " x ".join(str(n) for n in result["shape"]), units.span(low, high, result["unit"], 4)
    _end(result, as_json, f"{result['about']}\n{shape}, {span}, in {', '.join(result['files'])}")


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Checkpoint, results or other .h5, .npz or .npy file, or the folder of a run.")],
    as_json: Json = False,
) -> None:
    """Show what is in a file: names, shapes, units, axes, compression, and what made it. No array is read.

    Example: pnnkern inspect fields.h5
    """
    from .experiments import contents

    found = contents.look(file)
    _warn(found["warning"], f"{file}: ")
    _end(found | {"metrics": {}}, as_json, contents.page(found))


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", autocompletion=completion.runs)],
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over", metavar="KEY", help="Mean and spread over runs that differ only in KEY: seed; repeatable.",
            autocompletion=completion.keys,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also draw accuracies: a .png or .svg, with a .csv beside it.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write the rows, or with --over the groups, as a .csv file.")] = None,
    as_json: Json = False,
) -> None:
    """Show runs side by side, where their recipes differ, and what they reached after equal numbers of physical passes.

    Unfinished runs and folders that cannot be read are rows that say so.

    Example: pnnkern compare runs/* --over seed --out compare.png
    """
    from .experiments import compare as comparisons

    rows = comparisons.collect(folders)
    for row in rows:
        _warn(row["warning"], f"{row['run']}: ")
    groups = comparisons.groups(rows, over) if over else []
    written = []
    if out is not None:
        comparisons.draw(rows, out, groups)
        written.append(f"picture: {out}")
    if csv is not None:
        comparisons.write(csv, comparisons.csv(groups or rows))
        written.append(f"table: {csv}")
    tables = [comparisons.table(rows, _width()), *([comparisons.group_table(groups, _width())] if groups else [])]
    _end({"runs": rows, "groups": groups, "metrics": {}}, as_json, "\n".join(["\n\n".join(tables), *written]))


# ----------------------------------------------------------------------------------------------------------------------- sweeps
@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="What to sweep over.", autocompletion=completion.tables)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the sweep.")],
    assignments: Set = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="Of [random]: random or optuna [default: the file's].")] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Draws of [random] [default: the file's].")] = None,
    as_json: Json = False,
) -> None:
    """Make the folder of a sweep: one folder in it for each point, which holds its recipe. Nothing is run.

    Said again, it adds what is new in SWEEP.toml. Its tables are [set], [grid], [list] and [random]; keys are those of a recipe.

    Example: pnnkern sweep sweep.toml --out sweeps/b
    """
    from .experiments import sweep as sweeps

    points, new = sweeps.write(file, out, sampler=sampler, count=count, overrides=tuple(assignments or ()))
    found = {"out": str(out), "new": new, "points": [point.folder.name for point in points], "metrics": {}}
    _end(found, as_json, f"{len(points)} points in {out}, {new} of them new; carry them out with: pnnkern launch {out}")


@app.command()
def advance(
    folder: Annotated[Path, typer.Argument(metavar="POINT", help="Folder of a point.", autocompletion=completion.runs)],
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Start the run of a point, go on with it, or find that there is nothing to do: whatever is the case, this is what to say to it.

    Exit code 0: it is done. 75: go on later, as a signal stopped it or another process works on it. Else it failed, and error.json says why.

    Example: pnnkern advance sweeps/b/3f0c9a8be11d
    """
    from .experiments import advance as advances
    from .experiments.ranks import started
    from .experiments.run import STOPPED

    done = advances.advance(folder, quiet=quiet)
    if started()[0]:
        raise typer.Exit(done.code)  # rank 0 tells of it
    summary = done.run.summary if done.run else {"out": str(folder), "metrics": {}}
    if done.code in (0, STOPPED):
        _end(summary | {"message": done.message}, as_json, done.message)
    else:
        files.say(f"pnnkern: error: {text.plain(done.message)}")
    if done.code:
        raise typer.Exit(done.code)


@app.command()
def launch(
    folder: SweepFolder,
    executor: Annotated[str, typer.Option("--executor", help="local, slurm or dask.")] = "local",
    retries: Annotated[int, typer.Option("--retries", min=0, max=100, help="Of a point whose process breaks off.")] = 2,
    at_most: Annotated[int | None, typer.Option("--at-most", min=1, help="Points at a time [default: one for each processor].")] = None,
    prefix: Annotated[str, typer.Option("--prefix", help='Before each command, such as "mpiexec -n 4".')] = "",
    scheduler: Annotated[str, typer.Option("--scheduler", help="Of Dask: its address, or slurm [default: processes here].")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--slurm", metavar="KEY=VALUE", help="Of sbatch, such as partition=gpu or time=4:00:00; repeatable.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate/--no-estimate", help="Time some steps of a point before.")] = True,
    as_json: Json = False,
) -> None:
    """Carry out what is not finished of a sweep: here, by Dask, or by a job array of Slurm.

    Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 save the runs and leave with exit code 75; said again, it goes on. Exit code 1: some points failed.

    Example: pnnkern launch sweeps/b --executor slurm --slurm partition=gpu --slurm gres=gpu:1 --at-most 64
    """
    import shlex

    from .experiments import launch as launches
    from .experiments import status as states
    from .experiments.run import STOPPED

    counts = launches.launch(
        folder, executor, retries=retries, at_most=at_most or 0, prefix=shlex.split(prefix), scheduler=scheduler, settings=settings or (),
        estimated=estimate,
    )  # fmt: skip
    _end({"out": str(folder), "states": counts, "metrics": {}}, as_json, f"{states.told(counts)}; look with: pnnkern collect {folder}")
    if executor != "slurm" and set(counts) != {"finished"}:
        raise typer.Exit(1 if "failed" in counts else STOPPED)


@app.command()
def status(folder: SweepFolder, as_json: Json = False) -> None:
    """Show where the points of a sweep stand: finished, running, stopped, pending or failed.

    Example: pnnkern status sweeps/b
    """
    from .experiments import status as states

    rows = states.collect(folder)
    counts = {state: sum(row["state"] == state for row in rows) for state in states.STATES}
    counts = {state: count for state, count in counts.items() if count}
    _end({"states": counts, "points": rows, "metrics": {}}, as_json, f"{states.table(rows, _width())}\n\n{states.told(counts)}")


@app.command()
def collect(
    folder: SweepFolder,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="KEY", help="Mean and spread for each value of KEY; repeatable [default: all keys but the seed]."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture, .png or .svg, with a .csv beside it [default: SWEEP/collected.png].")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write a row for each point as a .csv file.")] = None,
    h5: Annotated[Path | None, typer.Option("--h5", help="Also write columns and curves of all points as an HDF5 file.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a sweep has come to so far: means over seeds, a picture and tables. Points that are not finished are rows that say so.

    Example: pnnkern collect sweeps/b --by training.lr --csv points.csv
    """
    from .experiments import collect as collections
    from .experiments import compare as comparisons

    rows = collections.collect(folder)
    for row in rows:
        _warn(row["warning"], f"{row['point']}: ")
    groups = collections.groups(rows, by or ())
    written = collections.write(rows, groups, out=out or folder / "collected.png", csv=csv, h5=h5)
    shown = [comparisons.group_table(groups, _width()), collections.table(rows, _width())]
    _end({"points": rows, "groups": groups, "metrics": {}}, as_json, "\n".join(["\n\n".join(shown), *written]))


@app.command()
def info(
    scaling: Annotated[
        str,
        typer.Option(
            "--scaling", metavar="RECIPE", help="Show instead what 8 to 1024 GPUs would gain: a model.", autocompletion=completion.recipes
        ),
    ] = "",
    step_time: Annotated[
        float | None, typer.Option("--step-time", min=0.0, help="Seconds of a step on one GPU, for --scaling [default: a prediction, if any].")
    ] = None,
    assignments: Set = None,
    data_dir: DataDir = "",
    kernels: Annotated[bool, typer.Option("--kernels", help="Show instead all CUDA kernels and their arguments.")] = False,
    includes: Annotated[bool, typer.Option("--includes", help="Print only the compiler's flags for the headers.")] = False,
    host_flags: Annotated[bool, typer.Option("--host-flags", help="Print only g++'s flags for kernels that run on the CPU.")] = False,
    cmake: Annotated[bool, typer.Option("--cmake", help="Print only the folder of pnnkernConfig.cmake.")] = False,
    as_json: Json = False,
) -> None:
    """Show versions, devices, MPI, threads and folders, or a model of how a recipe scales; or what C and C++ programs need of the kernels.

    Example: pnnkern info --scaling d2nn-digits --step-time 1e-3
    """
    from . import _kernels

    asked = [name for name, given in (("kernels", kernels), ("includes", includes), ("host_flags", host_flags), ("cmake", cmake)) if given]
    if len(asked) + bool(scaling) > 1:
        raise PnnError("--scaling, --kernels, --includes, --host-flags and --cmake are each asked for alone")
    if kernels:
        _end({"kernels": _kernels.records()}, as_json, _kernels.listing())
        return
    if asked:
        told = {"includes": _kernels.flags, "host_flags": _kernels.host_flags, "cmake": lambda: str(_kernels.cmake_folder())}[asked[0]]()
        _end({asked[0]: told}, as_json, told)
        return
    if scaling:
        from .experiments import recipe as recipes
        from .experiments import scaling as scalings

        model = scalings.collect(recipes.find(scaling, _overrides(assignments, data_dir=data_dir)), step_time)
        _end(model, as_json, scalings.page(model))
        return
    from .experiments import info as infos

    found = infos.collect()
    lines = [f"{k}: {', '.join(f'{a} {b}' for a, b in v.items()) if isinstance(v, dict) else v}" for k, v in found.items()]
    _end(found, as_json, "\n".join(lines))


@app.command()
def warm(
    device: Annotated[str, typer.Option("--device", help="cpu, or cuda: all CUDA kernels.")] = "cpu",
    architecture: Annotated[str | None, typer.Option("--architecture", help="Of a GPU that is not here: sm_90.")] = None,
    processes: Annotated[int | None, typer.Option("--processes", min=1, help="At a time [default: one for each processor].")] = None,
    as_json: Json = False,
) -> None:
    """Compile all kernels now, in parallel, and keep them on disk: for container images, and before job arrays.

    Example: pnnkern warm --device cuda --architecture sm_90
    """
    from . import _array
    from .experiments import warm as warming
    from .kernels import _cache

    if architecture is None:
        _array.device_namespace(device)  # a named one needs no GPU here
    on_cpu = device == "cpu" and architecture is None
    count = warming.cpu(processes) if on_cpu else warming.gpu(architecture, processes)
    what = "CPU versions of kernels" if on_cpu else "files of CUDA kernels"
    _end({"compiled": count, "folder": str(_cache.folder()), "metrics": {}}, as_json, f"{count} {what} in {_cache.folder()}")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a benchmark; `list` names them.", autocompletion=completion.benchmarks)],
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    budget: Annotated[float, typer.Option("--budget", help="Seconds, about.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Measure speed beside what users write today, with the distance from the hardware's floor.

    Example: pnnkern bench optics
    """
    from . import _array
    from .experiments import bench as benches
    from .experiments import machine
    from .experiments.run import environment

    if name == "list":
        _end({"benchmarks": benches.names()}, as_json, "\n".join(benches.names()))
        return
    _array.device_namespace(device)
    rows = benches.run(name, device, budget)
    print(f"On {machine.processor()}{', and a GPU' if device == 'cuda' else ''}:\n")
    print(benches.table(rows))
    if as_json:
        print(json.dumps({"benchmark": name, "device": device, "machine": environment(device), "rows": rows, "metrics": {}}))
