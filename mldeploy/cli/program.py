"""The program: names, order and one-line help of all commands in a static table, each command imported when it is used.

`mldeploy --help` therefore imports click and this package's command line only; a test pins that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mldeploy.cli.globals import CONTEXT_SETTINGS, global_options

if TYPE_CHECKING:
    from mldeploy.cli.verb import Verb
    from mldeploy.cli.verb_group import VerbGroup

COMPLETE_VARIABLE = "_MLDEPLOY_COMPLETE"

SECTIONS: dict[str, dict[str, str]] = {
    "Describe a model": {
        "init": "Write mldeploy.yaml from a model file.",
        "validate": "Check the spec: all problems at once, offline.",
        "schema": "Print the JSON Schema of mldeploy.yaml.",
        "preview": "Show what `up` would make exist.",
        "build": "Build and check the image; push nothing.",
    },
    "Weigh it": {
        "cost": "Estimate a month: fixed, variable, for each 1,000.",
        "compare": "Compare clouds, regions and sizes for one model.",
    },
    "Serve it": {
        "up": "Deploy: pack, start, smoke-test, switch over.",
        "serve": "Serve in this terminal until Ctrl-C.",
        "invoke": "Ask the deployment for a prediction.",
        "destroy": "Remove the deployment.",
    },
    "Look at it": {
        "status": "Show what is running.",
        "outputs": "Show the URL and other outputs.",
        "logs": "Show the log.",
        "history": "Show the deployment's updates, newest first.",
        "refresh": "Compare the record with the cloud.",
        "bench": "Measure latency, throughput, cold start and memory.",
    },
    "Set up": {
        "doctor": "Check this machine and the providers.",
        "ci": "Write the workflows that deploy from a repository.",
        "unlock": "Remove a lock that was left behind.",
        "iam": "Print the least policy that deploying this spec needs.",
        "eject": "Write the deployment out as a plain Pulumi program and a Dockerfile.",
        "completion": "Print a shell completion script.",
        "version": "Show the version.",
    },
}
ALIASES = {"deploy": "up", "predict": "invoke", "down": "destroy"}
SHORT_HELP = {name: text for section in SECTIONS.values() for name, text in section.items()}

HELP = """One model spec, any serverless cloud.

\b
  mldeploy init --model model.onnx     write mldeploy.yaml
  mldeploy up                          serve it on this machine
  mldeploy invoke @request.json        ask it
"""


class Program(click.Group):
    """The group of all commands. Looks names up in the table and imports `mldeploy.cli.<name>` on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SHORT_HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Verb | VerbGroup | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in SHORT_HELP:
            return None
        from importlib import import_module

        found: Verb | VerbGroup = import_module(f"mldeploy.cli.{name}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in SHORT_HELP and name not in ALIASES and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(_unknown(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        other = {name: alias for alias, name in ALIASES.items()}
        width = max(len(name) for name in SHORT_HELP)
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(width), text + (f"  (also: {other[name]})" if name in other else ""))
                        for name, text in commands.items()
                    ]
                )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
        with formatter.section("Global options, before or after the command"):
            formatter.write_dl([record for record in records if record is not None])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        from click.shell_completion import CompletionItem

        names = {**SHORT_HELP, **{alias: SHORT_HELP[name] for alias, name in ALIASES.items()}}
        found = [CompletionItem(name, help=text) for name, text in names.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def _unknown(name: str) -> str:
    from mldeploy.cli.exits import closest

    close = closest(name, [*SHORT_HELP, *ALIASES])
    return f"no such command '{name}'; did you mean '{close}'?" if close else f"no such command '{name}'"


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from mldeploy import __version__

        click.echo(f"mldeploy {__version__}")
        ctx.exit()


def program() -> Program:
    """The whole command line, ready to be invoked."""
    version = click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
    )
    return Program(
        "mldeploy",
        help=HELP,
        params=[*global_options(), version],
        context_settings=dict(CONTEXT_SETTINGS),
        subcommand_metavar="COMMAND [ARGS]...",
        options_metavar="[OPTIONS]",
    )
