"""Finding providers: packages in a temporary folder, laid out as pip leaves them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel

from mldeploy.errors import ProviderError
from mldeploy.providers import registry

WHOLE = """
from mldeploy.plan import Limits
from mldeploy.spec.model import Section
class Settings(Section):
    size: int = 1
class Cloud:
    name = {name!r}
    title = "A cloud"
    limits = Limits("A cloud", {{}}, 1)
    def problems(self, loaded): return ()
    def plan(self, loaded, bundle): ...
    def checks(self): return ()
    def driver(self, name, stage): ...
    def deployments(self): return ()
Cloud.Settings = Settings
provider = Cloud()
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("cloud", source)` adds a distribution whose module registers the provider `cloud`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def add(name: str, source: str | None = None, *, distribution: str = "", extras: tuple[str, ...] = ()) -> None:
        module = f"provider_{name}_{distribution or 'own'}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(WHOLE.format(name=name) if source is None else source)
        info = tmp_path / f"{distribution or name + '_package'}-1.0.dist-info"
        info.mkdir()
        provided = "".join(f"Provides-Extra: {extra}\n" for extra in extras)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {info.name.partition('-')[0]}\nVersion: 1.0\n{provided}")
        (info / "entry_points.txt").write_text(f"[mldeploy.providers]\n{name} = {module}:provider\n")
        importlib.invalidate_caches()
        registry._entries.cache_clear()

    registry._entries.cache_clear()
    yield add
    registry._entries.cache_clear()
    for module in modules:
        sys.modules.pop(module, None)


def test_built_ins_and_others_come_through_one_door(install: Install) -> None:
    install("cumulus")
    assert registry.names() == tuple(sorted({*registry.names(), "cumulus", "local"}))
    assert registry.get("cumulus").title == "A cloud"
    assert registry.get("local").name == "local"


def test_naming_them_imports_none(install: Install) -> None:
    install("cumulus", "raise AssertionError('imported')")
    models = registry.settings_models()
    assert "cumulus" in registry.names()
    assert "cumulus" in models
    assert "nimbus" not in models
    assert set(models) == set(registry.names())
    assert len(models) == len(registry.names())


def test_settings_are_looked_up_one_by_one(install: Install) -> None:
    install("broken", "raise AssertionError('imported')")
    install("cumulus")
    model = registry.settings_models()["cumulus"]
    assert issubclass(model, BaseModel)
    assert "size" in model.model_fields
    with pytest.raises(KeyError):
        registry.settings_models()["nimbus"]


def test_an_unknown_name_lists_the_known_and_the_closest(install: Install) -> None:
    install("cumulus")
    with pytest.raises(ProviderError, match=r"there is no provider 'cumulos'; installed are .*cumulus.*local") as near:
        registry.get("cumulos")
    assert near.value.hint == "did you mean 'cumulus'?"
    assert near.value.exit_code == 3
    with pytest.raises(ProviderError) as far:
        registry.get("zzz")
    assert "install the package that brings it" in str(far.value.hint)


def test_a_missing_sdk_says_what_to_install(install: Install) -> None:
    install("cumulus", "import pulumi_no_such_cloud", extras=("cumulus",))
    with pytest.raises(ProviderError, match="cumulus needs the package pulumi_no_such_cloud") as caught:
        registry.get("cumulus")
    assert caught.value.hint == "pip install 'cumulus_package[cumulus]'"
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_package_without_the_extra_names_the_sdk_itself(install: Install) -> None:
    install("cumulus", "import pulumi_no_such_cloud")
    with pytest.raises(ProviderError) as caught:
        registry.get("cumulus")
    assert caught.value.hint == "pip install pulumi-no-such-cloud"


@pytest.mark.parametrize(
    "source", ["import no_such_module_at_all", "raise ImportError('half-baked')", "from os import no_such"]
)
def test_any_other_import_error_is_not_swallowed(install: Install, source: str) -> None:
    install("cumulus", source)
    with pytest.raises(ImportError):
        registry.get("cumulus")


def test_two_packages_of_one_name_are_refused(install: Install) -> None:
    install("cumulus", distribution="first")
    install("cumulus", distribution="second")
    with pytest.raises(ProviderError, match="two packages register the provider 'cumulus': first and second") as caught:
        registry.get("cumulus")
    assert caught.value.hint == "uninstall one of the two: pip uninstall first"
    assert registry.names().count("cumulus") == 1


def test_an_object_that_is_no_provider_is_told(install: Install) -> None:
    install("cumulus", "class provider: name = 'cumulus'; title = 'x'")
    with pytest.raises(ProviderError, match=r"cumulus_package registers 'cumulus', but .* has no Settings, limits") as caught:
        registry.get("cumulus")
    assert caught.value.hint


def test_a_provider_of_another_name_is_told(install: Install) -> None:
    install("cumulus", WHOLE.format(name="nimbus"))
    with pytest.raises(ProviderError, match="calls itself 'nimbus'"):
        registry.get("cumulus")


def test_an_entry_without_a_package_is_told_by_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = EntryPoint("loose", "no_such_pulumi:provider", registry.GROUP)
    monkeypatch.setattr(registry, "_entries", lambda: (loose,))
    with pytest.raises(ModuleNotFoundError):
        registry.get("loose")
    loose = EntryPoint("loose", "pulumi_no_such:provider", registry.GROUP)
    with pytest.raises(ProviderError) as caught:
        registry.get("loose")
    assert caught.value.hint == "pip install pulumi-no-such"
    monkeypatch.setattr(registry, "_entries", tuple)
    with pytest.raises(ProviderError, match="installed are none"):
        registry.get("loose")
