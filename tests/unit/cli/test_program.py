"""The program as a whole: its table, its laziness, its flags in either place, its endings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mldeploy.cli import program as programs
from mldeploy.cli.__main__ import main
from mldeploy.cli.ci import command as ci
from mldeploy.cli.verb import Verb
from mldeploy.cli.verb_group import VerbGroup

BANNED = {
    "pulumi",
    "docker",
    "numpy",
    "onnx",
    "onnxruntime",
    "pydantic",
    "yaml",
    "PIL",
    "importlib.metadata",
    "asyncio",
    "http.client",
    "json",
    "email",
    "socket",
    "subprocess",
    "mldeploy.deploy",
    "mldeploy.spec",
    "mldeploy.providers",
}


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_help_imports_nothing_heavy(argument: str) -> None:
    code = (
        "import sys\nfrom mldeploy.cli.__main__ import main\n"
        f"code = main([{argument!r}])\nprint('\\n'.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert set(done.stderr.split()) & BANNED == set()
    assert "mldeploy" in done.stdout


@pytest.mark.parametrize("name", list(programs.SHORT_HELP))
def test_the_table_tells_what_the_command_tells(name: str) -> None:
    root = programs.program()
    with root.make_context("mldeploy", [name, "-h"], resilient_parsing=True) as ctx:
        command = root.get_command(ctx, name)
    assert isinstance(command, Verb | VerbGroup)
    assert command.name == name
    assert (command.help or "").splitlines()[0] == programs.SHORT_HELP[name]


def test_every_file_of_a_command_is_in_the_table() -> None:
    folder = Path(programs.__file__).parent
    with_command = {path.stem for path in folder.glob("*.py") if "\n@verb(" in path.read_text()}
    grouped = {f"{ci.name}_{name}" for name in ci.verbs}
    assert with_command == (set(programs.SHORT_HELP) - {ci.name}) | grouped


@pytest.mark.parametrize("name", list(ci.verbs))
def test_the_table_of_a_group_tells_what_its_verbs_tell(name: str) -> None:
    command = ci.get_command(click.Context(ci), name)
    assert isinstance(command, Verb)
    assert command.name == name
    assert (command.help or "").splitlines()[0] == ci.verbs[name]


@pytest.mark.parametrize(("alias", "name"), list(programs.ALIASES.items()))
def test_aliases(alias: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([alias, "--help"]) == 0
    usage = capsys.readouterr().out.splitlines()[0]
    assert main([name, "--help"]) == 0
    assert usage.replace(f"mldeploy {alias}", f"mldeploy {name}") == capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["uo"], "error     no such command 'uo'; did you mean 'up'?\nnext      mldeploy --help\n"),
        (["ci", "githb"], "error     no such command 'ci githb'; did you mean 'github'?\nnext      mldeploy ci --help\n"),
        (["ci"], "error     Missing command.\nnext      mldeploy ci --help\n"),
        (["xyzzy"], "error     no such command 'xyzzy'\nnext      mldeploy --help\n"),
        (["version", "--jsn"], "error     no such option '--jsn'; did you mean '--json'?\nnext      mldeploy version --help\n"),
        (["--clod", "x", "up"], "error     no such option '--clod'; did you mean '--cloud'?\nnext      mldeploy --help\n"),
        (["version", "extra"], "error     Got unexpected extra argument (extra)\nnext      mldeploy version --help\n"),
        (
            ["completion", "tcsh"],
            "error     Invalid value for '{bash|zsh|fish}': 'tcsh' is not one of 'bash', 'zsh', 'fish'.\n"
            "next      mldeploy completion --help\n",
        ),
    ],
)
def test_a_wrong_command_line_says_what_was_meant(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == said


def test_a_wrong_command_line_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "uo"]) == 2
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["error"] == {
        "type": "UsageError",
        "message": "no such command 'uo'; did you mean 'up'?",
        "hint": "mldeploy --help",
        "exit_code": 2,
    }


def test_no_command_shows_the_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Describe a model:" in captured.err


@pytest.mark.parametrize("args", [["--json", "version"], ["version", "--json"], ["--json", "version", "--json"]])
def test_flags_before_and_after_the_verb(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    assert json.loads(capsys.readouterr().out)["mldeploy"]


def test_version_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "-v"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mldeploy 0.")
    assert "onnxruntime" in out


def broken(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(ctx: click.Context) -> None:
        raise error

    from mldeploy.cli.version import command

    monkeypatch.setattr(command, "run", lambda session: fail(None))  # type: ignore[arg-type]


def test_a_bug_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken(monkeypatch, ZeroDivisionError("ouch"))
    assert main(["version"]) == 70
    assert capsys.readouterr().err == "error     ZeroDivisionError: ouch\nnext      this is a bug, rerun with --debug\n"


def test_debug_shows_the_trace_on_stderr_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken(monkeypatch, ZeroDivisionError("ouch"))
    assert main(["version", "--debug", "--json"]) == 70
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert json.loads(captured.out)["error"]["exit_code"] == 70


def test_an_interrupt_says_how_things_stand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken(monkeypatch, KeyboardInterrupt())
    assert main(["version"]) == 130
    assert capsys.readouterr().err == "interrupted; nothing was changed\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    script = f"set -o pipefail; {sys.executable} -m mldeploy.cli version -v --json | true; echo $?"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "1")
