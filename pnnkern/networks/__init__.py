"""Networks that relax to equilibrium: graphs of resistors, layered energy networks, oscillators, spins."""

from . import boltzmann, convolutional, drn, graphs, hopfield, ising, layered, oscillator, potts
from .diodes import DiodeNetwork
from .elastic import ElasticNetwork
from .elements import ElementNetwork
from .resistor import ResistorNetwork, Response, potentiometer_step
from .transistor import TransistorNetwork

__all__ = [
    "DiodeNetwork", "ElasticNetwork", "ElementNetwork", "ResistorNetwork", "Response", "TransistorNetwork", "boltzmann", "convolutional",
    "drn", "graphs", "hopfield", "ising", "layered", "oscillator", "potentiometer_step", "potts",
]  # fmt: skip
