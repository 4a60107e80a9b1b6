"""What else can be wrong with a spec for AWS, beyond the limits: all at once, offline, each with its fix. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from mldeploy.errors import Problem
from mldeploy.providers.aws import cron, references
from mldeploy.providers.aws.document import environment_of
from mldeploy.providers.aws.limits import HTTP_API_TIMEOUT_S, MAX_ENVIRONMENT_BYTES, MAX_TAGS
from mldeploy.providers.aws.names import OWN_TAGS, names_of
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.aws.sizing import settings_of, sizing
from mldeploy.spec.loaded import LoadedSpec

# Source: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, read 2026-11-21.
_RESERVED = re.compile(r"AWS_.*|LAMBDA_(TASK_ROOT|RUNTIME_DIR)|_HANDLER|_X_AMZN_TRACE_ID|TZ")
_ENV_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
# Of the image and the runtime client; another value breaks the start.
_OF_THE_IMAGE = ("PYTHONPATH", "HOME", "LD_LIBRARY_PATH", "PATH")
# Source: docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html, read 2026-11-21.
_TAG = re.compile(r"[\w .:/=+@-]*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# "MLDEPLOY_RELEASE" and its twelve digits are added when a release is made.
_RELEASE_BYTES = 64


def problems(loaded: LoadedSpec) -> Iterator[Problem]:
    """Every rule that the spec breaks."""
    settings = settings_of(loaded)
    yield from _environment(loaded, settings)
    yield from _secrets(loaded)
    yield from _tags(loaded)
    yield from _endpoint(loaded, settings)
    yield from _instances(loaded, settings)
    yield from _trigger(loaded, settings)
    yield from _schedule(loaded, settings)


def _environment(loaded: LoadedSpec, settings: AwsSettings) -> Iterator[Problem]:
    for name in loaded.spec.env:
        if _RESERVED.fullmatch(name):
            yield loaded.problem(f"env.{name}", f"{name} is reserved by AWS Lambda", "choose another name")
        elif name in _OF_THE_IMAGE:
            yield loaded.problem(f"env.{name}", f"{name} is set by the image", "choose another name")
        elif not _ENV_NAME.fullmatch(name):
            said = f"{name} is no name that AWS Lambda takes for a variable"
            yield loaded.problem(f"env.{name}", said, "begin with a letter, and use two characters at least")
    names = names_of(loaded.spec.name, loaded.stage, settings.region)
    found = environment_of(loaded, settings, sizing(loaded, settings), names["secret"], references.references(loaded))
    used = len(json.dumps(found, separators=(",", ":")).encode()) + _RELEASE_BYTES
    if used > MAX_ENVIRONMENT_BYTES:
        said = f"the variables take {used} bytes with those of the runtime, above AWS Lambda's {MAX_ENVIRONMENT_BYTES}"
        yield loaded.problem("env", said, "shorten them, or read a file that the hook brings")


def _secrets(loaded: LoadedSpec) -> Iterator[Problem]:
    for name, reference in loaded.spec.secrets.items():
        key = f"secrets.{name}"
        if _RESERVED.fullmatch(name) or name in _OF_THE_IMAGE:
            yield loaded.problem(key, f"{name} is reserved by AWS Lambda or the image", "choose another name")
        if reference is None or references.is_managed(reference) or references.is_arn(reference):
            continue
        if reference.startswith("arn:"):
            said = f"{name} is not the full ARN of a secret in Secrets Manager"
            fix = "aws secretsmanager describe-secret prints it, with the six characters at its end"
        else:
            said = f"{name} has a reference that AWS cannot resolve"
            fix = "write env:NAME, file:PATH, or the ARN of a secret in Secrets Manager"
        yield loaded.problem(key, said, fix)


def _tags(loaded: LoadedSpec) -> Iterator[Problem]:
    tags = loaded.spec.tags
    for key, value in tags.items():
        at = f"tags.{key}"
        if key in OWN_TAGS:
            yield loaded.problem(at, f"the tag {key} is mldeploy's own", "choose another key")
        elif not key or len(key) > 128 or not _TAG.fullmatch(key) or key.lower().startswith("aws:"):
            fix = "at most 128 letters, digits, spaces and _.:/=+-@, not beginning with aws:"
            yield loaded.problem(at, f"{key!r} is no key of a tag that AWS takes", fix)
        elif len(value) > 256 or not _TAG.fullmatch(value):
            fix = "at most 256 letters, digits, spaces and _.:/=+-@"
            yield loaded.problem(at, f"the value of the tag {key} is none that AWS takes", fix)
    if len(tags) + len(OWN_TAGS) > MAX_TAGS:
        said = f"{len(tags)} tags and mldeploy's {len(OWN_TAGS)} are above the {MAX_TAGS} that AWS takes"
        yield loaded.problem("tags", said, "delete the rest")


def _endpoint(loaded: LoadedSpec, settings: AwsSettings) -> Iterator[Problem]:
    access, timeout_s = loaded.spec.access, loaded.spec.resources.timeout_s
    if settings.endpoint == "none" and access != "private":
        said = f"access: {access} with no endpoint: Lambda's Invoke API is only reached with AWS credentials"
        yield loaded.problem("clouds.aws.endpoint", said, "write endpoint: url, or access: private")
    if settings.endpoint == "http_api" and timeout_s is not None and timeout_s > HTTP_API_TIMEOUT_S:
        said = f"{timeout_s:g} s is above the {HTTP_API_TIMEOUT_S} s that an HTTP API waits"
        yield loaded.problem("resources.timeout_s", said, f"lower it to {HTTP_API_TIMEOUT_S}, or write endpoint: url")


def _instances(loaded: LoadedSpec, settings: AwsSettings) -> Iterator[Problem]:
    size = sizing(loaded, settings)
    if size.reserved is not None and size.provisioned > size.reserved:
        key = "clouds.aws.provisioned_concurrency" if settings.provisioned_concurrency else "resources.min_instances"
        said = f"{size.provisioned} environments kept warm are more than the {size.reserved} that there may be"
        yield loaded.problem(key, said, "lower it, or raise resources.max_instances")
    if size.reserved == 0:
        said = "with 0 every request is refused"
        yield loaded.problem("clouds.aws.reserved_concurrency", said, "write 1 or more, or leave it out for no bound")


def _trigger(loaded: LoadedSpec, settings: AwsSettings) -> Iterator[Problem]:
    trigger = settings.trigger
    if trigger is None:
        return
    for key, bucket in (("bucket", trigger.bucket), ("results_bucket", trigger.results_bucket)):
        if bucket is not None and not _BUCKET.fullmatch(bucket):
            fix = "write the bucket's name alone: 3 to 63 lower-case letters, digits, '.' and '-'"
            yield loaded.problem(f"clouds.aws.trigger.{key}", f"{bucket!r} is no name of an S3 bucket", fix)
    for key, text in (("prefix", trigger.prefix), ("results_prefix", trigger.results_prefix)):
        if re.search(r"[*?$]", text):
            said = f"{text!r} holds a wildcard, which would widen what the function may touch"
            yield loaded.problem(f"clouds.aws.trigger.{key}", said, "write it without *, ? and $")
    is_same = trigger.results_bucket in (None, trigger.bucket)
    if is_same and trigger.prefix.startswith(trigger.results_prefix):
        said = f"every object under {trigger.prefix!r} counts as an answer (results_prefix), and none would be predicted"
        yield loaded.problem("clouds.aws.trigger.prefix", said, "choose prefixes that do not lie within each other")
    elif is_same and trigger.results_prefix.startswith(trigger.prefix) and _takes_answers(trigger.suffix):
        said = f"answers under {trigger.results_prefix!r} would trigger again, without end"
        fix = "add prefix: incoming/ or suffix: .jpg, or write answers to another results_bucket"
        yield loaded.problem("clouds.aws.trigger", said, fix)


def _takes_answers(suffix: str) -> bool:
    """Whether the key of an answer (`….json`) may end like this."""
    return ".json".endswith(suffix) or suffix.endswith(".json")


def _schedule(loaded: LoadedSpec, settings: AwsSettings) -> Iterator[Problem]:
    schedule = settings.schedule
    if schedule is None:
        return
    try:
        cron.expression(schedule.cron)
    except ValueError as error:
        fix = 'five fields, as in crontab: "0 6 * * *" is every day at six'
        yield loaded.problem("clouds.aws.schedule.cron", f"{schedule.cron!r} {error}", fix)
    if schedule.timezone not in available_timezones():
        said = f"{schedule.timezone!r} is no time zone"
        yield loaded.problem("clouds.aws.schedule.timezone", said, "write an IANA name: Europe/Berlin")
