"""Objects, queues and secrets: our handler under the real runtime client and emulator, S3 and Secrets Manager from moto.

Objects are uploaded and answers read with botocore, so that our own S3 client is measured against AWS's.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import pytest

HERE = Path(__file__).parent
ODD = "a folder/ä + 50% & 'x'~(1).json"


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"aws_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rie = _load("rie")
services = _load("aws_services")
Bucket, notification, bridged, batch = services.Bucket, services.notification, services.bridged, services.batch
REGION, KEYS = services.REGION, services.KEYS


@pytest.fixture(scope="module", autouse=True)
def _emulator_at_hand() -> None:
    try:
        rie.binary()
    except rie.Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with services.server(tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def client(moto: str) -> Callable[[str], Any]:
    """botocore's client for a service of the moto server."""
    session = botocore.session.Session()

    def get(service: str) -> Any:
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=moto,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    return get


@pytest.fixture
def bucket(client: Callable[[str], Any], request: pytest.FixtureRequest) -> Bucket:
    return Bucket(client("s3"), f"b{abs(hash(request.node.name)):x}"[:30])


@pytest.fixture(scope="module")
def function(folder: Callable[[str], Path], moto: str) -> Iterator[Callable[..., Any]]:
    running: dict[tuple[Any, ...], Any] = {}

    def get(name: str, **settings: str) -> Any:
        key = (name, *sorted(settings.items()))
        if key not in running:
            environment = {**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": moto, "MLDEPLOY_BUNDLE": str(folder(name))}
            running[key] = rie.Emulator({**environment, **settings})
        return running[key]

    yield get
    for one in running.values():
        one.close()


RIGHT = json.dumps({"inputs": [[1, 2, 3]]})
ANSWER = {"model": "plain", "outputs": {"y": [[4.0, 5.0]]}}


def test_an_upload_is_answered(function: Callable[..., Any], bucket: Bucket) -> None:
    item = bucket.put("in/one.json", RIGHT.encode())
    done = function("plain").invoke(notification(bucket.name, item))
    assert done.document["outcomes"][0]["kind"] == "answered", done.text
    assert bucket.get("results/in/one.json.json") == ANSWER
    assert bucket.content_type("results/in/one.json.json") == "application/json"


def test_a_key_of_every_odd_letter(function: Callable[..., Any], bucket: Bucket) -> None:
    item = bucket.put(ODD, RIGHT.encode())
    function("plain").invoke(notification(bucket.name, item))
    assert bucket.get(f"results/{ODD}.json") == ANSWER


def test_through_eventbridge(function: Callable[..., Any], bucket: Bucket) -> None:
    bucket.put(ODD, RIGHT.encode())
    function("plain").invoke(bridged(bucket.name, ODD, len(RIGHT)))
    assert bucket.get(f"results/{ODD}.json") == ANSWER


def test_the_second_delivery_writes_the_same(function: Callable[..., Any], bucket: Bucket) -> None:
    item = bucket.put("one.json", RIGHT.encode())
    first, second = (function("plain").invoke(notification(bucket.name, item)) for _ in range(2))
    assert first.document == second.document
    assert bucket.keys() == ["one.json", "results/one.json.json"]


def test_pictures_by_their_suffix(function: Callable[..., Any], bucket: Bucket, corpus: ModuleType) -> None:
    """botocore says binary/octet-stream where nobody says anything."""
    items = [bucket.put(f"p.{kind}", corpus.picture(kind.upper())) for kind in ("png", "jpeg", "webp")]
    function("colour").invoke(notification(bucket.name, *items))
    for kind in ("png", "jpeg", "webp"):
        assert bucket.get(f"results/p.{kind}.json")["predictions"][0][0]["label"] == "green"


def test_the_stores_type_and_coding_count(function: Callable[..., Any], bucket: Bucket) -> None:
    table = b'price,count,"shop, or web"\n2,4,x\n'
    item = bucket.put("table.dat", gzip.compress(table), ContentType="text/csv", ContentEncoding="gzip")
    function("table").invoke(notification(bucket.name, item))
    assert bucket.get("results/table.dat.json")["outputs"]["bill"] == [[8.0]]


def test_other_bucket_and_prefix(function: Callable[..., Any], bucket: Bucket, client: Callable[[str], Any]) -> None:
    other = Bucket(client("s3"), "other-results")
    running = function("plain", MLDEPLOY_RESULTS_BUCKET="other-results", MLDEPLOY_RESULTS_PREFIX="answers/")
    item = bucket.put("results/one.json", RIGHT.encode())  # no result of ours: those are elsewhere
    running.invoke(notification(bucket.name, item))
    assert other.get("answers/results/one.json.json") == ANSWER
    assert bucket.keys() == ["results/one.json"]


def test_a_result_is_no_question(function: Callable[..., Any], bucket: Bucket) -> None:
    items = [bucket.put(key, RIGHT.encode()) for key in ("results/one.json", "results/in/two.error.json")]
    done = function("plain").invoke(notification(bucket.name, *items))
    assert [outcome["reason"] for outcome in done.document["outcomes"]] == ["it is a result"] * 2
    assert bucket.keys() == ["results/in/two.error.json", "results/one.json"]


def test_what_is_no_object_of_ours(function: Callable[..., Any], bucket: Bucket) -> None:
    folder = bucket.put("empty/", b"")
    gone = {"key": "gone.json", "size": 3}
    done = function("plain").invoke(notification(bucket.name, folder, gone))
    assert [outcome["reason"] for outcome in done.document["outcomes"]] == ["it is a folder", "it is gone"]
    removed = function("plain").invoke(notification(bucket.name, gone, name="ObjectRemoved:Delete"))
    assert removed.document == {"outcomes": []}


def test_a_wrong_object_is_told_and_not_retried(function: Callable[..., Any], bucket: Bucket) -> None:
    items = [bucket.put("bad.json", b"{"), bucket.put("empty.json", b""), bucket.put("good.json", RIGHT.encode())]
    running = function("plain")
    done = running.invoke(notification(bucket.name, *items))
    assert [outcome["kind"] for outcome in done.document["outcomes"]] == ["refused", "refused", "answered"]
    assert bucket.get("results/bad.json.error.json")["type"] == "urn:mldeploy:problem:invalid-json"
    assert bucket.get("results/good.json.json") == ANSWER
    assert bucket.content_type("results/bad.json.error.json") == "application/problem+json"
    assert '"event":"object refused"' in running.log


@pytest.mark.parametrize("told", [None, 12])
def test_a_large_object_is_refused(function: Callable[..., Any], bucket: Bucket, told: int | None) -> None:
    """By what the event says, without reading it; and by what is there, where the event says less."""
    running = function("plain", MLDEPLOY_MAX_BODY_BYTES="100")
    item = bucket.put("large.json", RIGHT.encode() + b" " * 200)
    running.invoke(notification(bucket.name, item | ({"size": told} if told else {})))
    assert bucket.get("results/large.json.error.json")["status"] == 413


def test_a_key_of_the_endpoint_is_not_asked_of_objects(function: Callable[..., Any], bucket: Bucket) -> None:
    running = function("plain", MLDEPLOY_ACCESS="key", MLDEPLOY_API_KEY="k" * 20)
    running.invoke(notification(bucket.name, bucket.put("one.json", RIGHT.encode())))
    assert bucket.get("results/one.json.json") == ANSWER


def test_no_store_raises_so_that_lambda_retries(folder: Callable[[str], Path], bucket: Bucket) -> None:
    nowhere = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_REGION": REGION, **KEYS}
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(folder("plain")), **nowhere}) as lost:
        done = lost.invoke(notification(bucket.name, {"key": "one.json", "size": 3}))
        assert done.document["errorType"] == "Transient", done.text
        assert "no answer from S3" in done.document["errorMessage"]


def test_tls_is_checked(folder: Callable[[str], Path], bucket: Bucket, moto: str, tmp_path: Path) -> None:
    """The same over TLS: with the authority's certificate it is answered, without it nothing is sent."""
    with services.tls_in_front(moto, tmp_path) as url:
        environment = {"MLDEPLOY_BUNDLE": str(folder("plain")), "AWS_ENDPOINT_URL_S3": url, "AWS_REGION": REGION, **KEYS}
        item = bucket.put("one.json", RIGHT.encode())
        with rie.Emulator(environment) as trusting_nobody:
            done = trusting_nobody.invoke(notification(bucket.name, item))
            assert done.document["errorType"] == "Transient", done.text
            assert "CERTIFICATE_VERIFY_FAILED" in done.document["errorMessage"]
        with rie.Emulator({**environment, "AWS_CA_BUNDLE": str(tmp_path / "cert.pem")}) as trusting:
            trusting.invoke(notification(bucket.name, item))
            assert bucket.get("results/one.json.json") == ANSWER


def test_no_bucket_to_write_to_raises(function: Callable[..., Any], bucket: Bucket) -> None:
    running = function("plain", MLDEPLOY_RESULTS_BUCKET="there-is-no-such-bucket")
    done = running.invoke(notification(bucket.name, bucket.put("one.json", RIGHT.encode())))
    assert done.document["errorType"] == "StoreError", done.text
    assert "s3://there-is-no-such-bucket/results/one.json.json" in done.document["errorMessage"]


def test_a_batch_of_objects_and_predictions(function: Callable[..., Any], bucket: Bucket, client: Callable[[str], Any]) -> None:
    out = Bucket(client("s3"), "batch-results")
    running = function("plain", MLDEPLOY_RESULTS_BUCKET=out.name)
    item = bucket.put("q.json", RIGHT.encode())
    topic = json.dumps({"Type": "Notification", "Message": json.dumps(notification(bucket.name, item | {"key": "sns.json"}))})
    bucket.put("sns.json", RIGHT.encode())
    done = running.invoke(
        batch(
            json.dumps(notification(bucket.name, item)),
            json.dumps(bridged(bucket.name, "q.json", 3)),
            topic,
            json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name}),
            RIGHT,
            "{",
            json.dumps(notification("there-is-no-such-bucket", {"key": "x.json", "size": 1})),
        )
    )
    assert done.document == {"batchItemFailures": [{"itemIdentifier": "m6"}]}, done.text
    assert out.get("results/q.json.json") == ANSWER
    assert out.get("results/sns.json.json") == ANSWER
    assert out.get("results/sqs/m4.json") == ANSWER
    assert out.get("results/sqs/m5.error.json")["status"] == 400


def test_a_batch_without_a_results_bucket(function: Callable[..., Any]) -> None:
    """An answer is in the log; an error has no other place than the dead-letter queue."""
    running = function("plain")
    done = running.invoke(batch(RIGHT, "{", RIGHT))
    assert done.document == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert r'"answer":"{\"model\":\"plain\",\"outputs\":{\"y\":[[4.0,5.0]]}}"' in running.log


def test_order_holds_in_a_fifo_queue(function: Callable[..., Any]) -> None:
    done = function("plain").invoke(batch(RIGHT, "{", RIGHT, queue="q.fifo"))
    assert done.document == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}


def test_a_message_may_name_its_type(function: Callable[..., Any]) -> None:
    told = {"content-type": {"stringValue": "text/csv", "dataType": "String"}}
    done = function("table").invoke(batch('price,count,"shop, or web"\n2,4,x\n', **told))
    assert done.document == {"batchItemFailures": []}


def test_secrets_are_there_before_the_settings_are_read(
    function: Callable[..., Any], client: Callable[[str], Any], moto: str
) -> None:
    store = client("secretsmanager")
    managed = store.create_secret(Name="mldeploy/m/dev", SecretString=json.dumps({"MLDEPLOY_API_KEY": "from-the-store"}))["ARN"]
    own = store.create_secret(Name="own", SecretString="its value")["ARN"]
    running = function(
        "plain", MLDEPLOY_ACCESS="key", MLDEPLOY_SECRETS_ARN=managed, MLDEPLOY_SECRET_REFS=json.dumps({"TOKEN": own})
    )
    event = {
        "version": "2.0",
        "rawPath": "/predict",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "body": RIGHT,
    }
    assert running.invoke(event).document["statusCode"] == 401
    event["headers"] = {"content-type": "application/json", "x-api-key": "from-the-store"}
    assert json.loads(running.invoke(event).document["body"]) == ANSWER
    assert "from-the-store" not in running.log
    assert "its value" not in running.log


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:nothing-AbCdEf", "there is no such secret"),
        ("mldeploy/list", "is not a JSON object of names and values"),
    ],
)
def test_a_secret_that_cannot_be_read_is_an_init_error(
    folder: Callable[[str], Path], client: Callable[[str], Any], moto: str, name: str, said: str
) -> None:
    store = client("secretsmanager")
    if name == "mldeploy/list":
        store.create_secret(Name=name, SecretString="[1]")
    environment = {**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": moto, "MLDEPLOY_SECRETS_ARN": name}
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(folder("plain")), **environment}) as broken:
        done = broken.invoke({})
        assert done.document["errorType"] == "InitError", done.text
        assert said in done.document["errorMessage"]
