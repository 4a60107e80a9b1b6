"""What else can be wrong with a spec for Google Cloud, beyond the limits: all at once, offline, each with its fix. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from mldeploy.errors import Problem
from mldeploy.providers.gcp import references
from mldeploy.providers.gcp.limits import (
    GEN2_MIN_MEMORY_MB,
    MAX_ENV_VALUE_BYTES,
    MAX_EVENT_FUNCTION_S,
    MAX_SCHEDULE_S,
    NAME,
    WHOLE_CPUS,
    cpu_for,
    size_of,
)
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.providers.gcp.sizing import Sizing, sizing
from mldeploy.spec.loaded import LoadedSpec

OWN_LABELS = ("tool", "model", "stage", "fingerprint", "deployment")
_RESERVED_ENV = re.compile(
    r"^(PORT|K_(SERVICE|REVISION|CONFIGURATION)|CLOUD_RUN_.*|X_GOOGLE_.*|FUNCTION_(TARGET|SIGNATURE_TYPE))$"
)
_LABEL_KEY = re.compile(r"^(?!goog)[a-z][a-z0-9_-]{0,62}$")
_LABEL_VALUE = re.compile(r"^[a-z0-9_-]{0,63}$")


def settings_of(loaded: LoadedSpec) -> GcpSettings:
    """The `clouds.gcp` block, with its defaults."""
    return GcpSettings.model_validate(loaded.spec.clouds.get(NAME, {}))


def problems(loaded: LoadedSpec) -> Iterator[Problem]:
    """Every rule that the spec breaks."""
    settings = settings_of(loaded)
    size = sizing(loaded.spec.resources, settings)
    yield from _sizes(loaded, settings, size)
    yield from _environment(loaded)
    yield from _secrets(loaded)
    yield from _labels(loaded)
    yield from _access(loaded, settings)
    yield from _trigger(loaded, settings)
    yield from _schedule(loaded, settings, size)
    yield from _source(loaded, settings, size)
    if settings.budget is not None and settings.billing_account is None:
        yield loaded.problem(
            "clouds.gcp.budget",
            "a budget belongs to a billing account, and none is given",
            "add clouds.gcp.billing_account (gcloud billing accounts list), or leave the budget out",
        )


def _sizes(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> Iterator[Problem]:
    """CPU and memory must fit each other, and the sandbox and the billing fit both."""
    known = size_of(size.cpu)
    key = "clouds.gcp.cpu" if settings.cpu is not None else "resources.memory_mb"
    if known is None and 0.08 <= size.cpu <= 8:  # outside, the limit says so
        choices = ", ".join(f"{each.cpu:g}" for each in WHOLE_CPUS)
        yield loaded.problem(key, f"Cloud Run has no instance of {size.cpu:g} vCPUs", f"write less than 1, or one of {choices}")
    elif known is not None and not known.low_mb <= size.memory_mb <= known.high_mb and 128 <= size.memory_mb <= 32768:
        yield loaded.problem(
            key,
            f"{size.memory_mb} MiB do not go with {size.cpu:g} vCPUs, which take {known.low_mb} to {known.high_mb} MiB",
            f"write cpu: {cpu_for(size.memory_mb):g}, or leave cpu out",
        )
    if size.cpu < 1 and size.concurrency > 1:
        yield loaded.problem(
            "resources.concurrency",
            f"an instance of {size.cpu:g} vCPUs works on one request at a time, not on {size.concurrency}",
            "write concurrency: 1, or clouds.gcp.cpu: 1",
        )
    if settings.cpu_always_on and (size.cpu < 1 or size.memory_mb < GEN2_MIN_MEMORY_MB):
        yield loaded.problem(
            "clouds.gcp.cpu_always_on",
            f"CPU always on needs at least 1 vCPU and {GEN2_MIN_MEMORY_MB} MiB; this is {size.cpu:g} and {size.memory_mb}",
            "raise both, or leave cpu_always_on out",
        )
    if settings.execution_environment == "gen2" and (size.cpu < 1 or size.memory_mb < GEN2_MIN_MEMORY_MB):
        yield loaded.problem(
            "clouds.gcp.execution_environment",
            f"gen2 needs at least 1 vCPU and {GEN2_MIN_MEMORY_MB} MiB; this is {size.cpu:g} and {size.memory_mb}",
            "raise both, or write gen1",
        )
    ephemeral_mb = loaded.spec.resources.ephemeral_mb
    if ephemeral_mb is not None and ephemeral_mb >= size.memory_mb:
        yield loaded.problem(
            "resources.ephemeral_mb",
            f"the temporary disk is part of the memory: {ephemeral_mb} MiB of {size.memory_mb} MiB leave none for the model",
            "raise resources.memory_mb by as much, or lower it",
        )


def _environment(loaded: LoadedSpec) -> Iterator[Problem]:
    for section, names in (("env", loaded.spec.env), ("secrets", loaded.spec.secrets)):
        for name in names:
            if _RESERVED_ENV.match(name):
                yield loaded.problem(
                    f"{section}.{name}", f"{name} is set by Cloud Run itself", "give the variable another name"
                )
    for name, value in loaded.spec.env.items():
        if len(value.encode()) > MAX_ENV_VALUE_BYTES:
            yield loaded.problem(
                f"env.{name}", f"its value is longer than {MAX_ENV_VALUE_BYTES} bytes", "put the text into a file of the model"
            )


def _secrets(loaded: LoadedSpec) -> Iterator[Problem]:
    for name, reference in loaded.spec.secrets.items():
        if reference is None or references.is_managed(reference) or references.parse(reference):
            continue
        yield loaded.problem(
            f"secrets.{name}",
            f"{name} has a reference that Google Cloud cannot resolve",
            "write env:NAME, file:PATH, secretmanager:NAME[@VERSION] or secretmanager:projects/P/secrets/NAME",
        )


def _labels(loaded: LoadedSpec) -> Iterator[Problem]:
    """Labels are refused rather than changed: a bill is read by them."""
    for key, value in loaded.spec.tags.items():
        if key in OWN_LABELS:
            yield loaded.problem(f"tags.{key}", f"the label {key} is mldeploy's own", "give the tag another name")
        elif not _LABEL_KEY.match(key) or not _LABEL_VALUE.match(value):
            yield loaded.problem(
                f"tags.{key}",
                f"{key}: {value} is no label of Google Cloud's",
                "use lower-case letters, digits, '_' and '-', at most 63, the name beginning with a letter but not with 'goog'",
            )


def _access(loaded: LoadedSpec, settings: GcpSettings) -> Iterator[Problem]:
    if settings.invokers and loaded.spec.access != "private":
        yield loaded.problem(
            "clouds.gcp.invokers",
            f"with access: {loaded.spec.access} everybody passes Google's own check, so that a list of callers means nothing",
            "leave invokers out, or write access: private",
        )
    if settings.trigger is not None and loaded.spec.access != "private":
        yield loaded.problem(
            "clouds.gcp.trigger",
            f"with access: {loaded.spec.access} anybody could feign an event of the bucket's",
            "write access: private (and list the callers in clouds.gcp.invokers)",
        )
    if settings.schedule is not None and loaded.spec.access == "key":
        yield loaded.problem(
            "clouds.gcp.schedule",
            "with access: key Cloud Scheduler would have to hold the key, which nobody but Secret Manager should",
            "write access: private (and list the callers in clouds.gcp.invokers)",
        )


def _trigger(loaded: LoadedSpec, settings: GcpSettings) -> Iterator[Problem]:
    """An answer must never be a new question."""
    trigger = settings.trigger
    if (
        trigger is not None
        and trigger.results_bucket in (None, trigger.bucket)
        and trigger.prefix.startswith(trigger.results_prefix)
    ):
        yield loaded.problem(
            "clouds.gcp.trigger.prefix",
            f"every object below '{trigger.prefix}' counts as an answer (results_prefix '{trigger.results_prefix}')",
            "write another results_prefix, or a results_bucket",
        )


def _schedule(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> Iterator[Problem]:
    if settings.schedule is None:
        return
    zones = available_timezones()
    if zones and settings.schedule.timezone not in zones:
        yield loaded.problem(
            "clouds.gcp.schedule.timezone",
            f"there is no time zone {settings.schedule.timezone}",
            "write an IANA name: Europe/Berlin",
        )
    if size.timeout_s > MAX_SCHEDULE_S:
        yield loaded.problem(
            "resources.timeout_s",
            f"Cloud Scheduler waits at most {MAX_SCHEDULE_S} s, not {size.timeout_s:g} s",
            "lower it, or leave clouds.gcp.schedule out",
        )


def _source(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> Iterator[Problem]:
    """What a function built by Google does not have."""
    if settings.build != "source":
        return
    lacking = {
        "resources.ephemeral_mb": "has no disk of a size of its own: what it writes counts as memory",
        "image.max_mb": "has no image that could be measured before it is deployed",
        "clouds.gcp.base": "is built on Google's own base image",
        "clouds.gcp.execution_environment": "always runs in gen2",
        "clouds.gcp.start_timeout_s": "has no startup probe that can be set",
        "clouds.gcp.cpu_always_on": "cannot have its CPU always on",
        "clouds.gcp.cpu_boost": "cannot choose this",
    }
    for key, reason in lacking.items():
        if loaded.origin(key):
            yield loaded.problem(key, f"a function from source {reason}", "leave it out, or write clouds.gcp.build: image")
    if settings.trigger is not None and size.timeout_s > MAX_EVENT_FUNCTION_S:
        yield loaded.problem(
            "resources.timeout_s",
            f"a function that is called by events ends after {MAX_EVENT_FUNCTION_S} s, not {size.timeout_s:g} s",
            "lower it, or write clouds.gcp.build: image",
        )
