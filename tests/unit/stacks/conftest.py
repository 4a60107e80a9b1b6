"""A deployment of the toy cloud on the real Pulumi engine, with its state, its cloud and its project in temporary folders."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy import image, spec
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import ProviderError
from mldeploy.image.contract import Destination, ImageRef
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import Step
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import acceptance, engine
from mldeploy.stacks.driver import StackDriver

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from toystack_cloud import ToyCloud  # noqa: E402

SPEC = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"
FINGERPRINT = "ab" * 32


@dataclass
class Lines:
    """A reporter that keeps what it is told."""

    said: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str, text: str = "") -> Iterator[Step]:
        yield _Said(name, self.said)

    def note(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(f"warning: {text}")


@dataclass
class _Said:
    name: str
    said: list[str]

    def update(self, text: str) -> None:
        return None

    def line(self, text: str) -> None:
        self.said.append(text)

    def done(self, text: str) -> None:
        self.said.append(f"{self.name}: {text}")


@pytest.fixture(autouse=True)
def abandoned_loops() -> Iterator[None]:
    """Where the engine ends in the middle of a program, the SDK abandons the event loop that ran it. A command ends with its
    process; here what is left is collected at once, so that no later test is blamed for it."""
    yield
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook


@pytest.fixture
def report() -> Lines:
    return Lines()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder; nothing of the user's reaches the engine."""
    for name in [name for name in os.environ if name.startswith(("PULUMI_", "MLDEPLOY_TAKE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return tmp_path / "state"


@pytest.fixture
def toy_engine(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real engine, with the stand-in plugin on PATH. Skips where there is no engine."""
    try:
        place = engine.find()
    except ProviderError as error:
        pytest.skip(f"{error.message}: {error.hint}, or `.ci/run`, which builds it")
    monkeypatch.setenv("MLDEPLOY_PULUMI_HOME", str(place.resolve().parent.parent))
    monkeypatch.setenv("PATH", f"{HERE}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOYSTACK_CLOUD", str(tmp_path / "cloud"))
    monkeypatch.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    monkeypatch.setattr(acceptance, "READY_WAIT_S", 2.0)
    (tmp_path / "cloud").mkdir()
    return tmp_path / "cloud"


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedSpec:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"x")
    (folder / "mldeploy.yaml").write_text(SPEC)
    return spec.load(folder / "mldeploy.yaml", None, settings_models={})


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path / "bundle", "digits", FINGERPRINT, "onnx", (), ())


def planned(_loaded: LoadedSpec, _bundle: Bundle) -> Plan:
    """The toy provider's `plan`."""
    return plan_of()


def plan_of(*, access: str = "private", secrets: dict[str, str] | None = None, is_image: bool = True, **document: Any) -> Plan:
    """A plan as the toy cloud's provider would make it."""
    program = {
        "model": "digits",
        "repository": "digits-dev",
        "service": "digits-dev-fn",
        "region": "here",
        "memory_mb": 512,
        **document,
    }
    recipe = Recipe("base", "amd64", "3.13", "lean", (), (), (), (), ())
    return Plan(
        "toystack",
        "digits",
        "dev",
        FINGERPRINT,
        access,
        (),
        (),
        {},
        secrets or {},
        image=recipe if is_image else None,
        program=program,
    )


@dataclass
class Registry:
    """Stands in for `mldeploy.image`: tags by the plan's recipe, and remembers what was built."""

    built: list[str] = field(default_factory=list)
    base: str = "base"

    def tag(self, plan: Plan, bundle: Bundle) -> str:
        import hashlib

        return hashlib.sha256(f"{self.base}{bundle.fingerprint}".encode()).hexdigest()[:40]

    def ensure(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, destination: Destination, report: Any) -> ImageRef:
        import hashlib

        assert destination.username == "toy"
        tag = self.tag(plan, bundle)
        if tag not in self.built:
            self.built.append(tag)
        return ImageRef(destination.repository, tag, f"sha256:{hashlib.sha256(tag.encode()).hexdigest()[::-1]}")

    def render(self, plan: Plan, bundle: Bundle, folder: Path) -> tuple[Path, ...]:
        (folder / "Dockerfile").write_text(f"FROM {self.base}\n")
        return (folder / "Dockerfile",)

    def render_source(self, plan: Plan, bundle: Bundle, folder: Path) -> str:
        (folder / "main.py").write_text(f"# {self.base}\n")
        return str(folder)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    stand_in = Registry()
    for name in ("tag", "ensure", "render", "render_source"):
        monkeypatch.setitem(vars(image), name, getattr(stand_in, name))
    return stand_in


@dataclass
class Toy:
    """A deployment and everything around it."""

    cloud: ToyCloud
    driver: StackDriver
    loaded: LoadedSpec
    bundle: Bundle
    report: Lines
    images: Registry
    folder: Path

    def up(self, **changes: Any) -> Any:
        return self.driver.up(plan_of(**changes), self.bundle, self.loaded, self.report)

    def preview(self, *, is_offline: bool = False, **changes: Any) -> Any:
        return self.driver.preview(plan_of(**changes), self.bundle, self.loaded, self.report, is_offline=is_offline)


@pytest.fixture
def toy(toy_engine: Path, loaded: LoadedSpec, bundle: Bundle, report: Lines, registry: Registry) -> Toy:
    cloud = ToyCloud()
    return Toy(cloud, StackDriver(cloud, "digits", "dev", planned, loaded), loaded, bundle, report, registry, toy_engine)


__all__ = ["Callable", "Lines", "Toy", "plan_of", "replace"]
