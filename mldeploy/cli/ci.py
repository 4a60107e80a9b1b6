"""`mldeploy ci …`: what continuous deployment needs. Each of its verbs is one file, `ci_<verb>.py`, imported on use."""

from __future__ import annotations

from mldeploy.cli.verb_group import VerbGroup

command = VerbGroup(
    "ci",
    "Write the workflows that deploy from a repository.",
    {
        "github": "Write GitHub Actions workflows for the spec's clouds.",
        "bootstrap": "Make what deploying from GitHub needs: trust, a role, state, a key.",
        "report": "Render what a pull request changes, as Markdown.",
        "stage": "Write a copy of the spec with one more stage.",
    },
)
