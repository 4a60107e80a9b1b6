"""Files that a tool and a person write together: the tool's lines stand between two markers, the rest is the person's.

    # mldeploy:begin head (`mldeploy ci github` writes this block; what is outside the blocks is yours)
    …
    # mldeploy:end head

Writing again replaces what is between the markers and nothing else.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from mldeploy.errors import SpecError

NOTE = "(`mldeploy ci github` writes this block; what is outside the blocks is yours)"
_BLOCK = re.compile(
    r"^(?P<indent> *)# mldeploy:begin (?P<name>[\w-]+)[^\n]*\n(?P<body>.*?)^ *# mldeploy:end (?P=name) *\n",
    re.DOTALL | re.MULTILINE,
)
_MARKER = re.compile(r"^ *# mldeploy:(begin|end) ([\w-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Lines of ours. `before` goes in front of it in a new file; `indent` is in spaces."""

    name: str
    text: str
    before: str = ""
    indent: int = 0

    def marked(self) -> str:
        lines = f"# mldeploy:begin {self.name} {NOTE}\n{self.text.rstrip()}\n# mldeploy:end {self.name}\n"
        return textwrap.indent(lines, " " * self.indent)


def whole(blocks: Sequence[Block]) -> str:
    """A new file."""
    return "".join(block.before + block.marked() for block in blocks)


def merged(text: str, blocks: Sequence[Block], file: str) -> str:
    """`text` with our blocks as they should be. Raises SpecError where its markers are gone, doubled or do not match."""
    found = {match["name"]: match for match in _BLOCK.finditer(text)}
    markers = sorted(_MARKER.findall(text))
    if markers != sorted((kind, name) for name in found for kind in ("begin", "end")):
        raise SpecError(
            f"{file}: the markers of mldeploy's blocks do not match", "mend them, or delete the file and write it anew"
        )
    missing = [block.name for block in blocks if block.name not in found]
    if missing:
        raise SpecError(
            f"{file} has no block {' and no block '.join(missing)}; it is not touched",
            "it is yours as a whole: move it away and write it anew, then put your own lines beside the blocks",
        )
    wanted = {block.name: block.marked() for block in blocks}
    return _BLOCK.sub(lambda match: wanted.get(match["name"], match[0]), text)
