"""`eject`: a deployment as a plain Pulumi program and an image context, without mldeploy. The door out of the product.

    FOLDER/
        Pulumi.yaml  Pulumi.<stack>.yaml        the same project, backend and encryption: the same stacks
        __main__.py  program/                   the cloud's own programs, copied; which one runs is in the stack's name
        registry.json  service.json             what they are given, as deployed
        files.json  files/                      files that are named there, and where they lie now
        requirements.txt  README.md
        image/  or  source/                     Dockerfile and context, or the functions source

What is written is what is deployed. No passphrase and no secret is among it.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import ejected, inline, owner, reading, release
from mldeploy.stacks.cloud import Program
from mldeploy.stacks.deployment import REGISTRY, SERVICE, Deployment
from mldeploy.stacks.records import Record
from mldeploy.state import state_error

Planner = Callable[[LoadedSpec, Bundle], Plan]
UNBUILT = "REPOSITORY@sha256:DIGEST"


def eject(
    deployment: Deployment, loaded: LoadedSpec, bundle: Bundle, folder: Path, report: Reporter, planner: Planner
) -> tuple[Path, ...]:
    """See `Ejectable.eject`. Raises DeployError for a folder that is not empty or cannot be written."""
    programs = inline.programs(deployment.cloud)
    plan = planner(loaded, bundle)
    record = reading.current(deployment)
    if record is not None and record.document and record.document != plan.program:
        report.warn("the spec has changed since it was deployed; what is written is what is deployed")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DeployError(f"{folder} is not empty", "give a folder that is new or empty")
        with report.step("eject", "writing") as step:
            _write_program(deployment, programs, folder)
            _write_documents(deployment, plan, bundle, record, loaded, folder)
            _write_settings(deployment, plan, record, folder)
            _write_context(plan, bundle, folder)
            files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
            step.done(f"{len(files)} files in {folder}")
    except OSError as error:
        raise state_error(folder, error) from error
    return files


def _package(program: Program) -> str:
    """The package that a program function comes from."""
    module = program.__module__
    return module if hasattr(importlib.import_module(module), "__path__") else module.rpartition(".")[0]


# ── the program ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_program(deployment: Deployment, programs: tuple[Program, Program], folder: Path) -> None:
    """The cloud's package under the name `program`, and what chooses from it."""
    package = _package(programs[0])
    origin = Path(str(importlib.import_module(package).__file__)).parent
    for file in sorted(origin.rglob("*")):
        if "__pycache__" in file.parts or not file.is_file():
            continue
        target = folder / "program" / file.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".py":
            target.write_text(re.sub(rf"\b{re.escape(package)}\b", "program", file.read_text()))
        else:
            shutil.copyfile(file, target)
    names = [f"from {_place(program, package)} import {program.__name__}" for program in programs]
    values = {"imports": "\n".join(dict.fromkeys(names)), "registry": programs[0].__name__, "service": programs[1].__name__}
    (folder / "__main__.py").write_text(_filled(ejected.MAIN, values))
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in _requirements(deployment.cloud.sdks)))


def _place(program: Program, package: str) -> str:
    return "program" + program.__module__.removeprefix(package)


def _requirements(sdks: Mapping[str, str]) -> list[str]:
    """The SDKs in the versions that made the deployment."""
    names = dict.fromkeys(["pulumi", *(name.replace("_", "-") for name in sdks)])
    return [f"{name}=={metadata.version(name)}" for name in names]


# ── what it is given ────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_documents(
    deployment: Deployment, plan: Plan, bundle: Bundle, record: Record | None, loaded: LoadedSpec, folder: Path
) -> None:
    document = (record.document if record is not None else {}) or plan.program
    mine = record.owner if record is not None and record.owner else owner.of(loaded.root)
    is_deployed = record is not None and bool(record.applied)
    if record is not None and record.applied:
        service = {"document": record.applied, "fingerprint": record.fingerprint, "image_tag": record.image_tag}
        places = _copy_files(record.applied, deployment.at.folder, folder)
    else:
        additions, places = _first(deployment, plan, bundle, folder)
        first = {**plan.program, **additions, "release": "first", "live": ""}
        service = {"document": first, "fingerprint": plan.fingerprint, "image_tag": ""}
    _write_json(folder / "files.json", places)
    _write_json(folder / "registry.json", {"document": document, "owner": mine})
    _write_json(folder / "service.json", service)
    values = {
        "title": deployment.title,
        "registry": deployment.stack_name(REGISTRY),
        "service": deployment.stack_name(SERVICE),
        "unbuilt": ejected.NOT_DEPLOYED if plan.image is not None and not is_deployed else "",
        "context": ejected.IMAGE if plan.image is not None else ejected.SOURCE,
        "passphrase": ejected.ENCRYPTED if deployment.backend(record).passphrase else "",
        "key": "keys/stacks in mldeploy's state folder",
    }
    (folder / "README.md").write_text(_filled(ejected.README, {**values, "passphrase": _filled(values["passphrase"], values)}))


def _first(deployment: Deployment, plan: Plan, bundle: Bundle, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What a first deployment has besides its plan: an image's digest is still to be filled in, a source is packed here."""
    if plan.image is not None:
        return {"image": UNBUILT}, {}
    with tempfile.TemporaryDirectory(prefix="mldeploy-") as scratch:
        additions = release.source(deployment.cloud, plan, bundle, Path(scratch) / "source").additions
        places = _copy_files(additions, Path(scratch), folder)
    named = {key: Path(value).name if value in places else value for key, value in additions.items()}
    return named, {Path(value).name: place for value, place in places.items()}


def _copy_files(document: Mapping[str, Any], origin: Path, folder: Path) -> dict[str, str]:
    """Copies what the document names below `origin` (a packed source): where each lies now, below `folder`."""
    places = {}
    for value in document.values():
        if isinstance(value, str) and Path(value).is_file() and origin in Path(value).parents:
            places[value] = f"files/{Path(value).name}"
            (folder / "files").mkdir(exist_ok=True)
            shutil.copyfile(value, folder / places[value])
    return places


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def _write_settings(deployment: Deployment, plan: Plan, record: Record | None, folder: Path) -> None:
    """The project, and each stack's configuration with what encrypts it (a salt or a key's name, never the passphrase)."""
    chosen = deployment.backend(record)
    project = {"name": deployment.name, "runtime": "python", "backend": {"url": chosen.url}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
    document = (record.document if record is not None else {}) or plan.program
    for part in (REGISTRY, SERVICE):
        name = f"Pulumi.{deployment.stack_name(part)}.yaml"
        settings: dict[str, Any] = {}
        if (deployment.at.program / name).exists():
            settings = yaml.safe_load((deployment.at.program / name).read_text()) or {}
        elif chosen.secrets_provider not in ("passphrase", "default"):
            settings["secretsprovider"] = chosen.secrets_provider
        settings["config"] = dict(deployment.cloud.config(document))
        (folder / name).write_text(yaml.safe_dump(settings, sort_keys=False))


def _write_context(plan: Plan, bundle: Bundle, folder: Path) -> None:
    """What the image, or the platform's own build, is made from."""
    from mldeploy import image

    target = folder / ("image" if plan.image is not None else "source")
    target.mkdir()
    if plan.image is not None:
        image.render(plan, bundle, target)
    else:
        image.render_source(plan, bundle, target)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """`@name@` replaced by its value: braces belong to the program."""
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], text)
