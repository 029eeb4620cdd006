"""Networks that relax: layered ones, oscillators and spins, and networks on graphs."""

from . import _networks_graph, _networks_layered, _networks_spins
from ._timing import Row, environment


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    with environment(PNNKERN_NUM_THREADS="1"):
        layers, spins = _networks_layered.run(device, 0.4 * budget), _networks_spins.run(device, 0.15 * budget)
        return layers + spins + _networks_graph.run(device, 0.45 * budget)
