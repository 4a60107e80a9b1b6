"""Pins: which packages ship in an image, each with its version and the hashes of its wheels.

    locks/<group>.txt + the user's own requirements ─parse─▶ Pin… ─merged─▶ what wheels.py fetches

A user's pin stands in for ours of the same name. Refused: what is not pinned with a hash, options, markers, paths and URLs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mldeploy.errors import SpecError

FOLDER = Path(__file__).parent / "locks"
USER = "user"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[A-Za-z0-9.!+_-]+)(?P<rest>.*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
HOW_TO_LOCK = "lock it for the image: uv pip compile --python-version 3.13 --python-platform linux --generate-hashes"


@dataclass(frozen=True)
class Pin:
    """One package. `name` is normalised ("scikit-learn"); `group` is the lock it comes from, "user" for the user's own."""

    name: str
    version: str
    hashes: tuple[str, ...]
    group: str

    @property
    def line(self) -> str:
        """As pip takes it."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.hashes)])


def group(name: str) -> tuple[Pin, ...]:
    """The pins of one of our locks. Raises KeyError when there is no such lock."""
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        raise KeyError(name)
    return tuple(parse(path.read_text(encoding="utf-8"), name))


def merged(groups: Iterable[str], user_requirements: str) -> tuple[Pin, ...]:
    """The pins of the groups and of the user's own file, each package once, sorted; the user's come last.

    Raises SpecError when the user's file is not one of pinned and hashed packages.
    """
    own = {pin.name: pin for pin in parse(user_requirements, USER)}
    ours = {pin.name: pin for name in groups for pin in group(name) if pin.name not in own}
    return (*(ours[name] for name in sorted(ours)), *(own[name] for name in sorted(own)))


def normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(text: str, group_name: str) -> Iterator[Pin]:
    """The pins of a requirements file. Raises SpecError naming the line that is not one."""
    for number, line in _logical_lines(text):
        match = _PIN.fullmatch(line)
        if match is None:
            raise _refusal(number, f"{_shown(line)} is not a package pinned with ==")
        hashes = tuple(sorted(_HASH.findall(match["rest"])))
        rest = _HASH.sub("", match["rest"]).strip()
        if rest.startswith(";"):
            raise _refusal(number, f"{match['name']} has a condition ({rest[1:].strip()})")
        if rest:
            raise _refusal(number, f"{_shown(rest)} is nothing that an image can be built with")
        if not hashes:
            raise _refusal(number, f"{match['name']} has no --hash=sha256:…")
        yield Pin(normalised(match["name"]), match["version"], hashes, group_name)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each requirement on one line, with the number of the line it begins on; no comments, no blank lines."""
    joined, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        start = start or number
        joined += " " + line.removesuffix("\\").strip()
        if not line.endswith("\\"):
            if joined.strip():
                yield start, joined.strip()
            joined, start = "", 0
    if joined.strip():
        yield start, joined.strip()


def _refusal(number: int, what: str) -> SpecError:
    return SpecError(f"image.requirements, line {number}: {what}", HOW_TO_LOCK)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
