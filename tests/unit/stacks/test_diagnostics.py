"""Failures in words: what the engine and the clouds say, and what we make of it."""

from __future__ import annotations

import pytest
from toystack_cloud import ToyCloud

from mldeploy.errors import DeployError, LockedError, MldeployError, ProviderError
from mldeploy.stacks.automation import EngineFailure
from mldeploy.stacks.diagnostics import explained

LOCKED = """error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or
  file:///s/.pulumi/locks/organization/d/s/1f.json?no_tmp_dir=true: created by ada@desk (pid 4711) at 2026-11-21T09:30:00Z"""

# As engine 3.259.0 says it for a place that it cannot reach.
UNREACHABLE = (
    'error: read ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): dial tcp: lookup x.test: no such host',
    "error: missing google credentials: unable to find gcp credentials: google: could not find default credentials.",
    'error: unable to open bucket "azblob://c": azureblob: Options.AccountName is required',
    'error: performing HTTP request: Get "https://127.0.0.1:9/api/user": dial tcp 127.0.0.1:9: connect: connection refused',
    'error: unable to open state directory "file:///nonexistent/x": stat /nonexistent/x: no such file or directory',
)


def told(text: str, *said: str) -> MldeployError:
    return explained(EngineFailure(text), said, ToyCloud(), "the service could not be updated")


@pytest.mark.parametrize(
    ("text", "kind", "cause", "fix"),
    [
        ("error: incorrect passphrase", ProviderError, "encrypted with another passphrase", "PULUMI_CONFIG_PASSPHRASE_FILE"),
        (
            "error: no resource plugin 'pulumi-resource-toy' found in the workspace at version v1.2.3",
            ProviderError,
            "plugin toy is not installed",
            "pulumi plugin install resource toy",
        ),
        (
            "error: Could not automatically download and install resource plugin 'pulumi-resource-toy'",
            ProviderError,
            "plugin toy is not installed",
            "pulumi plugin install resource toy,",
        ),
        (
            'error: could not find latest version for provider toy: Get "https://api.github.com/": dial tcp: no such host',
            ProviderError,
            "plugin toy is not installed",
            "pulumi plugin install resource toy,",
        ),
        ("write /s/x: no space left on device", DeployError, "the disk is full", "MLDEPLOY_STATE_DIR"),
        ("error: PULUMI_ACCESS_TOKEN must be set for login", ProviderError, "does not know who you are", "pulumi login"),
        *[(words, ProviderError, "cannot be reached", "state.backend") for words in UNREACHABLE],
        ("dial tcp: lookup toy.test: no such host", DeployError, "a connection failed", "look at the network"),
        ("error: update canceled", DeployError, "was cancelled", "run the same command again"),
    ],
)
def test_what_is_known_has_cause_and_fix(text: str, kind: type[MldeployError], cause: str, fix: str) -> None:
    error = told(text)
    assert type(error) is kind
    assert error.message.startswith("the service could not be updated: ")
    assert cause in error.message
    assert fix in (error.hint or "")


def test_the_clouds_own_causes_come_first_with_their_words() -> None:
    error = told("stdout: everything", "function: 403 AccessDenied: make functions")
    assert isinstance(error, ProviderError)
    assert error.message.splitlines()[0] == "the service could not be updated: you may not: make functions"
    assert "function: 403 AccessDenied: make functions" in error.message.splitlines()[1]
    assert error.hint == "ask for the permission"


def test_the_engines_last_words_are_kept_and_no_more() -> None:
    text = "\n".join(f"line {number}" for number in range(100))
    lines = told(text).message.splitlines()
    assert len(lines) == 9
    assert lines[-1] == "  line 99"


def test_a_lock_names_its_holder() -> None:
    error = explained(EngineFailure(LOCKED, is_locked=True), (), ToyCloud(), "the service could not be updated")
    assert isinstance(error, LockedError)
    assert "ada on desk (process 4711) since 2026-11-21T09:30:00Z" in error.message
    nobody = explained(EngineFailure("[409] Conflict", is_locked=True), (), ToyCloud(), "it")
    assert "another update" in nobody.message


def test_braces_in_the_clouds_words_are_harmless() -> None:
    error = told("x", 'function: AccessDenied: {"code": "{0}", "name": {missing}}')
    assert '{"code": "{0}"' in error.message
