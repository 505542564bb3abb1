"""The help of a command, read from its configuration files."""

import re

from eksplora.config import choices
from eksplora.config.folders import find
from eksplora.errors import command_line

HIDDEN = ("experiment", "exploration")
"""Groups whose files are not shown key by key in a command's help."""


def help_text(root: str, purpose: str) -> str:
    """Help of a command: its purpose, its keys as its configuration files explain them, and the groups to choose from.

    Read from the files themselves: composing would take as long as the answer should.
    """
    text = _text_of(root)
    included = [name for name in re.findall(r"^  - (\w+)$", text, re.MULTILINE) if find(f"{name}.yaml").is_file()]
    texts = [*map(_text_of, included), text]
    chosen = dict(re.findall(r'^  - (\w+): "?(\w+)"?$', "\n".join(texts), re.MULTILINE))
    groups = [f"  {group}={'|'.join(choices(group))}" for group in chosen]
    typed = [re.sub(r"python pipelines/(\w+)\.py", lambda found: command_line(found[1]), part) for part in texts]
    own = [re.sub(r"^defaults:\n(  .*\n)+\n?", "", part, flags=re.MULTILINE).strip() for part in typed]
    files = [_group_keys(group, name) for group, name in chosen.items() if group not in HIDDEN]
    usage = f"Usage: {command_line(root)} [group=choice ...] [key=value ...]      {' '.join(purpose.split())}"
    experiments = [_experiments()] if "experiment" in chosen else []
    keys = ["Keys of the default choices:", *files] if files else []
    space = [_HELP_SPACE] if root == "search" else []
    return "\n\n".join(
        [usage, *own, *(["Groups:\n" + "\n".join(groups)] if groups else []), *experiments, *space, *keys, _HELP_END]
    )


_HELP_SPACE = """Space: how a key is searched
  space.params.<key>=choice(a, b)               one of the values: numbers, words, lists, or the files of a group
  space.params.<key>=range(start, stop, step)   numbers from start, below stop
  space.params.<key>=interval(low, high)        all numbers; tag(log, interval(low, high)): by order of magnitude
  space.params.<key>=int(interval(low, high))   whole numbers, both ends included
  space.when.<key>=<other>=<value>              the key exists only when another searched key has this value
  ~space.params.<key>                           not searched"""


_HELP_END = """--cfg job prints the resulting configuration without running anything.
--config-dir DIR (several) has the files of DIR searched first, then those of conf/ in the working folder.
HYDRA_FULL_ERROR=1 in the environment shows where an error comes from.
Exit codes: 0 done, 1 a failure, 2 a mistake in what was asked, 130 after Ctrl-C, 143 after SIGTERM,
128 + n after another signal n that asks for an end (SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU)."""


def _text_of(name: str) -> str:
    return find(f"{name}.yaml").read_text(encoding="utf-8", errors="replace")


def _group_keys(group: str, name: str) -> str:
    lines = _text_of(f"{group}/{name}").splitlines()
    keys = [f"  {line}" for line in lines if line.strip() and not line.startswith(("_", "#", "defaults", "  -"))]
    return "\n".join([f"{group}: # {group}/{name}.yaml", *keys])


def _experiments() -> str:
    """Each experiment with the sentence that its file begins with."""
    texts = {name: _text_of(f"experiment/{name}") for name in choices("experiment")}
    sentences = {name: re.search(r"^# (?!@)(.*)$", text, re.MULTILINE) for name, text in texts.items()}
    lines = [f"  {name:<20}{found[1] if found else ''}" for name, found in sentences.items()]
    return "\n".join(["Experiments:", *lines])
