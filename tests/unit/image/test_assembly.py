"""The tag, the Dockerfile and the trees: pure, stable, and different whenever a byte of the image would be."""

from __future__ import annotations

import io
import re
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError, ModelError, ProviderError, SpecError
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.image import assembly, context, dockerfile, pins, sources
from mldeploy.image.context import Entry
from mldeploy.image.needs import needs
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import SilentReporter

USER = f"six==1.0 --hash=sha256:{'a' * 64}\n"


def test_the_tag_is_of_the_fingerprint_not_of_the_folder(plan: Plan, bundle: Bundle, tmp_path: Path) -> None:
    tag = assembly.tag(plan, bundle)
    assert re.fullmatch(r"[0-9a-f]{40}", tag)
    assert assembly.tag(plan, replace(bundle, root=tmp_path / "not-packed-yet", inputs=(), outputs=(), is_packed=False)) == tag


@pytest.mark.parametrize(
    "change",
    [
        {"base": "example.org/python:3.13.1"},
        {"architecture": "arm64"},
        {"engine": "stock"},
        {"requirements": ("orjson", "httptools")},
        {"modules": ("mldeploy.handlers", "mldeploy.spec")},
        {"entrypoint": ("python3", "other.py")},
        {"environment": {"A": "b"}},
        {"files": {"/opt/x.txt": "x"}},
        {"labels": {"team": "x"}},
        {"user": "0:0"},
        {"port": 1},
        {"user_requirements": USER},
        {"bundle_dir": "/opt/elsewhere"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_image_changes_the_tag(plan: Plan, bundle: Bundle, recipe: Recipe, change: dict[str, Any]) -> None:
    assert assembly.tag(replace(plan, image=replace(recipe, **change)), bundle) != assembly.tag(plan, bundle)


def test_the_bundle_changes_the_tag_and_the_gates_do_not(plan: Plan, bundle: Bundle, recipe: Recipe) -> None:
    tag = assembly.tag(plan, bundle)
    assert assembly.tag(plan, replace(bundle, fingerprint="cd" * 32)) != tag
    assert assembly.tag(replace(plan, image=replace(recipe, max_mb=5, probe=("x",))), bundle) == tag
    assert assembly.tag(replace(plan, stage="prod", environment={}), bundle) == tag


def test_a_plan_without_an_image_and_a_group_without_a_lock(plan: Plan, bundle: Bundle, recipe: Recipe) -> None:
    with pytest.raises(DeployError, match="toy builds no image"):
        assembly.tag(replace(plan, image=None), bundle)
    with pytest.raises(ProviderError, match="no lock called torch"):
        assembly.tag(replace(plan, image=replace(recipe, requirements=("torch",))), bundle)
    with pytest.raises(SpecError):
        assembly.tag(replace(plan, image=replace(recipe, user_requirements="six")), bundle)


@pytest.mark.parametrize(
    ("engine", "changes", "document", "decided", "groups"),
    [
        ("auto", {}, {}, "lean", {"onnxruntime-lean"}),
        ("lean", {}, {}, "lean", {"onnxruntime-lean"}),
        ("stock", {}, {}, "stock", {"onnxruntime"}),
        ("auto", {"inputs": (TensorSpec("s", "BYTES", (-1,)),)}, {}, "stock", {"onnxruntime"}),
        ("auto", {}, {"hook": "hook.py"}, "lean", {"onnxruntime-lean", "numpy"}),
        ("auto", {}, {"preprocess": {"kind": "image"}}, "lean", {"onnxruntime-lean", "pillow"}),
        ("auto", {}, {"preprocess": {"kind": "tabular"}}, "lean", {"onnxruntime-lean"}),
        ("auto", {"format": "sklearn"}, {}, "auto", {"sklearn"}),
        ("auto", {"format": "python"}, {"hook": "hook.py"}, "auto", {"numpy"}),
    ],
)
def test_what_a_bundle_needs(
    make_bundle: Callable[..., Bundle], recipe: Recipe, engine: str, changes: Any, document: Any, decided: str, groups: set[str]
) -> None:
    found = needs(replace(recipe, engine=engine), make_bundle(document=document, **changes))
    assert found.engine == decided
    assert set(found.groups) == groups | {"orjson"}


def test_a_bundle_that_is_not_packed_cannot_be_assembled(recipe: Recipe, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        needs(recipe, replace(bundle, root=tmp_path / "absent"))


def test_the_dockerfile_runs_nothing_but_the_compiler(recipe: Recipe) -> None:
    text = dockerfile.render(replace(recipe, port=8080, command=("a b",), user_requirements=USER), "lean")
    assert "# syntax" not in text
    assert "--mount" not in text
    assert {line for line in text.splitlines() if line.startswith("RUN")} == {
        'RUN ["python3", "-I", "/compile_tree.py", "/tree"]'
    }
    final = text[text.rindex("FROM ") :]
    copies = [re.sub(r".*--from=(\S+).*|.* (\S+)/ /$", r"\1\2", line) for line in final.splitlines() if line.startswith("COPY")]
    assert copies == ["packages", "user-packages", "runtime", "model", "hook"]
    assert all("--chown=0:0" in line for line in text.splitlines() if line.startswith("COPY"))
    assert final.splitlines()[-4:] == [
        "USER 10001:10001",
        "EXPOSE 8080",
        'ENTRYPOINT ["python3", "-P", "-m", "entry"]',
        'CMD ["a b"]',
    ]


def test_values_are_quoted_for_the_builder(recipe: Recipe) -> None:
    text = dockerfile.render(replace(recipe, environment={"A": 'say "$HOME" \\ now'}), "lean")
    assert 'A="say \\"\\$HOME\\" \\\\ now"' in text
    with pytest.raises(ValueError, match="line break"):
        dockerfile.render(replace(recipe, environment={"A": "x\nRUN rm"}), "lean")


def test_a_recipe_may_overrule_the_environment(recipe: Recipe) -> None:
    assert dockerfile.environment(recipe, "lean")["HOME"] == "/tmp"
    assert dockerfile.environment(replace(recipe, environment={"HOME": "/var"}), "lean")["HOME"] == "/var"
    assert dockerfile.environment(recipe, "stock")["PYTHONPATH"] == "/opt/mldeploy/app:/opt/mldeploy/packages"


def test_the_same_entries_give_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"from the disk")

    def tar() -> bytes:
        stream = io.BytesIO()
        context.write_tar(stream, [Entry("a/b/c.py", b"x"), Entry("a/b/d", file, is_program=True), Entry("empty/one", None)])
        return stream.getvalue()

    first = tar()
    file.touch()
    file.chmod(0o600)
    time.sleep(0.01)
    assert tar() == first
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        found = {entry.name: (entry.mode, entry.mtime, entry.uid, entry.gid, entry.uname) for entry in archive}
    assert list(found) == ["a", "a/b", "a/b/c.py", "a/b/d", "empty", "empty/one"]
    assert set(found.values()) == {(0o755, context.TIME_S, 0, 0, ""), (0o644, context.TIME_S, 0, 0, "")}


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a\\..\\x"])
def test_a_path_that_leaves_the_context_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leaves its folder"):
        context.write_tar(io.BytesIO(), [Entry(path, b"")])


def test_the_code_that_ships_has_empty_parents() -> None:
    found = {entry.path: entry.content for entry in sources.entries(("mldeploy.handlers", "mldeploy.providers.local"), "app")}
    assert found["app/mldeploy/providers/__init__.py"] == b""
    assert b"__version__" in bytes(found["app/mldeploy/__init__.py"])  # type: ignore[arg-type]
    assert "app/mldeploy/handlers/page.html" in found
    assert not [path for path in found if "__pycache__" in path or "/registry.py" in path or "/cli/" in path]
    with pytest.raises(ProviderError, match="no installed package"):
        list(sources.entries(("mldeploy.no_such.entry",), "app"))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel of one module for every pin, instead of the index."""

    def fetch(chosen: tuple[pins.Pin, ...], *_: object) -> tuple[Path, ...]:
        paths = []
        for pin in chosen:
            path = tmp_path / f"{pin.name}-{pin.version}-py3-none-any.whl"
            with zipfile.ZipFile(path, "w") as wheel:
                wheel.writestr(f"{pin.name}/capi/libonnxruntime.so.1", b"x" * 10)
                wheel.writestr("shared/__init__.py", b"")
            paths.append(path)
        return tuple(paths)

    monkeypatch.setattr(assembly, "fetch", fetch)


def test_each_tree_has_its_part(plan: Plan, recipe: Recipe, make_bundle: Callable[..., Bundle], wheels: None) -> None:
    own = replace(recipe, user_requirements=USER, files={"/opt/host.json": "{}"})
    with SilentReporter().step("") as step:
        contents = assembly.assemble(own, make_bundle(document={"hook": "hook.py"}), step)
    paths = [entry.path for entry in contents.entries]
    assert len(set(paths)) == len(paths)
    assert "user-packages/opt/mldeploy/packages/six/capi/libonnxruntime.so.1" in paths
    assert "packages/opt/mldeploy/packages/onnxruntime/capi/libonnxruntime.so.1" in paths
    assert {"runtime/opt/host.json", "runtime/opt/mldeploy/app/mldeploy/handlers/core.py"} <= set(paths)
    assert {"model/opt/mldeploy/bundle/model.onnx", "hook/opt/mldeploy/bundle/hook.py"} <= set(paths)
    assert "hook/opt/mldeploy/bundle/bundle.json" in paths, "it changes with the hook"
    assert contents.sizes["six 1.0"] == 10


def test_without_a_hook_the_bundle_is_one_layer(recipe: Recipe, bundle: Bundle, wheels: None) -> None:
    with SilentReporter().step("") as step:
        contents = assembly.assemble(recipe, bundle, step)
    paths = {entry.path for entry in contents.entries}
    assert {"model/opt/mldeploy/bundle/model.onnx", "model/opt/mldeploy/bundle/bundle.json"} <= paths
    assert not [path for path in paths if path.startswith("hook/") and "." in path]
