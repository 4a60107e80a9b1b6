"""docs/cli.md says what the program says: every command, option and exit code. `pytest --update` writes its blocks anew."""

from __future__ import annotations

import re
from pathlib import Path

import click

from mldeploy.cli import exits
from mldeploy.cli.ci import command as ci
from mldeploy.cli.globals import global_options
from mldeploy.cli.program import ALIASES, SHORT_HELP, program

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
WIDTH = 100
BLOCK = re.compile(r"<!-- (help: (?P<name>[\w-]+)|exit codes) -->\n(\n```text\n.*?```\n|\n\|.*?\n(?=\n))?", re.DOTALL)


def help_of(name: str) -> str:
    """What --help prints, less the global options, which the page shows once."""
    root = program()
    with click.Context(root, info_name="mldeploy", terminal_width=WIDTH, help_option_names=["-h", "--help"]) as ctx:
        if name == "mldeploy":
            return root.get_help(ctx)
        group, _, verb = name.partition("-")  # "ci-github" is `ci github`
        command: click.Command | None = root.get_command(ctx, group)
        if verb and isinstance(command, click.Group):
            ctx = click.Context(command, info_name=group, parent=ctx)
            command, name = command.get_command(ctx, verb), verb
        assert command is not None
        sub = click.Context(command, info_name=name, parent=ctx, help_option_names=["-h", "--help"])
        return command.get_help(sub).partition("\n\nGlobal options:")[0]


def exit_codes() -> str:
    rows = "".join(f"| {code} | {meaning} |\n" for code, meaning in exits.MEANINGS.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def written(page: str) -> str:
    """The page with its blocks as they should be."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return f"<!-- exit codes -->\n\n{exit_codes()}"
        lines = "\n".join(line.rstrip() for line in help_of(name).splitlines())
        return f"<!-- help: {name} -->\n\n```text\n{lines}\n```\n"

    return BLOCK.sub(block, page)


def test_the_reference_is_fresh(is_update: bool) -> None:
    page = PAGE.read_text()
    if is_update:
        PAGE.write_text(written(page))
    assert PAGE.read_text() == written(page), "docs/cli.md is stale: pytest --update tests/unit/cli/test_reference.py"


def test_every_command_alias_option_and_exit_code_is_in_it() -> None:
    page = PAGE.read_text()
    for name in [*SHORT_HELP, *(f"ci-{verb}" for verb in ci.verbs)]:
        assert f"<!-- help: {name} -->" in page
    root = program()
    with click.Context(root, info_name="mldeploy") as ctx:
        commands: list[click.Command | None] = [root.get_command(ctx, name) for name in SHORT_HELP]
        commands += [ci.get_command(ctx, name) for name in ci.verbs]
    options = {o for c in commands if c for p in c.params if isinstance(p, click.Option) for o in p.opts}
    options |= {option for param in global_options() for option in param.opts}
    assert [option for option in sorted(options) if option not in page] == []
    assert [alias for alias in ALIASES if f"(also: {alias})" not in page] == []
    assert [code for code in exits.MEANINGS if f"| {code} |" not in page] == []


def test_every_json_document_is_described() -> None:
    table = PAGE.read_text().partition("| command | document |")[2].partition("\n\n")[0]
    commands = " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))
    assert [name for name in SHORT_HELP if f"`{name}`" not in commands] == ["completion", "version"]
