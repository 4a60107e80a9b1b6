"""A request at fixed times: a timer of the Functions host asks POST /predict.

    MLDEPLOY_SCHEDULE        NCRONTAB, six fields, seconds first; without it there is no such function
    MLDEPLOY_SCHEDULE_BODY   the body of the request, as JSON

The answer is a log line. One that is no 200 makes the invocation fail, which the platform counts and shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.message import Request

_FIELDS = 6


class Schedule(NamedTuple):
    """When, and what is asked."""

    ncrontab: str
    body: bytes


class ScheduleError(Exception):
    """A scheduled request was not answered; raised so that the platform counts it as failed."""


def schedule_from(environ: Mapping[str, str]) -> Schedule | None:
    """The schedule that the environment configures, if it does. Raises ConfigError."""
    ncrontab = environ.get("MLDEPLOY_SCHEDULE", "")
    if not ncrontab:
        return None
    if len(ncrontab.split()) != _FIELDS:
        raise ConfigError(f"MLDEPLOY_SCHEDULE={ncrontab!r} must have six fields: second minute hour day month weekday")
    body = environ.get("MLDEPLOY_SCHEDULE_BODY", "")
    try:
        json.loads(body)
    except ValueError as error:
        raise ConfigError(f"MLDEPLOY_SCHEDULE needs MLDEPLOY_SCHEDULE_BODY as JSON: {error}") from None
    return Schedule(ncrontab, body.encode())


def run(runtime: Runtime, schedule: Schedule, invocation_id: str) -> None:
    """Ask the scheduled request; its answer is a log line. Raises ScheduleError."""
    headers = {"content-type": "application/json"}
    if runtime.config.access == "key":  # the platform's own timer has been let in
        headers["x-api-key"] = runtime.config.api_key
    response = runtime.handle(Request("POST", "/predict", "", headers, schedule.body, invocation_id))
    if response.status != 200:
        raise ScheduleError(f"the scheduled request was answered {response.status}: {response.body[:500].decode()}")
