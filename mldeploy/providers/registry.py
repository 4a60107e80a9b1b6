"""The installed providers: entry points of the group `mldeploy.providers`, loaded one by one when they are asked for.

Built-ins and third parties come through the same door. A provider whose SDK is missing says what to install; any other
ImportError is a defect of that provider and is not swallowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from mldeploy.errors import ProviderError, closest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mldeploy.providers.contract import Provider

GROUP = "mldeploy.providers"
_PARTS = ("name", "title", "Settings", "limits", "problems", "plan", "checks", "driver", "deployments")


def names() -> tuple[str, ...]:
    """Every registered provider, sorted. Imports none of them."""
    return tuple(sorted({entry.name for entry in _entries()}))


@cache
def _entries() -> tuple[EntryPoint, ...]:
    """Read once a process: looking through everything that is installed takes milliseconds."""
    return tuple(entry_points(group=GROUP))


def get(name: str) -> Provider:
    """The provider `name`. Raises ProviderError when it is unknown, registered twice, broken, or lacks its SDK."""
    entry = _entry(name)
    try:
        provider = entry.load()
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        if not _is_sdk(module):
            raise
        raise ProviderError(f"{name} needs the package {module}, which is not installed", _install(entry, module)) from error
    missing = [part for part in _PARTS if not hasattr(provider, part)]
    if missing:
        raise ProviderError(
            f"{_origin(entry)} registers '{name}', but {entry.value} is no provider: it has no {', '.join(missing)}",
            "see `Provider` in mldeploy/providers/contract.py",
        )
    if provider.name != name:
        raise ProviderError(
            f"{_origin(entry)} registers '{name}', but the provider calls itself '{provider.name}'",
            "use one name in both places",
        )
    return provider  # type: ignore[no-any-return]


def settings_models() -> Mapping[str, type[BaseModel]]:
    """Each provider's model of its `clouds.<name>` block. A provider is imported when its own is looked up."""
    return _SettingsModels()


class _SettingsModels(Mapping[str, "type[BaseModel]"]):
    def __getitem__(self, name: str) -> type[BaseModel]:
        if name not in names():
            raise KeyError(name)
        return get(name).Settings

    def __contains__(self, name: object) -> bool:
        return name in names()

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())


def _entry(name: str) -> EntryPoint:
    found = {(_origin(entry), entry.value): entry for entry in _entries() if entry.name == name}
    if not found:
        known = names()
        meant = closest(name, known)
        raise ProviderError(
            f"there is no provider '{name}'; installed are {', '.join(known) or 'none'}",
            f"did you mean '{meant}'?" if meant else "install the package that brings it, or choose another --cloud",
        )
    if len(found) > 1:
        owners = sorted(origin for origin, _ in found)
        raise ProviderError(
            f"two packages register the provider '{name}': {' and '.join(owners)}",
            f"uninstall one of the two: pip uninstall {owners[0]}",
        )
    return next(iter(found.values()))


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _is_sdk(module: str) -> bool:
    """Cloud SDKs are the only dependencies that a provider may lack: they come with its extra."""
    return module == "docker" or module.partition("_")[0] == "pulumi"


def _install(entry: EntryPoint, module: str) -> str:
    extras = (entry.dist.metadata.get_all("Provides-Extra") or []) if entry.dist is not None else []
    return (
        f"pip install '{_origin(entry)}[{entry.name}]'" if entry.name in extras else f"pip install {module.replace('_', '-')}"
    )
