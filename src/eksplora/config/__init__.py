"""Configuration to objects: the only caller of Hydra's `instantiate` and `compose`.

A configuration is checked here before anything heavy is imported: unknown keys, wrong types, parts that do not go
together, the grammar and the keys of the search space.
"""

from eksplora.config.check import metrics_for
from eksplora.config.compatibility import check_mix
from eksplora.config.composition import (
    choices,
    compose_root,
    composing,
    flatten,
    is_group,
    known_keys,
    parse_override,
    plain,
    stated_files,
    unknown_key,
)
from eksplora.config.configurator import Configurator, check_space, samples
from eksplora.config.failure import as_ours, explain
from eksplora.config.folders import project
from eksplora.config.grammar import parse_space
from eksplora.config.parts import check_recorded, own_places, part, protocol_splits, sampler_factory
from eksplora.config.request import Request, compose_request, forget, show
from eksplora.config.words import as_word, gather_space, quote_names

__all__ = [
    "Configurator",
    "Request",
    "as_ours",
    "as_word",
    "check_mix",
    "check_recorded",
    "check_space",
    "choices",
    "compose_request",
    "compose_root",
    "composing",
    "explain",
    "flatten",
    "forget",
    "gather_space",
    "is_group",
    "known_keys",
    "metrics_for",
    "own_places",
    "parse_override",
    "parse_space",
    "part",
    "plain",
    "project",
    "protocol_splits",
    "quote_names",
    "sampler_factory",
    "samples",
    "show",
    "stated_files",
    "unknown_key",
]
