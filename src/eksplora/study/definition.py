"""Definition of a study: everything that its results depend on, and its origin."""

import shlex
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eksplora import provenance
from eksplora.config import flatten, is_group
from eksplora.config.folders import folders
from eksplora.config.parts import allowed_targets
from eksplora.config.renamed import RENAMED
from eksplora.counter import fingerprint
from eksplora.events.event import StudyDataset, StudyEvent
from eksplora.search.space import describe, extremes
from eksplora.study.journal import as_yaml
from eksplora.study.plan import Plan
from eksplora.study.spec import StudySpec
from eksplora.tracker.address import masked
from eksplora.types import Config


@dataclass(frozen=True)
class Definition:
    """Identity of a study: if any of it changes, results no longer belong together.

    Outside code, and the versions of what it imports, are compared where they were recorded: studies of earlier
    versions know nothing of them.

    Attributes:
        values: What its results depend on, as flat keys.
        dataset: The data as people are shown them: name, hash, rows of the training part.
    """

    values: Mapping[str, Any]
    dataset: StudyDataset | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for equal studies, and only for those."""
        return fingerprint(dict(self.values))

    def differences(self, recorded: Mapping[str, Any]) -> list[str]:
        """Each changed key with its recorded and its present value."""
        keys = dict.fromkeys([*recorded, *self.values])
        return [
            f"{RENAMED.get(key, key)}: {recorded.get(key, 'absent')} -> {self.values.get(key, 'absent')}"
            for key in keys
            if recorded.get(key) != self.values.get(key) and not (key not in recorded and _is_of_others(key))
        ]


SEEDS = "study.n_members"
"""The number of seeds as studies record it: the name that the key had first, so that studies of then are found."""


def define(spec: StudySpec, base: Config, card: Mapping[str, Any]) -> Definition:
    """Everything on which the study's results depend, as flat keys that a user can recognize.

    Args:
        spec: The study.
        base: The configuration that trials change.
        card: The data's card.
    """
    values = flatten({key: value for key, value in base.items() if key != "paths"})
    ignored = {"data.root", "data.source_dir", "data.url", "data.path"}
    values = {key: value for key, value in values.items() if key not in ignored}
    values |= {f"space.params.{parameter.key}": describe(parameter) for parameter in spec.space}
    values |= flatten({key: spec.config[key] for key in ("sampler", "pruner")})
    values |= {"study.seed": spec.budget.seed, SEEDS: spec.budget.n_seeds}
    values |= {"study.judges": spec.judges} if spec.judges != "all" else {}
    values |= {"study.cut_for": spec.cut_for} if spec.cut_for else {}
    values |= {"study.outer": list(spec.outer)} if spec.outer else {}
    values |= spec.depends
    values |= {f"data.{name}.sha256": entry["sha256"] for name, entry in card["arrays"].items()}
    facts = provenance.collect(spec.project) | code_facts(spec, base)
    library = "scikit-learn" if "baseline" in base else "pytorch-lightning"
    values |= {key: facts[key] for key in ("code.sha256", "version.torch", f"version.{library}")}
    values |= outside_facts(spec, base)
    return Definition(values, dataset_of(card))


def dataset_of(card: Mapping[str, Any]) -> StudyDataset:
    """The data as people are shown them."""
    table = card.get("table") or {"columns": [], "warnings": []}
    kinds = {column["name"]: f"{column['kind']}, {column['role']}" for column in table["columns"]}
    return StudyDataset(card["name"], card["fingerprint"][:16], card["rows"]["train"], kinds, list(table["warnings"]))


STUDY_CODE = ("eksplora.search.proposer", "eksplora.study.packing", "eksplora.study.plan")
"""Modules that decide, beside the parts and the worker, what is trained: proposals, populations, the members' seeds."""


def code_facts(spec: StudySpec, base: Config) -> dict[str, str]:
    """The names that the study's results come from, separated by blanks, and the hash of our files that they reach."""
    own = (name for name in _targets(spec, base) if name.startswith("eksplora."))
    names = sorted({*own, spec.work.partition(":")[0], *STUDY_CODE})
    package = Path(provenance.__file__).parents[1]
    return {"code.parts": " ".join(names), "code.sha256": provenance.code_sha256(package, names)}


def outside_facts(spec: StudySpec, base: Config) -> dict[str, str]:
    """Hashes of the code of others that the study's parts come from, and versions of the packages that it imports."""
    targets = _targets(spec, base)
    return {**provenance.outside_versions(targets), **provenance.outside_code(targets)}


def _targets(spec: StudySpec, base: Config) -> set[str]:
    """Targets of a study's parts: of its configuration, of sampler and pruner, and of the files it searches."""
    nodes = [*base.values(), *(spec.config.get(key) for key in ("sampler", "pruner"))]
    found = {str(node["_target_"]) for node in nodes if isinstance(node, Mapping) and "_target_" in node}
    searched = [parameter for parameter in spec.space if is_group(parameter.key)]
    for parameter in searched:
        for name in extremes(parameter):
            found |= allowed_targets(parameter.key, str(name))
    return found


def _is_of_others(key: str) -> bool:
    return _is_outside_code(key) or key.startswith("version.")


def _is_outside_code(key: str) -> bool:
    return key.startswith("code.") and key.endswith(".sha256") and key != "code.sha256"


def changed_outside_code(recorded: Mapping[str, Any], project: Path) -> list[str]:
    """Code of others that is not that which a study was trained with, in words.

    Args:
        recorded: The study's definition.
        project: The project's folder: code inside of it belongs to the recorded commit.
    """
    tops = [key.split(".")[1] for key in recorded if _is_outside_code(key)]
    present = provenance.outside_code(tops, outside_of=project)
    return [
        f"{key} is not the recorded one (bring that version of {key.split('.')[1]} back)"
        for key, value in present.items()
        if recorded.get(key, value) != value  # an earlier version did not follow imports
    ]


def changed_versions(recorded: Mapping[str, Any]) -> list[str]:
    """Packages of which a study's code of others imports another version here, in words."""
    keys = [key for key in recorded if key.startswith("version.")]
    present = {key: provenance.version_of(key.removeprefix("version.")) for key in keys}
    return [f"{key} is {present[key]}, it was {recorded[key]}" for key in keys if present[key] != recorded[key]]


def hidden_by_git(targets: Iterable[str], project: Path) -> str:
    """Own files that a record lacks since git ignores them, in words with the way out; empty where there are none.

    Args:
        targets: Dotted names of a study's parts.
        project: The project's folder.
    """
    files = [*(path for folder in folders() for path in folder.rglob("*.yaml")), *provenance.outside_files(targets)]
    found = provenance.ignored(project, [file for file in files if provenance.is_own(file, project)])
    if not found:
        return ""
    name, rule = min(found.items())
    more = f" and {len(found) - 1} more" if found.keys() - {name} else ""
    pattern = rule.split(": ", 1)[1]
    narrower = "" if "/" in pattern.rstrip("/") else f"Write /{pattern} there if the one at the top is meant, or "
    add = f"git add -f {shlex.quote(name)}"
    way_out = f"{narrower}{add}" if narrower else f"Change the rule, or {add}"
    return f"git ignores {name}{more} ({rule}), so a record lacks it, and reproduce cannot use it. {way_out}"


@cache
def _say_once(line: str) -> None:
    print(line, file=sys.stderr)


def study_event(spec: StudySpec, plan: Plan, definition: Definition, base: Config) -> StudyEvent:
    """The first event of a spool: what the study is, and where it comes from."""
    root = spec.project
    patch = provenance.diff(root)
    if patch == provenance.UNKNOWN and (root / ".git").exists() and (reason := provenance.without_git(root)):
        _say_once(f"The commit is not recorded: {reason}")
    elif patch != provenance.UNKNOWN and (hidden := hidden_by_git(_targets(spec, base), root)):
        _say_once(hidden)
    origin = {**outside_facts(spec, base), **provenance.collect(root), **code_facts(spec, base)}
    origin |= _data_hashes(definition)
    origin["git.diff.sha256"] = provenance.sha256_of(patch)
    space = {key: value for key, value in definition.values.items() if key.startswith("space.")}
    parts: Config = {key: base[key] for key in ("objective", "trainer", "protocol") if key in base}
    settings = {
        key: value
        for key, value in flatten(spec.config).items()
        if key.startswith(("study.", "sampler.", "pruner.")) and not key.endswith("._partial_")
    }
    return StudyEvent(
        id=uuid.uuid4().hex,
        name=plan.name,
        experiment=plan.spec.experiment,
        metric=plan.metric,
        direction=spec.direction,
        members=plan.members_in_words,
        params=settings | space | flatten(parts),
        tags=dict(plan.tags),
        provenance={**origin, "threads": str(plan.threads)},
        texts={
            "space.yaml": as_yaml({key.removeprefix("space.params."): value for key, value in space.items()}),
            "config.yaml": as_yaml(without_password(spec.config)),
            "changes.diff": patch,
        },
        definition=dict(definition.values),
        parent=spec.parent,
        dataset=definition.dataset,
        command=None if spec.parent else spec.command,  # parts of an exploration have none of their own
    )


def _data_hashes(definition: Definition) -> dict[str, str]:
    """The hashes of the prepared arrays, by name."""
    return {
        key: str(value)
        for key, value in definition.values.items()
        if key.startswith("data.") and key.endswith(".sha256")
    }


def without_password(config: Config) -> Config:
    """A configuration as it may be written down: its tracker's address without passwords and tokens."""
    tracker = dict(config.get("tracker", {}))
    return {**config, "tracker": {**tracker, "uri": masked(str(tracker["uri"]))}} if tracker.get("uri") else {**config}
