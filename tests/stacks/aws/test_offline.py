"""Previews without an account, and ejected programs: both run AWS's programs where nothing of the cloud is known."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_stack import SPECS, Stack

from mldeploy.plan import Plan
from mldeploy.providers.aws import program
from mldeploy.stacks import offline

IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/digits-dev@sha256:{'ab' * 32}"


@pytest.mark.parametrize("name", SPECS)
def test_a_preview_needs_no_account(
    name: str, planned: Callable[..., Plan], deployed: Callable[..., tuple[Stack, Stack]]
) -> None:
    document = {**planned(SPECS[name]).program, "image": IMAGE, "release": "0123456789ab"}
    for part, declared in zip((program.registry, program.service), deployed(SPECS[name]), strict=True):

        def declare(part: Callable[[Any], None] = part) -> None:
            part(document)

        found = offline.resources(declare, "digits", "aws.dev.service", {})
        assert {logical for _, logical in found} == {
            resource.name for resource in declared.resources if resource.kind.startswith("aws:")
        }


def test_a_change_is_said_in_words(planned: Callable[..., Plan]) -> None:
    def declared(text: str) -> Any:
        document = {**planned(text).program, "image": IMAGE, "release": "0123456789ab"}
        return offline.resources(lambda: program.service(document), "digits", "aws.dev.service", {})

    before = declared(SPECS["minimal"])
    after = declared(SPECS["minimal"] + "resources: {memory_mb: 3008}\naccess: public\n")
    changes = offline.compare(before, after, {})
    created = [(kind, logical) for kind, logical in after if (kind, logical) not in before]
    assert created == [
        ("aws:lambda/permission:Permission", "url-open"),
        ("aws:lambda/permission:Permission", "url-open-invoke"),
    ]
    assert [change.action for change in changes].count("create") == 2
    said = " ".join(reason for change in changes for reason in change.reasons)
    assert "1769 → 3008" in said
    assert "AWS_IAM → NONE" in said


def test_the_programs_stand_alone(tmp_path: Path, planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """As `eject` writes them: the package copied under another name, without mldeploy beside it."""
    origin = Path(program.__file__).parent
    target = tmp_path / "ejected_aws_program"
    target.mkdir()
    for file in origin.glob("*.py"):
        (target / file.name).write_text(file.read_text().replace("mldeploy.providers.aws.program", target.name))
    assert not [file for file in target.glob("*.py") if "import mldeploy" in file.read_text()]
    assert not [file for file in target.glob("*.py") if "from mldeploy" in file.read_text()]
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    copied = importlib.import_module(target.name)
    document = {**planned(SPECS["everything"]).program, "image": IMAGE, "release": "0123456789ab"}
    ours = offline.resources(lambda: program.service(document), "digits", "aws.dev.service", {})
    theirs = offline.resources(lambda: copied.service(document), "digits", "aws.dev.service", {})
    assert theirs == ours
    assert f"{target.name}.serving" in sys.modules
