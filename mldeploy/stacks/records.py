"""What this machine remembers of one cloud deployment, beside the engine's own state. Written as a whole or not at all.

    state_dir()/<cloud>/<name>.<stage>/
        record.json    this record: no secret is ever in it
        lock           whoever deploys, refreshes or destroys here
        program/       the engine's project file and configuration

With it `status`, `outputs` and the offline preview need neither engine nor network. Where it is lost, or another machine
deployed, it is made anew from what the registry stack exports.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mldeploy.stacks.backend import Backend, described
from mldeploy.state import make_folder, state_dir, state_error, write_atomically

FORMAT = 1
UPDATING, DEPLOYED, DESTROYING = "updating", "deployed", "destroying"


@dataclass(frozen=True)
class Paths:
    """The places of one deployment."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "record.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def program(self) -> Path:
        return self.folder / "program"


@dataclass(frozen=True)
class Record:
    """`document` is what the programs were last given, `applied` what the service program was last given in full; `outputs` are
    those of both stacks. `accepted` is the release that passed its smoke requests. `owner` is the project that deployed."""

    name: str
    stage: str
    backend: Backend
    phase: str
    owner: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    applied: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    image_tag: str = ""
    accepted: str = ""
    version: str = ""
    updated: str = ""


def paths(cloud: str, name: str, stage: str) -> Paths:
    return Paths(state_dir() / cloud / f"{name}.{stage}")


def read(at: Paths) -> Record | None:
    """None when there is none, or none that can be understood: the engine's state says it all again."""
    try:
        values = json.loads(at.record.read_bytes())
        if values.pop("format") != FORMAT:
            return None
        return Record(**{**values, "backend": Backend(**values["backend"])})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise state_error(at.record, error) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def write(at: Paths, record: Record) -> None:
    """Replace the record. Raises DeployError when the state folder cannot be written."""
    make_folder(at.folder)
    values = {"format": FORMAT, **dataclasses.asdict(record), "backend": described(record.backend)}
    write_atomically(at.record, json.dumps(values, indent=1, sort_keys=True).encode())


def forget(at: Paths) -> None:
    """Remove everything that is kept about a deployment that is gone."""
    try:
        shutil.rmtree(at.folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise state_error(at.folder, error) from error


def known(cloud: str) -> Iterator[Record]:
    """Every deployment of `cloud` that this machine remembers, by name and stage."""
    for file in sorted((state_dir() / cloud).glob("*/record.json")):
        record = read(Paths(file.parent))
        if record is not None:
            yield record
