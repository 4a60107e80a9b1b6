"""`mldeploy` and `python -m mldeploy.cli`: run one command, turn whatever happens into an exit code.

Errors go to stderr; with `--json` they are the one document on stdout as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from mldeploy.cli.program import COMPLETE_VARIABLE, program
from mldeploy.cli.terminal import Terminal, prepare_streams


def run(args: Sequence[str]) -> int:
    """Run one command line. Raises what the command raises."""
    root = program()
    if COMPLETE_VARIABLE in os.environ:
        root.main(list(args), prog_name="mldeploy", complete_var=COMPLETE_VARIABLE)
    if not args:
        with root.make_context("mldeploy", [], resilient_parsing=True) as ctx:
            click.echo(root.get_help(ctx), err=True)
        return 2
    try:
        with root.make_context("mldeploy", list(args)) as ctx:
            code = root.invoke(ctx)
            return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code


def _options_of(args: Sequence[str]) -> set[str]:
    """The words before `--`: enough to know --json, --debug and --no-color even when the command line is wrong."""
    return set(args[: args.index("--")] if "--" in args else args)


def _fail(error: BaseException, args: Sequence[str]) -> int:
    from mldeploy.cli import exits

    words = _options_of(args)
    failure = exits.describe(error)
    if "--debug" in words:
        import traceback

        traceback.print_exception(error)
    if "--json" in words:
        import json

        sys.stdout.write(json.dumps(exits.document(failure), indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        terminal = Terminal.of(sys.stderr, no_color="--no-color" in words)
        for line in exits.render(failure, terminal):
            terminal.line(line)
    return failure.exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """The console script. Never raises; returns the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    try:
        try:
            code = run(args)
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            code = _fail(error, args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`mldeploy logs | head`): nothing more can be said, not even by the interpreter's flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
