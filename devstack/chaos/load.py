"""The clients: they pay, repeat what broke, come back from their bank, and want money back."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import requests

from devstack.chaos.gate import Gate
from devstack.chaos.journal import Answer, Entry, Journal, Sighting, Subscribed, answered
from devstack.chaos.orders import MANUAL, Bank, Order, Then
from devstack.chaos.subscribers import Subscriber
from devstack.chaos.wishes import Wish
from devstack.clients import TIMEOUT, CustomerApi
from devstack.running import RunningStack
from devstack.waiting import DeadlinePassedError, wait_until

CLIENTS: Final = 16
_AT_THE_BANK: Final = 16
_LATER: Final = 16
_REPEATS_EVERY: Final = 0.3
_WATCHED: Final = 40
_ACTIONS: Final = {
    Then.CAPTURE: "capture",
    Then.CAPTURE_PART: "capture",
    Then.CANCEL: "cancel",
    Then.REFUND: "refunds",
    Then.REFUND_PART: "refunds",
    Then.REFUND_TWICE: "refunds",
}
_SEEN, _ACCEPTED, _CONFLICT = 200, 202, 409


class Load:
    """Every order placed once, by clients that repeat a request until it is answered."""

    def __init__(
        self,
        stack: RunningStack,
        *,
        seed: int,
        tokens: list[str],
        merchant_token: str,
        gate: Gate,
        journal: Journal,
        patience: float,
    ) -> None:
        """Make the load; `patience`: seconds for which a client asks again, or waits."""
        self._url = stack.urls["customer"]
        self._stripe_url = stack.stripe_url
        self._name = f"chaos-{seed}"
        self._tokens = tokens
        self._merchant_token = merchant_token
        self._gate = gate
        self._journal = journal
        self._patience = patience
        self._threads = threading.local()
        self._ended = threading.Event()
        self._give_up_at = float("inf")

    def run(self, orders: list[Order], wishes: list[Wish]) -> None:
        """Place the orders, and return when the last client has what it waits for.

        A wish is placed with the order of its number.
        """
        subscribes = {wish.number: wish for wish in wishes}
        watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        watcher.start()
        with (
            ThreadPoolExecutor(_AT_THE_BANK, "bank") as bank,
            ThreadPoolExecutor(_LATER, "later") as later,
            ThreadPoolExecutor(CLIENTS, "client") as clients,
        ):
            visits: list[Future[None]] = []

            def place(order: Order) -> None:
                if self._ended.is_set():
                    return
                self._gate.begin()
                if wish := subscribes.get(order.number):
                    visits.append(later.submit(self._subscribe, wish))
                entry = self._place(order)
                if order.bank and entry.payment_id:
                    visits.append(bank.submit(self._visit_bank, entry))
                if order.then and entry.payment_id:
                    visits.append(later.submit(self._go_on, entry, order.then))

            for placed in [clients.submit(place, order) for order in orders]:
                placed.result()
            for visit in visits:
                visit.result()
        self.stop()
        watcher.join()

    def hurry(self, payments: int) -> None:
        """Have the clients give up together: nothing goes wrong any more.

        They have `patience` from when the last of so many payments should have begun.
        """
        self._give_up_at = time.monotonic() + self._gate.seconds_for(payments) + self._patience

    def stop(self) -> None:
        """Have the clients go home: no request is repeated, and nothing waited for."""
        self._ended.set()

    def _api(self, customer: int) -> CustomerApi:
        """Return this thread's own connection for the customer."""
        apis: dict[int, CustomerApi] = self._threads.__dict__.setdefault("apis", {})
        if customer not in apis:
            apis[customer] = CustomerApi(self._url, self._tokens[customer])
        return apis[customer]

    def _merchants_api(self) -> CustomerApi:
        """Return this thread's own connection for the merchant, who alone may give money back."""
        api: CustomerApi = self._threads.__dict__.setdefault(
            "merchant", CustomerApi(self._url, self._merchant_token, scheme="Bearer")
        )
        return api

    def _place(self, order: Order) -> Entry:
        entry = Entry(order=order, key=f"{self._name}-{order.number}")
        self._journal.open(entry)
        body = order.body(f"{self._url}/")
        if order.clicks_twice:
            with ThreadPoolExecutor(1, "second-click") as second:
                click = second.submit(self._post, entry, body)
                self._keep(entry, self._post(entry, body))
                self._keep(entry, click.result())
        else:
            self._keep(entry, self._post(entry, body))
        if order.changes_the_body:
            changed = {**body, "amount": order.amount + 1}
            answer = self._post(entry, changed)
            if answer:
                entry.to_another_body.append(answer)
        return entry

    def _keep(self, entry: Entry, answer: Answer | None) -> None:
        if answer is None:
            return
        entry.answers.append(answer)
        if answer.status == _ACCEPTED and not entry.payment_id:
            entry.payment_id, entry.accepted_at = answer.body["id"], time.time()
            self._journal.accepted(entry)

    def _post(self, entry: Entry, body: dict[str, Any]) -> Answer | None:
        """Send a request again, with the same key, until the service answers it for good."""

        def post() -> Answer | None:
            return answered(
                lambda: self._api(entry.order.customer).post_payment(
                    body, idempotency_key=entry.key
                )
            )

        answer: Answer | None = self._until(entry, post, what="an answer to a payment")
        return answer

    def _subscribe(self, wish: Wish) -> None:
        entry = Subscribed(wish=wish, key=f"{self._name}-subscription-{wish.number}")
        self._journal.subscriptions.append(entry)
        Subscriber(entry, api=self._api(wish.customer), until=self._until).run()

    def _until(self, entry: Entry | Subscribed, ask: Callable[[], Any], *, what: str) -> Any:
        def ask_while_running() -> Any:
            if self._ended.is_set() or time.monotonic() > self._give_up_at:
                raise DeadlinePassedError(f"Stopped while waiting for {what}.")
            return ask()

        try:
            return wait_until(
                ask_while_running, what=what, seconds=self._patience, every=_REPEATS_EVERY
            )
        except DeadlinePassedError as error:
            entry.problems.append(str(error))
            return None

    def _visit_bank(self, entry: Entry) -> None:
        """Answer 3-D Secure, then tell the API that the customer is back."""
        bank = entry.order.bank
        intent = self._until(entry, lambda: self._to_authenticate(entry), what="3-D Secure")
        if not intent or bank is None or bank is Bank.NEVER_GOES:
            return
        url = f"{self._stripe_url}/_emulator/intents/{intent}/authenticate"
        self._until(
            entry,
            lambda: answered(
                lambda: requests.post(url, json={"outcome": bank.value}, timeout=TIMEOUT)
            ),
            what="the bank",
        )
        entry.went_to_the_bank = bank
        confirmed = self._until(
            entry, lambda: self._confirm(entry), what="an answer to a confirmation"
        )
        if confirmed and confirmed.status not in (_ACCEPTED, _CONFLICT):
            entry.problems.append(f"confirmation answered {confirmed.status}: {confirmed.body}")

    def _confirm(self, entry: Entry) -> Answer | None:
        return self._update(entry, "confirm", {}, key=f"{entry.key}-confirmation")

    def _go_on(self, entry: Entry, then: Then) -> None:
        """Capture, cancel or refund once there is something to; ask again until it is answered."""
        wanted = "requires_capture" if then in MANUAL else "succeeded"
        if not self._until(entry, lambda: self._is(entry, wanted), what=f"a payment {wanted}"):
            return
        action = _ACTIONS[then]
        part = then in (Then.CAPTURE_PART, Then.REFUND_PART)
        body = {"amount": entry.order.part} if part else {}
        keys = [f"{entry.key}-{action}"]
        if then is Then.REFUND_TWICE:
            keys.append(f"{keys[0]}-by-another")
        elif entry.order.clicks_twice:
            keys.append(keys[0])
        with ThreadPoolExecutor(len(keys), "clicks") as clicks:
            asked = [clicks.submit(self._ask, entry, action, body, key) for key in keys]
            statuses = [click.result() for click in asked]
        refused = then is Then.REFUND_TWICE and sorted(statuses) == [_ACCEPTED, _CONFLICT]
        if not refused and set(statuses) != {_ACCEPTED}:
            entry.problems.append(f"{action} answered {statuses}")

    def _ask(self, entry: Entry, action: str, body: dict[str, Any], key: str) -> int:
        """Ask for something until it is answered, note the answer and return its status."""
        answer: Answer | None = self._until(
            entry,
            lambda: self._update(entry, action, body, key=key),
            what=f"an answer to a {action}",
        )
        if answer is None:
            return 0
        entry.updates.setdefault(key, []).append(answer)
        return answer.status

    def _update(
        self, entry: Entry, action: str, body: dict[str, Any], *, key: str
    ) -> Answer | None:
        by_customer = action == "confirm"
        api = self._api(entry.order.customer) if by_customer else self._merchants_api()
        return answered(
            lambda: api.post_update(entry.payment_id, action, body, idempotency_key=key)
        )

    def _is(self, entry: Entry, status: str) -> bool:
        seen = self._look(entry)
        return bool(seen) and seen["status"] == status

    def _to_authenticate(self, entry: Entry) -> str | None:
        seen = self._look(entry)
        if seen is None or seen["status"] == "requested":
            return None
        return str(seen["payment_intent_id"])

    def _look(self, entry: Entry) -> Any:
        """Fetch a payment and note what it showed; None while the service is down."""
        api = self._api(entry.order.customer)
        answer = answered(lambda: api.get_payment(entry.payment_id))
        if answer is None:
            return None
        if answer.status != _SEEN:
            entry.problems.append(f"looked at after it was accepted: {answer.status}")
            return None
        entry.sightings.append(Sighting(answer.body["revision"], answer.body["status"]))
        return answer.body

    def _watch(self) -> None:
        """Look at the newest payments again and again, as their customers do."""
        while not self._ended.wait(_REPEATS_EVERY / 3):
            for entry in self._journal.latest(_WATCHED):
                if entry.order.bank is None:  # the others have a thread that looks
                    self._look(entry)
                    if self._ended.wait(_REPEATS_EVERY / 3):
                        return
