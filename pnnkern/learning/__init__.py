"""Learning: rules, losses and optimisers. A rule acts on a system only through what that system can do."""

from .._updates import Factors, Gradient, Move, Set
from ..communicator import Communicator, Serial
from . import boltzmann, losses, metrics, optimizers
from .adjoint import AdjointLearning, adjoint_gradient
from .agnostic import AgnosticEP
from .continual import ContinualEP
from .contrastive_divergence import ContrastiveDivergence
from .coupled import (
    adjoint_learning_update,
    agnostic_learning_step,
    class_targets,
    coupled_dynamics,
    coupled_learning_step,
    coupled_learning_update,
    frequency_propagation_update,
    misclassified,
    nearest_class,
    nudged_learning_update,
)
from .dynamics import CoupledDynamics
from .elastic import allosteric_learning_update, elastic_learning_update
from .equilibrium import ContrastiveLearning, CoupledLearning, EquilibriumPropagation, contrasted
from .feedback_alignment import DirectFeedback, feedback_matrix
from .forward_forward import ForwardForward, forward_forward_loss, goodness, paired_loss, with_label
from .frequency import FrequencyPropagation
from .hardware_aware import HardwareAware, shaken
from .holomorphic import HolomorphicEP
from .in_silico import InSilico, in_silico_gradient
from .losses import CrossEntropy, Differential, Logits, MeanSquare, NearestTarget, SquareError
from .optimizers import SGD, Adam
from .pepg import PEPG, pepg_gradients
from .perturbation import SPSA, both_ways, spsa_gradient
from .physics_aware import PhysicsAware, physics_aware_gradient
from .readout import FittedReadout, moments, ridge_weights
from .rule import Batch, Rule, Supervised, kinds, one_step

__all__ = [
    "PEPG",
    "SGD",
    "SPSA",
    "Adam",
    "AdjointLearning",
    "AgnosticEP",
    "Batch",
    "Communicator",
    "ContinualEP",
    "ContrastiveDivergence",
    "ContrastiveLearning",
    "CoupledDynamics",
    "CoupledLearning",
    "CrossEntropy",
    "Differential",
    "DirectFeedback",
    "EquilibriumPropagation",
    "Factors",
    "FittedReadout",
    "ForwardForward",
    "FrequencyPropagation",
    "Gradient",
    "HardwareAware",
    "HolomorphicEP",
    "InSilico",
    "Logits",
    "MeanSquare",
    "Move",
    "NearestTarget",
    "PhysicsAware",
    "Rule",
    "Serial",
    "Set",
    "SquareError",
    "Supervised",
    "adjoint_gradient",
    "adjoint_learning_update",
    "agnostic_learning_step",
    "allosteric_learning_update",
    "boltzmann",
    "both_ways",
    "class_targets",
    "contrasted",
    "coupled_dynamics",
    "coupled_learning_step",
    "coupled_learning_update",
    "elastic_learning_update",
    "feedback_matrix",
    "forward_forward_loss",
    "frequency_propagation_update",
    "goodness",
    "in_silico_gradient",
    "kinds",
    "losses",
    "metrics",
    "misclassified",
    "moments",
    "nearest_class",
    "nudged_learning_update",
    "one_step",
    "optimizers",
    "paired_loss",
    "pepg_gradients",
    "physics_aware_gradient",
    "ridge_weights",
    "shaken",
    "spsa_gradient",
    "with_label",
]
