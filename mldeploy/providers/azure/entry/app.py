"""The function app (v2 model): what `function_app.py` imports and the Functions worker indexes.

    http       every path and method, at MLDEPLOY_AZURE_AUTH_LEVEL    anonymous (default) | function: the host asks for a key
    objects    new blobs, through the host's blob trigger             where MLDEPLOY_TRIGGER_CONTAINER is set (binding.py)
    messages   new blobs, through Event Grid and a queue              where MLDEPLOY_STORAGE_ACCOUNT is set (messages.py)
    schedule   a timer                                                where MLDEPLOY_SCHEDULE is set (schedule.py)

The bundle is loaded while the app is imported, so that a broken one is an error of the deployment and names its reason.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import azure.functions as func

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.objects import Results, answer_object, results_from
from mldeploy.providers.azure.entry.binding import Binding, answer_blob, binding_from
from mldeploy.providers.azure.entry.blobs import Blobs
from mldeploy.providers.azure.entry.http import NO_LENGTH, answered, has_lost_its_body, sent
from mldeploy.providers.azure.entry.messages import Queue, object_event, queue_from
from mldeploy.providers.azure.entry.schedule import Schedule, run, schedule_from
from mldeploy.providers.azure.entry.serving import Serving

AUTH_LEVELS = {"anonymous": func.AuthLevel.ANONYMOUS, "function": func.AuthLevel.FUNCTION}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


def build(environ: Mapping[str, str]) -> func.FunctionApp:
    """The app that the environment describes. Raises ConfigError, ManifestError or LoadError."""
    told = environ.get("MLDEPLOY_AZURE_AUTH_LEVEL", "") or "anonymous"
    if told not in AUTH_LEVELS:
        raise ConfigError(f"MLDEPLOY_AZURE_AUTH_LEVEL={told!r} must be one of {', '.join(AUTH_LEVELS)}")
    binding, queue, schedule = binding_from(environ), queue_from(environ), schedule_from(environ)
    if binding is not None and queue is not None:
        raise ConfigError("MLDEPLOY_TRIGGER_CONTAINER and MLDEPLOY_STORAGE_ACCOUNT would predict each blob twice; set one")
    serving = Serving(environ)
    function_app = func.FunctionApp(http_auth_level=AUTH_LEVELS[told])
    _add_http(function_app, serving)
    if binding is not None:
        _add_objects(function_app, serving, binding)
    if queue is not None:
        _add_messages(function_app, serving, queue, Blobs(queue.blob_endpoint, environ), results_from(environ))
    if schedule is not None:
        _add_schedule(function_app, serving, schedule)
    return function_app


def _add_http(function_app: func.FunctionApp, serving: Serving) -> None:
    @function_app.function_name("http")
    @function_app.route(route="{*path}", methods=METHODS, trigger_arg_name="request")
    async def http(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        asked = sent(request, context.invocation_id)
        if has_lost_its_body(asked):
            response = serving.runtime.reject("bad-request", NO_LENGTH, asked.headers.get("x-request-id", "") or asked.id)
        else:
            response = await serving.answer(asked)
        return answered(response)


def _add_objects(function_app: func.FunctionApp, serving: Serving, binding: Binding) -> None:
    source = func.BlobSource(binding.source)

    @function_app.function_name("objects")
    @function_app.blob_trigger("blob", binding.path, binding.connection, source=source)
    @function_app.blob_output("answer", binding.answer_path, binding.connection)
    @function_app.blob_output("refusal", binding.refusal_path, binding.connection)
    async def objects(blob: func.InputStream, answer: func.Out[bytes], refusal: func.Out[bytes], context: func.Context) -> None:
        # What is raised makes the host try again, and put the blob aside after some attempts.
        await serving.elsewhere(
            lambda: answer_blob(serving.loaded(), binding, blob, context.invocation_id, answer.set, refusal.set)
        )


def _add_messages(function_app: func.FunctionApp, serving: Serving, queue: Queue, blobs: Blobs, results: Results) -> None:
    def answer(message: bytes) -> None:
        event = object_event(message)
        if event is not None:
            answer_object(serving.loaded(), event, blobs.read, blobs.write, results)

    @function_app.function_name("messages")
    @function_app.queue_trigger("message", queue.name, queue.connection)
    async def messages(message: func.QueueMessage) -> None:
        await serving.elsewhere(lambda: answer(message.get_body()))


def _add_schedule(function_app: func.FunctionApp, serving: Serving, schedule: Schedule) -> None:
    @function_app.function_name("schedule")
    @function_app.timer_trigger("timer", schedule.ncrontab, run_on_startup=False, use_monitor=True)
    async def scheduled(timer: func.TimerRequest, context: func.Context) -> None:
        await serving.elsewhere(lambda: run(serving.loaded(), schedule, context.invocation_id))


app = build(os.environ)
