"""Verb: a command that takes the global options, gets a `Session`, and turns Ctrl-C into a sentence.

A verb's callback is `callback(session, **its own options)`; it returns None for 0, or an exit code.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence

import click

from mldeploy.cli.globals import CONTEXT_SETTINGS, GlobalOption, combine, global_options

GLOBAL_NAMES = frozenset({"file", "cloud", "stage", "yes", "json", "verbose", "quiet", "no_color", "debug"})
Callback = Callable[..., int | None]


class Verb(click.Command):
    """One command of the program. Its options come first in the help, the global ones after."""

    def __init__(self, name: str, callback: Callback, params: Sequence[click.Parameter]) -> None:
        taken = frozenset(option for param in params for option in param.opts)
        self.run = callback
        super().__init__(
            name,
            callback=callback,
            params=[*params, *global_options(taken)],
            help=inspect.getdoc(callback),
            context_settings=dict(CONTEXT_SETTINGS),
        )

    def invoke(self, ctx: click.Context) -> int:
        from mldeploy.cli.exits import InterruptError
        from mldeploy.cli.session import Session

        own = {name: value for name, value in ctx.params.items() if name not in GLOBAL_NAMES}
        session = Session(combine(ctx.find_root().params, ctx.params, os.environ))
        try:
            return self.run(session, **own) or 0
        except KeyboardInterrupt as stop:
            during = f" during {session.report.current}" if session.report.current else ""
            raise InterruptError(f"interrupted{during}; {session.after_interrupt()}") from stop

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Global options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                sections["Global options" if isinstance(param, GlobalOption) else "Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def verb(name: str, *params: click.Parameter) -> Callable[[Callback], Verb]:
    """Make a callback the command `name` with the options and arguments `params`; its docstring is the help."""
    return lambda callback: Verb(name, callback, params)
