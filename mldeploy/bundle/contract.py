"""Bundle: a packed model, as the deploying side sees it. The folder itself is described in `mldeploy.handlers.manifest`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mldeploy.handlers.tensor import TensorSpec


@dataclass(frozen=True)
class Bundle:
    """A content-addressed folder. `fingerprint` is 64 hex digits; `root.name` starts with it.

    `facts` are what a person likes to know ("scikit-learn 1.9.1 LogisticRegression", opset, parity difference and rows,
    size_bytes): shown by `init`, `up` and `preview`, kept in bundle.json under "facts". `is_packed` is False for a bundle that
    was only identified: nothing is at `root` yet and the signature is empty.
    """

    root: Path
    name: str
    fingerprint: str
    format: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    labels: tuple[str, ...] = ()
    is_cached: bool = False
    is_packed: bool = True
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """The first seven digits of the fingerprint, for people."""
        return self.fingerprint[:7]
