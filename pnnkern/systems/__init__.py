"""Trainable physical systems, assembled from the physics rooms; `protocols` says what a rule may ask of one."""

from .._updates import Factors, Gradient, Move, Set
from . import fields, protocols, writers
from ._imperfect import (
    CouplingImperfections,
    EdgeImperfections,
    OscillatorImperfections,
    SpringImperfections,
    ThresholdImperfections,
    UnitImperfections,
)
from .apparatus import from_callable
from .boltzmann import BoltzmannMachine
from .chains import chain
from .crossbar_network import Arrays, CrossbarNetwork
from .d2nn import D2NN, Geometry, Imperfections
from .drn import DRN
from .elastic_network import SpringNetwork
from .hopfield import Hopfield
from .hopfield_conv import ConvolutionalHopfield
from .ising import IsingMachine
from .nonlinear_network import NonlinearCircuit
from .oscillators import OscillatorMachine
from .protocols import (
    Continual,
    Driven,
    Featured,
    Generative,
    Holomorphic,
    Layered,
    Measurable,
    Modelled,
    Reciprocal,
    Relaxing,
    Resistive,
    Staged,
    Weighing,
    Yielding,
)  # fmt: skip
from .resistor_network import ResistorCircuit
from .system import Quantity, States, System, Target, kinds
from .writers import InPlace, Potentiometers, Pulsed, Pulses, Rheostats, Stepped, Transferred, Writer

__all__ = [
    "D2NN",
    "DRN",
    "Arrays",
    "BoltzmannMachine",
    "Continual",
    "ConvolutionalHopfield",
    "CouplingImperfections",
    "CrossbarNetwork",
    "Driven",
    "EdgeImperfections",
    "Factors",
    "Featured",
    "Generative",
    "Geometry",
    "Gradient",
    "Holomorphic",
    "Hopfield",
    "Imperfections",
    "InPlace",
    "IsingMachine",
    "Layered",
    "Measurable",
    "Modelled",
    "Move",
    "NonlinearCircuit",
    "OscillatorImperfections",
    "OscillatorMachine",
    "Potentiometers",
    "Pulsed",
    "Pulses",
    "Quantity",
    "Reciprocal",
    "Relaxing",
    "Resistive",
    "ResistorCircuit",
    "Rheostats",
    "Set",
    "SpringImperfections",
    "SpringNetwork",
    "Staged",
    "States",
    "Stepped",
    "System",
    "Target",
    "ThresholdImperfections",
    "Transferred",
    "UnitImperfections",
    "Weighing",
    "Writer",
    "Yielding",
    "chain",
    "fields",
    "from_callable",
    "kinds",
    "protocols",
    "writers",
]
