"""What kind of event this is, told by its shape, and who answers it.

requestContext + version 2.0, or .http     function URL, HTTP API 2.0     ─┐
requestContext.elb                         load balancer                   ├─ http_event
requestContext + httpMethod                HTTP API 1.0, REST API         ─┘
Records of aws:s3 · aws:sqs, "Object Created" of aws.s3                   ─── events
anything else                              Invoke, Scheduler              ─── direct
"""

from __future__ import annotations

from typing import Any

from mldeploy.providers.aws.entry import http_event
from mldeploy.providers.aws.entry.deadline import TimedRuntime


def dispatch(runtime: TimedRuntime, event: Any, context: Any) -> Any:
    """Answer. Raises only where raising is the answer: direct invocations and object events."""
    runtime.begin(context.get_remaining_time_in_millis())
    if type(event) is dict:
        about = event.get("requestContext")
        if type(about) is dict:
            if "http" in about:
                return http_event.answer(runtime, http_event.V2, event, context.aws_request_id)
            if "elb" in about:
                envelope = http_event.ALB_MULTI if "multiValueHeaders" in event else http_event.ALB
                return http_event.answer(runtime, envelope, event, context.aws_request_id)
            if "httpMethod" in event:
                return http_event.answer(runtime, http_event.V1, event, context.aws_request_id)
        if "Records" in event or "detail-type" in event:
            from mldeploy.providers.aws.entry import events

            found = events.kind_of(event)
            if found is not None:
                return found(runtime, event)
    from mldeploy.providers.aws.entry import direct

    return direct.answer(runtime, event, context.aws_request_id)
