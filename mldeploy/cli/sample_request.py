"""A request that this spec's model answers: request.json beside the spec, else the first smoke request, else one made up.

It is what `up` shows as a curl line, and what `invoke` and `bench` send when they are given nothing.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.cli.payload import content_type_of
from mldeploy.cli.target import relative

if TYPE_CHECKING:
    from mldeploy.spec.loaded import LoadedSpec

REQUEST_FILE = "request.json"
PICTURE = "picture.jpg"
_LONGEST_INLINE = 200


@dataclass(frozen=True)
class SampleRequest:
    """Either a `file` or inline JSON `text`; both empty when the spec has none: then `missing` is what to put there."""

    file: Path | None = None
    text: str = ""
    missing: Path = Path(REQUEST_FILE)

    @property
    def argument(self) -> str:
        """What to type after `mldeploy invoke`."""
        if self.file is not None:
            return f"@{shlex.quote(relative(self.file))}"
        return shlex.quote(self.text) if self.text else f"@{self.missing}"


def choose(loaded: LoadedSpec) -> SampleRequest:
    """The request to show or send."""
    written = loaded.root / REQUEST_FILE
    if written.is_file():
        return SampleRequest(file=written)
    for smoke in loaded.spec.smoke:
        if smoke.status != 200:
            continue
        if smoke.file is not None:
            return SampleRequest(file=loaded.resolve(smoke.file))
        if smoke.inputs is not None:
            return SampleRequest(text=json.dumps({"inputs": smoke.inputs}, ensure_ascii=False))
    preprocess = loaded.spec.model.preprocess
    is_image = preprocess is not None and preprocess.kind == "image"
    return SampleRequest(missing=Path(PICTURE if is_image else REQUEST_FILE))


def curl(url: str, sample: SampleRequest, key: str) -> str:
    """A line to paste. `key` is what the shell puts in for the key ("$NAME", "$(command)"), "" where none is needed."""
    parts = [f"curl -s {url}/predict"]
    if key:
        parts.append(f'-H "authorization: Bearer {key}"')
    if sample.text:
        parts.append("-H 'content-type: application/json'")
        parts.append(f"-d {shlex.quote(sample.text) if len(sample.text) <= _LONGEST_INLINE else f'@{REQUEST_FILE}'}")
    else:
        file = sample.file or sample.missing
        parts.append(f"-H 'content-type: {content_type_of(file)}'")
        parts.append(f"{'-d' if file.suffix == '.json' else '--data-binary'} @{shlex.quote(relative(file))}")
    return " ".join(parts)
