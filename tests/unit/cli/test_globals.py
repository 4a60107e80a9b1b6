"""Global options: before the verb, after it, and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldeploy.cli.globals import Settings, combine, global_options, own_name

NOTHING: dict[str, object] = {}


def test_nothing_given() -> None:
    assert combine(NOTHING, NOTHING, {}) == Settings()
    assert Settings().cloud_or_default == "local"
    assert Settings().stage_or_default == "dev"
    assert Settings().flags() == ""


def test_after_the_verb_wins_over_before_wins_over_the_environment() -> None:
    environ = {"MLDEPLOY_FILE": "e.yaml", "MLDEPLOY_CLOUD": "ecloud", "MLDEPLOY_ENV": "estage"}
    assert combine(NOTHING, NOTHING, environ) == Settings(file=Path("e.yaml"), cloud="ecloud", stage="estage")
    before = {"file": "b.yaml", "cloud": "bcloud", "stage": None}
    assert combine(before, NOTHING, environ) == Settings(file=Path("b.yaml"), cloud="bcloud", stage="estage")
    assert combine(before, {"file": "a.yaml"}, environ) == Settings(file=Path("a.yaml"), cloud="bcloud", stage="estage")


def test_an_empty_variable_says_nothing() -> None:
    assert combine(NOTHING, NOTHING, {"MLDEPLOY_CLOUD": ""}).cloud is None


def test_flags_add_up() -> None:
    before = {"yes": True, "verbose": 1, "debug": True}
    settings = combine(before, {"json": True, "verbose": 1, "quiet": 1, "no_color": True}, {})
    assert settings == Settings(is_yes=True, is_json=True, verbosity=1, is_plain=True, is_debug=True)


def test_suggested_commands_repeat_the_choice() -> None:
    settings = Settings(file=Path("my spec.yaml"), cloud="local", stage="prod")
    assert settings.flags() == " -f 'my spec.yaml' --cloud local -e prod"


@pytest.mark.parametrize(("taken", "left"), [(set(), ["-f", "--file"]), ({"-f", "--follow"}, ["--file"])])
def test_a_command_keeps_its_own_short_names(taken: set[str], left: list[str]) -> None:
    assert global_options(frozenset(taken))[0].opts == left


def test_a_suggested_command_works_where_the_program_is_not_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "my env" / "mldeploy"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_name(str(program)) == f"'{program}'"
    monkeypatch.setenv("PATH", str(program.parent))
    assert own_name(str(program)) == "mldeploy"
    assert own_name("mldeploy/cli/__main__.py") == "mldeploy"
    monkeypatch.setattr("sys.argv", [str(program)])
    assert Settings(stage="prod").call("up") == "mldeploy up -e prod"
