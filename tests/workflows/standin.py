"""Stand-ins for `mldeploy`, `docker` and `gh` on a runner: write down the call, answer what the workflow goes on with.

What needs no cloud (`ci report`, `ci stage`) is passed on to the real command.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

KEPT = ("MLDEPLOY_", "PULUMI_", "ARM_", "PULL_REQUEST", "GH_")
PREVIEW = {
    "preview": {"changes": [{"action": "create", "kind": "function", "name": "digits", "reasons": []}], "basis": "b"},
    "cost": {"fixed_monthly_usd": "7.88", "monthly_usd": None},
}
BASE = {**PREVIEW, "cost": {"fixed_monthly_usd": "5.88", "monthly_usd": None}}
DRIFT = {"drift": [{"action": "same", "kind": "k", "name": "a"}, {"action": "update", "kind": "function", "name": "digits"}]}


def answer(args: list[str]) -> str:
    """What mldeploy would print."""
    is_base = any(".mldeploy-base" in arg for arg in args)
    documents = {
        "preview": BASE if is_base else PREVIEW,
        "build": {"name": "digits", "tag": "b" if is_base else "a", "size_bytes": 200_000_000 if is_base else 201_000_000},
        "status": {"state": os.environ.get("STANDIN_STATE", "serving")},
        "refresh": {"drift": []} if os.environ.get("STANDIN_DRIFT") == "none" else DRIFT,
    }
    if "--json" in args:
        return json.dumps(documents[args[0]])
    return "https://digits.example.com" if args[:2] == ["outputs", "url"] else ""


def main(program: str, args: list[str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    log = Path(os.environ["STANDIN_LOG"])
    body = Path("comment.md").read_text() if "body=@comment.md" in args else ""
    with log.open("a") as file:
        file.write(json.dumps({"program": program, "args": args, "environment": environment, "body": body}) + "\n")
    if program == "mldeploy" and args[0] == "ci":
        os.execv(sys.executable, [sys.executable, "-m", "mldeploy.cli", *args])
    if program == "mldeploy":
        print(answer(args))
    elif program == "docker" and "save" in args:
        Path(args[args.index("--output") + 1]).write_text("images")
    elif program == "gh" and args[:2] == ["pr", "list"]:
        print("7\n12")
    elif program == "gh" and "--paginate" in args:
        print(log.with_name("comment").read_text())  # the id of a comment that is there
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
