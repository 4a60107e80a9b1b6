"""A deployment of the toy cloud on the real Pulumi engine, with its state, its cloud and its project in temporary folders."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldeploy import image, spec
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import ProviderError
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import acceptance, engine
from mldeploy.stacks.driver import StackDriver

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from toy_rig import FINGERPRINT, SPEC, Lines, Registry, Toy, planned  # noqa: E402
from toystack_cloud import ToyCloud  # noqa: E402


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


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    stand_in = Registry()
    for name in ("tag", "ensure", "render", "render_source"):
        monkeypatch.setitem(vars(image), name, getattr(stand_in, name))
    return stand_in


@pytest.fixture
def toy(toy_engine: Path, loaded: LoadedSpec, bundle: Bundle, report: Lines, registry: Registry) -> Toy:
    cloud = ToyCloud()
    return Toy(cloud, StackDriver(cloud, "digits", "dev", planned, loaded), loaded, bundle, report, registry, toy_engine)
