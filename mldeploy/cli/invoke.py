"""`mldeploy invoke`: one prediction from the deployment."""

from __future__ import annotations

import click

from mldeploy.cli import answer as answers
from mldeploy.cli import payload as payloads
from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.http_call import Answer, post
from mldeploy.cli.sample_request import choose
from mldeploy.cli.session import Session
from mldeploy.cli.target import Target
from mldeploy.cli.verb import verb
from mldeploy.errors import DeployError


class AnswerError(DeployError):
    """The endpoint answered with an error. `answer` is its document, for --json."""

    def __init__(self, message: str, answer: object) -> None:
        super().__init__(message)
        self.details = {"answer": answer}


@verb(
    "invoke",
    click.Argument(["data"], required=False),
    click.Option(
        ["--timeout"], type=click.FloatRange(min=0.001), default=60.0, metavar="S", help="Seconds to wait. Default: 60."
    ),
    targets.name_option(),
)
def command(session: Session, data: str | None, timeout: float, name: str | None) -> None:
    """Ask the deployment for a prediction.

    DATA is JSON text, @file (JSON, CSV, JPEG, PNG, WebP), a file's name, or @- for stdin; without it request.json or the
    spec's first smoke request is sent. JSON without "inputs" is wrapped in it.

    \b
      mldeploy invoke @request.json
      mldeploy invoke '[[5.1, 3.5, 1.4, 0.2]]'
      mldeploy invoke cat.jpg

    --json prints the answer's body as it came. Exit code 1 when the endpoint answers with an error.
    """
    target = targets.find(session, name)
    payload = payloads.read(data) if data is not None else default_payload(target)
    endpoint = target.endpoint(session)
    session.after_interrupt = lambda: "the request may still be answered; nothing was changed"
    answer = post(endpoint, "/predict", payload, timeout)
    check(answer)
    if session.settings.is_json:
        session.out.line(answer.body.decode("utf-8", "replace").rstrip("\n"))
        return
    for line in answers.lines(answer, session.out):
        session.out.line(line)


def default_payload(target: Target) -> payloads.Payload:
    """What is sent when nothing is given."""
    sample = choose(target.loaded) if target.loaded is not None else None
    if sample is not None and sample.file is not None:
        return payloads.read_file(sample.file)
    if sample is not None and sample.text:
        return payloads.read(sample.text)
    raise UsageError("nothing to send", "give JSON text, @file or @-; or put a request.json beside the spec")


def check(answer: Answer) -> None:
    """Raise AnswerError when the endpoint answered with an error."""
    if answer.status < 400:
        return
    document = answer.json()
    raise AnswerError(answers.problem(answer), document if document is not None else answer.body.decode("utf-8", "replace"))
