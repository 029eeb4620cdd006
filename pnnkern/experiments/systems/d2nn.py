"""`kind = "d2nn"`: a diffractive network of phase masks."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .. import registry, tables

if TYPE_CHECKING:  # imported where it is used: a recipe is checked without loading the kernels
    from ...systems.d2nn import D2NN

TERAHERTZ_WAVELENGTH = 299_792_458 / 0.4e12


@registry.system("d2nn")
class D2NNTable(tables.System):
    """[system] of a diffractive network; defaults are the published terahertz geometry. Lengths in metres, sizes in neurons."""

    kind: Literal["d2nn"] = "d2nn"
    layers: int = Field(5, ge=1)
    size: int = Field(200, ge=1)  # neurons per side of a mask
    pitch: float = Field(0.4e-3, gt=0, allow_inf_nan=False)
    wavelength: float = Field(TERAHERTZ_WAVELENGTH, gt=0, allow_inf_nan=False)
    spacing: float = Field(30e-3, allow_inf_nan=False)  # between planes
    pad: float = Field(2.0, ge=1, allow_inf_nan=False)  # side of the padded grid over that of the mask
    band_limit: bool = True
    oversample: int = Field(1, ge=1)  # samples of the field per neuron and axis
    detectors: Literal["single", "differential"] = "single"
    detector_size: int = Field(20, ge=1)
    input_size: int = Field(112, ge=1)  # side of the upsampled image
    classes: int = Field(10, ge=1)
    start: Literal["uniform", "pi"] = "uniform"  # phases before training: uniform in [0, 2 pi), or pi everywhere
    store: Literal["fields", "recompute"] = "fields"  # keep the fields for the backward pass, or compute them again

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> "D2NN":
        from ...systems.d2nn import D2NN, Geometry

        if classes != self.classes:
            raise ValueError(f"the data have {classes} classes and the network detectors for {self.classes}: set system.classes={classes}")
        geometry = Geometry(**self.model_dump(exclude={"kind", "start", "store"}))
        return D2NN(geometry, dtype=dtype, store=self.store, chunk=chunk, key=key if self.start == "uniform" else None, device=device)
