"""Trainable physical systems, assembled from the physics rooms; `protocols` says what a rule may ask of one."""

from .apparatus import from_callable
from .boltzmann import BoltzmannMachine
from .convolutional import ConvolutionalHopfield
from .crossbar_network import CrossbarNetwork
from .d2nn import D2NN
from .elastic_network import SpringNetwork
from .ising import IsingMachine
from .layered import DRN, Hopfield
from .nonlinear_network import NonlinearCircuit
from .oscillators import OscillatorMachine
from .protocols import Layered, Measurable, Modelled, OuterProduct, Relaxing
from .resistor_network import ResistorCircuit

__all__ = [
    "D2NN",
    "DRN",
    "BoltzmannMachine",
    "ConvolutionalHopfield",
    "CrossbarNetwork",
    "Hopfield",
    "IsingMachine",
    "Layered",
    "Measurable",
    "Modelled",
    "NonlinearCircuit",
    "OscillatorMachine",
    "OuterProduct",
    "Relaxing",
    "ResistorCircuit",
    "SpringNetwork",
    "from_callable",
]  # fmt: skip
