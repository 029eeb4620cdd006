"""The tables of a recipe as pydantic models. Units are SI. A key's comment is what `pnnkern show` says of it, its unit first in brackets."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .._declared import MOST

Count = Annotated[int, Field(ge=1, le=MOST)]
Turns = Annotated[int, Field(ge=1, le=100_000)]  # of a loop inside one step
Number = Annotated[int, Field(ge=0, lt=2**63)]  # that stands for no array and no loop but the run itself


class Table(BaseModel):
    """A table of a recipe: types are strict, unknown keys are errors, numbers are finite, values do not change once read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class Data(Table):
    """[data]: what to learn from."""

    name: str = "mnist-small"  # mnist-small, mnist, fashion-mnist, digits, iris, wine, vowel, openml:NAME, xor, curve, plane, allostery:SxT
    path: str = ""  # your own .npz, .h5 or folder of IDX or .npy files instead; of .h5 and .npy samples are read in pieces, when needed
    folder: str = ""  # where the IDX folders lie; default the environment's PNNKERN_DATA
    train: Number = 0  # use the first so many training images; 0 is all
    test: Number = 0  # use the first so many test images; 0 is all
    validation: Number = 0  # n: test on every n-th training sample of each class, which is held out; 0: on the test set
    classes: list[Number] = []  # keep these labels only, which become 0, 1, ... in this order; all if empty
    pool: Count = 1  # average the pixels of images over squares of so many on a side


class Training(Table):
    """[training]: the loop."""

    epochs: int = Field(5, ge=1, lt=2**63)  # passes over the training samples
    batch: int = Field(50, ge=1, lt=2**63)  # samples of a step
    seed: Number = 0  # of everything random
    optimizer: Literal["adam", "sgd"] = "adam"  # turns gradients into steps; devices that are written have their own way
    lr: float = Field(0.05, gt=0)  # learning rate, in the parameters' unit
    momentum: float = Field(0.0, ge=0, lt=1)  # of sgd
    schedule: Literal["constant", "halve", "cosine", "decay"] = "constant"  # of lr; cosine: to 0 over all epochs, so that more raise it again
    halve_every: int = Field(4, ge=1, lt=2**63)  # epochs after which the rate is halved; schedule "halve" only
    decay: float = Field(0.99, gt=0, le=1)  # factor on the rate after each epoch; schedule "decay" only


class Compute(Table):
    """[compute]: where and how; recorded, because a resumed run repeats to the bit only with the same."""

    device: Literal["cpu", "cuda"] = "cpu"  # where the run is computed
    threads: int = Field(0, ge=0, le=1024)  # 0: PNNKERN_NUM_THREADS, or every core this process may use
    dtype: Literal["float32", "float64"] = "float32"  # of parameters and fields
    chunk: Count = 64  # samples worked on at a time
    # whether a training step on a GPU is captured and then launched as one; auto: where it can be; on: not to be is an error
    graph: Literal["auto", "on", "off"] = "auto"
    # whether processes that were started together (mpiexec, srun) share the run; auto: by MPI, which arrays of a GPU reach by way of the host;
    # cuda-mpi: by an MPI that takes them from the GPU; nccl: from GPU to GPU; off: each process has a run of its own
    ranks: Literal["auto", "off", "mpi", "cuda-mpi", "nccl"] = "auto"
    exact_sums: bool = True  # the same bits on any number of ranks; false: a rank adds its own shards first, an allreduce the rest
    patience: float = Field(600.0, gt=0)  # [s] for which a rank waits for another before the job is ended


class Checkpoint(Table):
    """[checkpoint]: how often the run is saved; always when it is stopped and at the end."""

    seconds: float = Field(60.0, ge=0)  # [s] between two checkpoints; 0: not by time
    steps: Number = 0  # between two checkpoints; 0: not by steps
    patience: float = Field(3600.0, ge=0)  # [s] for which a full disk is waited for before the run ends


class Control(Table):
    """[control]: what is printed beside the result."""

    linear: bool = True  # logistic regression on the same images
    exact: bool = True  # the same network and budget by exact gradients, in the folder `exact` of the run; where the rule is not exact
    iterations: Count = 200  # of the linear control's solver (L-BFGS) at most
