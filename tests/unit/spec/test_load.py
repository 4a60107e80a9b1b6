"""load(): stages, marks, origins, and everything that can be wrong with the file itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mldeploy import spec
from mldeploy.errors import SpecError
from mldeploy.spec import loading

MINIMAL = "version: 1\nname: digits\nmodel:\n  path: model.onnx\n"
STAGED = MINIMAL + (
    "resources:\n  memory_mb: 512\n  timeout_s: 30\nenv:\n  A: one\n  B: two\n"
    "stages:\n  prod:\n    resources:\n      memory_mb: 1024\n      timeout_s: null\n    env:\n      C: three\n  quiet:\n"
)


def test_the_default_stage_needs_no_declaration(load) -> None:
    loaded = load(MINIMAL)
    assert (loaded.stage, loaded.spec.name, loaded.spec.access, loaded.file) == ("dev", "digits", "private", "mldeploy.yaml")
    assert loaded.resolve("model.onnx").is_file()


def test_an_overlay_merges_and_null_resets(load) -> None:
    prod = load(STAGED, "prod").spec
    assert (prod.resources.memory_mb, prod.resources.timeout_s) == (1024, None)
    assert prod.env == {"A": "one", "B": "two", "C": "three"}
    assert load(STAGED, "quiet").spec.resources.memory_mb == 512


def test_marks_and_origins_say_who_set_what(load) -> None:
    loaded = load(STAGED, "prod")
    assert loaded.origin("resources.memory_mb") == "stage prod (mldeploy.yaml:14)"
    assert loaded.origin("env.A") == "mldeploy.yaml:9"
    assert loaded.origin("resources.timeout_s") is None
    assert loaded.mark("resources.timeout_s").line == 5
    problem = loaded.problem("resources.memory_mb", "too much", "less")
    assert (problem.where, problem.path) == ("mldeploy.yaml:14:7", "stages.prod.resources.memory_mb")
    assert loaded.problem("env.A", "no", "yes").path == "env.A"
    assert loaded.mark("nothing.here").line == 1


def test_an_unknown_stage_lists_the_known_ones(load) -> None:
    with pytest.raises(SpecError, match="no stage 'prd'; its stages are dev, prod, quiet") as near:
        load(STAGED, "prd")
    assert near.value.hint == "did you mean 'prod'?"
    assert near.value.exit_code == 2
    with pytest.raises(SpecError) as far:
        load(STAGED, "xyzzy")
    assert far.value.hint == "declare it: stages: {xyzzy: {}}"


def test_empty_sections_are_defaults(load) -> None:
    loaded = load(MINIMAL + "env:\nresources:\nsmoke:\nclouds:\n  toy:\nstages:\n  prod:\n")
    assert loaded.spec.env == {}
    assert loaded.spec.clouds == {"toy": {}}
    assert loaded.spec.stages == {"prod": {}}


def test_a_number_may_be_whole_where_a_decimal_is_meant(load) -> None:
    loaded = load(MINIMAL + "resources: {timeout_s: 30}\nsmoke: [{inputs: 1, tolerance: 1}]\n")
    assert loaded.spec.resources.timeout_s == 30.0


def test_warnings_stop_nothing(load) -> None:
    loaded = load(MINIMAL + "  labels: labels.txt\nenv: {DB_PASSWORD: x, PLAIN: y}\n")
    assert [(warning.line, warning.path) for warning in loaded.warnings] == [(5, "model.labels"), (6, "env.DB_PASSWORD")]


def test_without_settings_models_cloud_blocks_are_taken_as_they_are(folder: Path) -> None:
    file = folder / "any.yaml"
    file.write_text(MINIMAL + "clouds: {nowhere: {x: 1}}\n")
    assert spec.load(file).spec.clouds == {"nowhere": {"x": 1}}


def test_a_file_elsewhere_is_called_by_its_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "mldeploy.yaml"
    file.write_text(MINIMAL)
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert spec.load(file).file == str(file)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "is empty"),
        (b"# only a comment\n", 1, "is empty"),
        (b"---\n", 1, "is empty"),
        (b"- a\n- b\n", 1, "is a list, not a map"),
        (b"\njust words\n", 2, "is a single value, not a map"),
        (b"version: 1\nname: \xff\n", 2, "is not UTF-8 text"),
        (b"\x08\x02\x12\x07pytorch\x00", 1, "is not a text file: it holds the character U+0008"),
        (b"version: 1\nname: a\x00b\n", 2, "U+0000"),
        (b"x" * (loading.MAX_BYTES + 1), 1, "a spec has at most 1048576"),
        (b"a: " + b"[" * 5000, 1, "nested more than 64 levels"),
        (b"a: " + b"{b: " * 5000, 1, "nested more than 64 levels"),
        (b"version: 1\n---\nversion: 1\n", 2, "a second document starts here"),
        (b"version: 1\nenv: &a [x]\nname: *a\n", 2, "&a: a spec takes no anchors"),
        (b"version: 1\nname: *a\n", 2, "*a: a spec takes no anchors"),
        (b"version: 1\nmodel:\n  <<: {path: x}\n", 3, "no merge keys"),
        (b"version: 1\nname: !!python/name:os.system\n", 2, "takes no tags"),
        (b"version: 1\n? [a]\n: 1\n", 2, "a key is a list or a map"),
        (b"version: 1\nmodel:\n\tpath: x\n", 3, "a tab; YAML is indented with spaces"),
    ],
)
def test_one_clear_problem_for_a_file_that_is_no_spec(faults, content: bytes, line: int, message: str) -> None:
    [problem] = faults(content)
    assert message in problem.message
    assert problem.line == line
    assert problem.fix


def test_a_bomb_of_anchors_is_refused_before_it_grows(faults) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert len(faults(bomb)) == 1


def test_a_byte_order_mark_is_no_content(load) -> None:
    assert load(b"\xef\xbb\xbf" + MINIMAL.encode()).spec.name == "digits"


def test_more_problems_than_anyone_reads_are_counted(faults) -> None:
    problems = faults(MINIMAL + "".join(f"k{i}: 1\n" for i in range(150)))
    assert len(problems) == 101
    assert problems[-1].message == "and at least 50 more problems"


def test_stages_are_checked_up_to_a_number(faults) -> None:
    [problem] = faults(MINIMAL + "stages:\n" + "".join(f"  s{i}: {{}}\n" for i in range(40)))
    assert (problem.where, problem.path) == ("mldeploy.yaml:38:3", "stages")
    assert problem.message == "has 40 stages, and takes at most 32"


def test_a_file_full_of_mistakes_ends(faults) -> None:
    assert len(faults(MINIMAL + "smoke:\n" + "- a\n" * 5000)) == 101


def test_a_missing_file_says_how_to_get_one(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere\.yaml: no such file") as caught:
        spec.load(folder / "nowhere.yaml")
    assert "mldeploy init" in str(caught.value.hint)


def test_a_folder_is_no_spec(folder: Path) -> None:
    with pytest.raises(SpecError, match="is a folder") as empty:
        spec.load(folder)
    assert "mldeploy init" in str(empty.value.hint)
    (folder / "mldeploy.yaml").write_text(MINIMAL)
    with pytest.raises(SpecError) as full:
        spec.load(folder)
    assert full.value.hint == f"-f {folder / 'mldeploy.yaml'}"


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(SpecError, match="not a regular file"):
        spec.load(folder / "pipe")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_an_impossible_name_is_told(folder: Path, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec.load(folder / name)
    assert caught.value.hint


def test_an_unreadable_file_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "mldeploy.yaml"
    file.write_text(MINIMAL)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SpecError, match=r"mldeploy\.yaml: Permission denied"):
        spec.load(file)


def test_a_lost_working_folder_is_survived(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "mldeploy.yaml"
    file.write_text(MINIMAL)

    def gone() -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "cwd", gone)
    assert spec.load(file).file == str(file)


def test_find_searches_upward(folder: Path) -> None:
    (folder / "mldeploy.yaml").write_text(MINIMAL)
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    assert spec.find(deep) == folder / "mldeploy.yaml"


def test_find_says_where_it_looked_and_what_to_do(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"no mldeploy.yaml in .* or any folder above it") as caught:
        spec.find(folder)
    assert "mldeploy init" in str(caught.value.hint)
    (folder / "mldeploy.yml").write_text(MINIMAL)
    with pytest.raises(SpecError) as misnamed:
        spec.find(folder)
    assert "rename mldeploy.yml" in str(misnamed.value.hint)


def test_the_package_has_only_its_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = spec.lod  # type: ignore[attr-defined]
