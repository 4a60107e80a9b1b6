"""What a spec may not ask of AWS: every rule breaks on its own, says where and what to do, and all come at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mldeploy import validate
from mldeploy.providers.aws.provider import provider
from mldeploy.spec.loaded import LoadedSpec

Load = Callable[..., LoadedSpec]


def broken(loaded: LoadedSpec) -> list[tuple[str, str]]:
    """Path and message of every problem."""
    return [(problem.path, problem.message) for problem in validate.validate(loaded, provider)]


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("resources: {memory_mb: 12000}", "resources.memory_mb", "above AWS Lambda's 10240 MB"),
        ("resources: {memory_mb: 64}", "resources.memory_mb", "below AWS Lambda's 128 MB"),
        ("resources: {timeout_s: 901}", "resources.timeout_s", "above AWS Lambda's 900 s"),
        ("resources: {ephemeral_mb: 20000}", "resources.ephemeral_mb", "above AWS Lambda's 10240 MB"),
        ("resources: {ephemeral_mb: 100}", "resources.ephemeral_mb", "below AWS Lambda's 512 MB"),
        ("resources: {concurrency: 2}", "resources.concurrency", "2 is not one of AWS Lambda's 1"),
        ("image: {max_mb: 20000}", "image.max_mb", "above AWS Lambda's 10240 MB"),
        ("clouds: {aws: {log_retention_days: 31}}", "clouds.aws.log_retention_days", "31 is not one of"),
        ("env: {AWS_REGION: x}", "env.AWS_REGION", "reserved by AWS Lambda"),
        ("env: {_HANDLER: x}", "env._HANDLER", "reserved by AWS Lambda"),
        ("env: {_X: x}", "env._X", "no name that AWS Lambda takes"),
        ("env: {PYTHONPATH: x}", "env.PYTHONPATH", "set by the image"),
        ("secrets: {AWS_SECRET_ACCESS_KEY: env:X}", "secrets.AWS_SECRET_ACCESS_KEY", "reserved"),
        ("secrets: {TOKEN: vault://x}", "secrets.TOKEN", "cannot resolve"),
        ("secrets: {TOKEN: arn:aws:s3:::x}", "secrets.TOKEN", "not the full ARN of a secret"),
        (
            "secrets: {TOKEN: arn:aws:secretsmanager:eu-central-1:123456789012:secret:name}",
            "secrets.TOKEN",
            "not the full ARN of a secret",
        ),
        ("tags: {model: x}", "tags.model", "mldeploy's own"),
        ("tags: {'aws:x': x}", "tags.aws:x", "no key of a tag"),
        ("tags: {team: 'a|b'}", "tags.team", "value of the tag team"),
        ("access: public\nclouds: {aws: {endpoint: none}}", "clouds.aws.endpoint", "only reached with AWS credentials"),
        (
            "resources: {timeout_s: 31}\nclouds: {aws: {endpoint: http_api}}",
            "resources.timeout_s",
            "an HTTP API waits",
        ),
        (
            "resources: {min_instances: 3}\nclouds: {aws: {reserved_concurrency: 2}}",
            "resources.min_instances",
            "more than the 2 that there may be",
        ),
        ("clouds: {aws: {reserved_concurrency: 0}}", "clouds.aws.reserved_concurrency", "every request is refused"),
        ("clouds: {aws: {trigger: {bucket: photos}}}", "clouds.aws.trigger", "would trigger again"),
        ("clouds: {aws: {trigger: {bucket: photos, suffix: .json}}}", "clouds.aws.trigger", "would trigger again"),
        (
            "clouds: {aws: {trigger: {bucket: photos, prefix: results/in/}}}",
            "clouds.aws.trigger.prefix",
            "none would be predicted",
        ),
        (
            "clouds: {aws: {trigger: {bucket: 's3://photos', suffix: .jpg}}}",
            "clouds.aws.trigger.bucket",
            "no name of an S3",
        ),
        ("clouds: {aws: {trigger: {bucket: photos, prefix: 'in/*'}}}", "clouds.aws.trigger.prefix", "wildcard"),
        (
            "clouds: {aws: {schedule: {cron: '0 6 1 * 1', inputs: [1]}}}",
            "clouds.aws.schedule.cron",
            "both the day of the month and the weekday",
        ),
        (
            "clouds: {aws: {schedule: {cron: '0 6 * * *', timezone: Mars/Base, inputs: [1]}}}",
            "clouds.aws.schedule.timezone",
            "no time zone",
        ),
    ],
)
def test_each_rule_says_where_and_what(load: Load, text: str, path: str, said: str) -> None:
    loaded = load(text)
    found = broken(loaded)
    assert [at for at, message in found if said in message] == [path], found
    assert all(problem.fix for problem in validate.validate(loaded, provider))


def test_all_come_at_once(load: Load) -> None:
    text = "resources: {memory_mb: 99999, timeout_s: 1000, concurrency: 4}\nenv: {AWS_X: a}\ntags: {tool: x}\n"
    assert {path for path, _ in broken(load(text))} == {
        *("resources.memory_mb", "resources.timeout_s", "resources.concurrency", "env.AWS_X", "tags.tool")
    }


def test_the_environment_has_four_kilobytes(load: Load) -> None:
    assert broken(load(f"env: {{BIG: {'x' * 3700}}}")) == []
    ((path, message),) = broken(load(f"env: {{BIG: {'x' * 4000}}}"))
    assert path == "env"
    assert "above AWS Lambda's 4096" in message


@pytest.mark.parametrize(
    "trigger",
    [
        "{bucket: photos, suffix: .jpg}",
        "{bucket: photos, prefix: in/}",
        "{bucket: photos, results_bucket: answers}",
    ],
)
def test_a_trigger_that_ends_is_taken(load: Load, trigger: str) -> None:
    assert broken(load(f"clouds: {{aws: {{trigger: {trigger}}}}}")) == []


def test_other_keys_of_a_spec_are_taken(load: Load) -> None:
    text = "access: key\nresources: {min_instances: 1, max_instances: 4, architecture: arm64}\n"
    assert broken(load(text + "clouds: {aws: {region: us-gov-west-1}}")) == []
