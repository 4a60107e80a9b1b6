"""VerbGroup: several verbs under one name (`mldeploy ci github`). Its table is static; a verb is imported when it is used.

    mldeploy GROUP VERB  ─▶  mldeploy/cli/<group>_<verb>.py: command

The global options stand before the group or after the verb.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

from mldeploy.cli.globals import CONTEXT_SETTINGS

if TYPE_CHECKING:
    from mldeploy.cli.verb import Verb


class VerbGroup(click.Group):
    """A command that only has verbs. `verbs` maps each name to its one-line help."""

    def __init__(self, name: str, help: str, verbs: Mapping[str, str]) -> None:  # noqa: A002  (click's own name for it)
        super().__init__(
            name,
            help=help,
            context_settings=dict(CONTEXT_SETTINGS),
            subcommand_metavar="COMMAND [ARGS]...",
            options_metavar="[OPTIONS]",
            no_args_is_help=False,
        )
        self.verbs = dict(verbs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Verb | None:
        if cmd_name not in self.verbs:
            return None
        found: Verb = import_module(f"mldeploy.cli.{self.name}_{cmd_name}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.verbs and not name.startswith("-") and not ctx.resilient_parsing:
            from mldeploy.cli.exits import closest

            close = closest(name, self.verbs)
            meant = f"; did you mean '{close}'?" if close else ""
            raise click.UsageError(f"no such command '{self.name} {name}'{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))
