"""The values of the image part: what is built, where it is pushed, what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageRef:
    """An image in a registry. What is used downstream is the digest; the tag is the fingerprint of everything that went in."""

    repository: str
    tag: str
    digest: str

    @property
    def pinned(self) -> str:
        """`repository@sha256:…`"""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True)
class BuiltImage:
    """An image in the local engine, called `name`:`tag` there.

    Sizes are uncompressed bytes; `added_bytes` is what lies over the base image.
    """

    name: str
    tag: str
    image_id: str
    size_bytes: int
    added_bytes: int
    is_cached: bool


@dataclass(frozen=True)
class Destination:
    """Where to push, and with what. An empty username is no login."""

    repository: str
    username: str = ""
    password: str = ""
