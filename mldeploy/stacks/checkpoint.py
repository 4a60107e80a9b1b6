"""A checkpoint that was cut off: the engine was killed in the middle of its own write, and cannot read its state any more.

    stacks/<project>/<stack>.json         empty or cut off ─▶ replaced by …json.bak, the last whole one
    stacks/<project>/<stack>.json.attrs   empty or cut off ─▶ removed: the store does without (size and type of the file)

Only for state in a folder of this machine, and never while somebody may be at work on it: stores of objects write whole or not
at all.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from mldeploy.progress import Reporter
from mldeploy.stacks.automation import Stack
from mldeploy.state import write_atomically

CUT_OFF = "failed to load checkpoint"
SETTLE_S = 1.0  # a write that is under way is over by then


def is_restored(stack: Stack, text: str, report: Reporter) -> bool:
    """Whether the failure `text` was a cut-off checkpoint that is whole again, so that the work can be begun anew."""
    url = stack.environment.get("PULUMI_BACKEND_URL", "")
    if CUT_OFF not in text or not url.startswith("file://"):
        return False
    time.sleep(SETTLE_S)
    root = Path(url.removeprefix("file://")).expanduser() / ".pulumi"
    file = root / "stacks" / stack.project / f"{stack.name}.json"
    backup = file.with_name(f"{file.name}.bak")
    if _is_locked(root, stack) or not (_is_whole(file) or _is_whole(backup)):
        return False
    for attributes in (file.with_name(f"{file.name}.attrs"), backup.with_name(f"{backup.name}.attrs")):
        if attributes.exists() and not _is_whole(attributes):
            attributes.unlink()
    if _is_whole(file):  # only its attributes were cut off, or a write that was under way is over
        return True
    write_atomically(file, backup.read_bytes())
    report.warn(f"{stack.name}: the last run was killed while its state was written; the state before that is used")
    return True


def _is_whole(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (OSError, ValueError):
        return False


def _is_locked(root: Path, stack: Stack) -> bool:
    """Whether a lock says that somebody may be at work. One of a dead process here is no such thing."""
    from mldeploy.stacks.locks import Owner

    for file in (root / "locks").rglob("*.json"):
        if stack.name not in file.parts:
            continue
        try:
            lock = json.loads(file.read_bytes())
            owner = Owner(str(lock["username"]), str(lock["hostname"]), int(lock["pid"]), str(lock["timestamp"]))
        except (OSError, ValueError, KeyError, TypeError):
            return True
        if owner.is_alive:
            return True
    return False
