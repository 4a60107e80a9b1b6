"""The options that every command takes, before or after the verb, and what they come to.

After the verb wins over before the verb, which wins over the environment; flags add up. A command that needs one of the short
names for itself (`logs -f`) keeps it: after that verb only the long name is global.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

PROGRAM = "mldeploy"
DEFAULT_CLOUD = "local"
DEFAULT_STAGE = "dev"
CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True)
class Settings:
    """The global options of this run. `cloud` and `stage` are None when neither a flag nor the environment gives them."""

    file: Path | None = None
    cloud: str | None = None
    stage: str | None = None
    is_yes: bool = False
    is_json: bool = False
    verbosity: int = 0
    is_plain: bool = False
    is_debug: bool = False

    @property
    def cloud_or_default(self) -> str:
        return self.cloud or DEFAULT_CLOUD

    @property
    def stage_or_default(self) -> str:
        return self.stage or DEFAULT_STAGE

    def flags(self) -> str:
        """The options that repeat this choice of file, cloud and stage in a suggested command, with a leading space."""
        import shlex

        chosen = (("-f", self.file), ("--cloud", self.cloud), ("-e", self.stage))
        return "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in chosen if value)

    def call(self, verb: str) -> str:
        """`mldeploy VERB` with the same choice, as it can be pasted into this shell."""
        return f"{own_name(sys.argv[0])} {verb}{self.flags()}"


def own_name(called: str) -> str:
    """`mldeploy`, or the path that it was `called` by where the shell would not find this one under its name: a virtual
    environment that is not activated, say."""
    import shlex
    import shutil

    path = Path(called)
    if path.name != PROGRAM:
        return PROGRAM
    found = shutil.which(PROGRAM)
    return PROGRAM if found is not None and os.path.realpath(found) == os.path.realpath(called) else shlex.quote(called)


class GlobalOption(click.Option):
    """An option of every command; help lists these in a section of their own."""


def _complete_cloud(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from mldeploy.cli.completion import clouds

    return [name for name in clouds() if name.startswith(incomplete)]


def _complete_stage(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from mldeploy.cli.completion import stages

    file = ctx.params.get("file") or ctx.find_root().params.get("file")
    return [name for name in stages(Path(file) if file else None) if name.startswith(incomplete)]


def global_options(taken: frozenset[str] = frozenset()) -> list[click.Parameter]:
    """Fresh options; the names in `taken` stay with the command."""

    def names(*wanted: str) -> list[str]:
        return [name for name in wanted if name not in taken]

    return [
        GlobalOption(
            [*names("-f", "--file"), "file"],
            metavar="PATH",
            type=click.Path(dir_okay=False),
            help="The spec. Default: mldeploy.yaml here or in a folder above.  [env: MLDEPLOY_FILE]",
        ),
        GlobalOption(
            [*names("--cloud"), "cloud"],
            metavar="NAME",
            shell_complete=_complete_cloud,
            help="Where to deploy. Default: local.  [env: MLDEPLOY_CLOUD]",
        ),
        GlobalOption(
            [*names("-e", "--env", "--stage"), "stage"],
            metavar="NAME",
            shell_complete=_complete_stage,
            help="The stage. Default: dev.  [env: MLDEPLOY_ENV]",
        ),
        GlobalOption([*names("-y", "--yes"), "yes"], is_flag=True, help="Answer every question with yes."),
        GlobalOption([*names("--json"), "json"], is_flag=True, help="Exactly one JSON document on stdout."),
        GlobalOption([*names("-v", "--verbose"), "verbose"], count=True, help="Say more."),
        GlobalOption([*names("-q", "--quiet"), "quiet"], count=True, help="Say only results and errors."),
        GlobalOption([*names("--no-color"), "no_color"], is_flag=True, help="No colours.  [env: NO_COLOR]"),
        GlobalOption([*names("--debug"), "debug"], is_flag=True, help="Show the stack trace of an error."),
    ]


def combine(before: Mapping[str, Any], after: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """What the options before and after the verb and the environment come to."""

    def value(key: str, variable: str) -> str | None:
        return after.get(key) or before.get(key) or environ.get(variable) or None

    def flag(key: str) -> bool:
        return bool(after.get(key) or before.get(key))

    def times(key: str) -> int:
        return int(after.get(key) or 0) + int(before.get(key) or 0)

    file = value("file", "MLDEPLOY_FILE")
    return Settings(
        file=Path(file) if file else None,
        cloud=value("cloud", "MLDEPLOY_CLOUD"),
        stage=value("stage", "MLDEPLOY_ENV"),
        is_yes=flag("yes"),
        is_json=flag("json"),
        verbosity=times("verbose") - times("quiet"),
        is_plain=flag("no_color"),
        is_debug=flag("debug"),
    )
