"""Configuration to objects: the only caller of Hydra's `instantiate` and `compose`.

A configuration is checked here before anything heavy is imported: unknown keys, wrong types, parts that do not go
together, the grammar and the keys of the search space.
"""

from eksplora.build._check import metrics_for
from eksplora.build._compose import (
    CONF,
    choices,
    compose_root,
    composing,
    flatten,
    is_group,
    known_keys,
    parse_override,
    plain,
    show,
    unknown_key,
)
from eksplora.build._configurator import Configurator, check_space, samples
from eksplora.build._grammar import parse_space
from eksplora.build._loading import load_ensemble, load_network, network_of
from eksplora.build._mix import check_mix
from eksplora.build._model_card import write_card
from eksplora.build._part import check_recorded, completed, own_places, part, sampler_factory
from eksplora.build._request import Request, compose_request

__all__ = [
    "CONF",
    "Configurator",
    "Request",
    "check_mix",
    "check_recorded",
    "check_space",
    "choices",
    "completed",
    "compose_request",
    "compose_root",
    "composing",
    "flatten",
    "is_group",
    "known_keys",
    "load_ensemble",
    "load_network",
    "metrics_for",
    "network_of",
    "own_places",
    "parse_override",
    "parse_space",
    "part",
    "plain",
    "sampler_factory",
    "samples",
    "show",
    "unknown_key",
    "write_card",
]
