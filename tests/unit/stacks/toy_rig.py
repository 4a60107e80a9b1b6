"""What a deployment of the toy cloud is made of besides its fixtures: reporter, plan, stand-in for the image's registry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toystack_cloud import ToyCloud

from mldeploy.bundle.contract import Bundle
from mldeploy.image.contract import Destination, ImageRef
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import Step
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks.driver import StackDriver

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


__all__ = ["Callable", "Lines", "Toy", "plan_of", "replace"]
