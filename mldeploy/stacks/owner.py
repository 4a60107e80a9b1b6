"""Whose a deployment is, so that two projects with a model of the same name do not overwrite each other.

the git remote of the spec's folder and the folder's place in it   github.com/ada/models/digits
without one: this machine and the folder                           workstation:/home/ada/digits
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

from mldeploy.errors import DeployError

TAKE_OVER = "MLDEPLOY_TAKE_OVER"
_GIT_TIMEOUT_S = 5.0


def of(folder: Path) -> str:
    """The identity of the project in `folder`. Credentials in a remote's address are left out."""
    remote = _git(folder, "remote", "get-url", "origin")
    if not remote:
        return f"{socket.gethostname()}:{folder.resolve()}"
    place = re.sub(r"^[a-z+]+://", "", remote)
    place = re.sub(r"^[^/@]*@", "", place).removesuffix("/").removesuffix(".git").replace(":", "/", 1)
    inside = _git(folder, "rev-parse", "--show-prefix").strip("/")
    return f"{place}/{inside}".removesuffix("/")


def check(recorded: str, mine: str, title: str) -> None:
    """Raises DeployError when the deployment is another project's and nobody said that it is to be taken over."""
    if not recorded or recorded == mine or os.environ.get(TAKE_OVER) == "1":
        return
    raise DeployError(
        f"{title} is already deployed, from another project: {recorded} (this one is {mine})",
        f"give this model another name or stage; or, when it has only moved here, set {TAKE_OVER}=1 once",
    )


def _git(folder: Path, *args: str) -> str:
    """What git says, "" where there is no git, no repository or no answer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
