"""The emulator as a real process, and a client that checks the shape of every answer."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import stripe

from devstack.stripe_emulator.expansion import EXPANDABLE
from devstack.stripe_emulator.process import EmulatorProcess

DATA = Path(__file__).parent / "data"
NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


class Shapes:
    """Stripe's OpenAPI description, as a check on every object served."""

    def __init__(self) -> None:
        raw = json.loads((DATA / "stripe_openapi_subset.json").read_text())
        self.document = {"components": {"schemas": _json_schema(raw["schemas"])}}
        self.known = set(raw["schemas"])
        self.checked: dict[str, int] = {}
        self._seen: set[str] = set()

    def check(self, value: Any) -> None:
        """Raise if any object in `value` is not shaped as Stripe's."""
        if isinstance(value, list):
            for item in value:
                self.check(item)
        elif isinstance(value, dict):
            for item in value.values():
                self.check(item)
            kind = value.get("object")
            if isinstance(kind, str) and kind in self.known and "deleted" not in value:
                self._check_object(value)

    def _check_object(self, value: dict[str, Any]) -> None:
        kind = value["object"]
        flat = _collapsed(value, EXPANDABLE.get(kind, set()))
        signature = _signature(flat)
        if signature in self._seen:
            return
        schema = {**self.document, "$ref": f"#/components/schemas/{kind}"}
        validator = jsonschema.Draft202012Validator(schema)
        errors = sorted(validator.iter_errors(flat), key=lambda error: error.json_path)
        unknown = flat.keys() - set(_sdk_class(kind).__annotations__) - {"deleted"}
        messages = [f"{error.json_path}: {error.message[:300]}" for error in errors]
        messages += [f"$.{name}: unknown to the SDK" for name in sorted(unknown)]
        assert not messages, f"{kind} {value['id']}: {messages}"
        self._seen.add(signature)
        self.checked[kind] = self.checked.get(kind, 0) + 1


def _sdk_class(kind: str) -> Any:
    if kind == "test_helpers.test_clock":
        return stripe.test_helpers.TestClock
    name = {"line_item": "invoice_line_item"}.get(kind, kind)
    return getattr(stripe, name.title().replace("_", ""))


def _json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into JSON Schema."""
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: _json_schema(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


def _collapsed(value: dict[str, Any], expandable: set[str], trail: str = "") -> dict[str, Any]:
    """Return the object with what was expanded put back to its id."""
    flat = {}
    for name, item in value.items():
        here = f"{trail}.{name}" if trail else name
        if isinstance(item, dict) and here in expandable and "id" in item:
            flat[name] = item["id"]
        elif isinstance(item, dict) and "object" not in item:
            flat[name] = _collapsed(item, expandable, here)
        elif isinstance(item, dict) and item.get("object") == "list":
            data = [
                _collapsed(each, EXPANDABLE.get(each["object"], set())) for each in item["data"]
            ]
            flat[name] = {**item, "data": data}
        elif name == "price" and isinstance(item, dict):
            flat[name] = _collapsed(item, EXPANDABLE["price"])
        else:
            flat[name] = item
    return flat


def _signature(value: Any) -> str:
    """Return keys, types and short words: objects that share it share their shape."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{_signature(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({_signature(item) for item in value})) + "]"
    if isinstance(value, str):
        return value if value.replace("_", "").isalpha() and value.islower() else "s"
    return type(value).__name__


class CheckingClient(stripe.RequestsClient):
    """The SDK's HTTP client, looking at every body that passes."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__(timeout=10)
        self._shapes = shapes

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> Any:
        content, status, answered = super().request(method, url, headers, post_data)
        self._shapes.check(json.loads(content))
        return content, status, answered


@pytest.fixture(scope="session")
def shapes() -> Shapes:
    return Shapes()


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    database = tmp_path_factory.mktemp("stripe") / "emulator.sqlite3"
    with EmulatorProcess(database=database) as process:
        process.post("webhooks", {"first_backoff": 0.02, "longest_backoff": 0.2})
        yield process


@pytest.fixture
def emulator(emulator_process: EmulatorProcess) -> Iterator[EmulatorProcess]:
    """The emulator, without faults or limits left by another test."""
    emulator_process.faults()
    emulator_process.post("rate_limit", {"off": True})
    yield emulator_process
    emulator_process.faults()
    emulator_process.post("rate_limit", {"off": True})


@pytest.fixture(scope="session")
def http_client(shapes: Shapes) -> CheckingClient:
    return CheckingClient(shapes)


@pytest.fixture
def make_client(
    emulator: EmulatorProcess, http_client: CheckingClient
) -> Callable[..., stripe.StripeClient]:
    def make(key: str = "sk_test_emulated", *, retries: int = 0) -> stripe.StripeClient:
        return stripe.StripeClient(
            key,
            base_addresses={"api": emulator.url},
            max_network_retries=retries,
            http_client=http_client,
        )

    return make


@pytest.fixture
def client(make_client: Callable[..., stripe.StripeClient]) -> stripe.StripeClient:
    return make_client()


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"email": "ada@example.com", "name": "Ada"})


@pytest.fixture
def pay(client: stripe.StripeClient) -> Callable[..., stripe.PaymentIntent]:
    """Create and confirm a PaymentIntent; no redirects unless a return_url is given."""

    def pay(
        payment_method: str = "pm_card_visa", *, idempotency_key: str | None = None, **params: Any
    ) -> stripe.PaymentIntent:
        if "return_url" not in params:
            params.setdefault("automatic_payment_methods", NO_REDIRECTS)
        options: Any = {"idempotency_key": idempotency_key} if idempotency_key else None
        return client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "usd",
                "confirm": True,
                "payment_method": payment_method,
                **params,
            },
            options,
        )

    return pay


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait until something is true, and return it."""

    def wait(condition: Callable[[], Any], *, within: float = 15.0) -> Any:
        deadline = time.monotonic() + within
        while not (result := condition()):
            assert time.monotonic() < deadline, "it did not happen in time"
            threading.Event().wait(0.01)
        return result

    return wait


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook endpoint that keeps what it gets and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/stripe/webhook"

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.received]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((body, self.headers["stripe-signature"]))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def webhook(
    client: stripe.StripeClient, receiver: Receiver
) -> Iterator[Callable[..., stripe.WebhookEndpoint]]:
    """Register the receiver for some event types."""
    made: list[str] = []

    def register(*types: str) -> stripe.WebhookEndpoint:
        events: Any = list(types or ("*",))
        endpoint = client.v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": events}
        )
        made.append(endpoint.id)
        return endpoint

    yield register
    for endpoint_id in made:
        client.v1.webhook_endpoints.delete(endpoint_id)
