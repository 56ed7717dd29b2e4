import threading
from types import SimpleNamespace

from devstack.chaos.gate import Gate
from devstack.chaos.journal import Journal
from devstack.chaos.load import Load
from devstack.chaos.orders import orders
from devstack.ports import HOST
from devstack.waiting import wait_until


def load_for_nobody(journal, *, patience):
    """Clients of a service that never answers."""
    nobody = f"http://{HOST}:9"
    return Load(
        SimpleNamespace(urls={"customer": nobody}, stripe_url=nobody),
        seed=1,
        tokens=["token"],
        merchant_token="token",
        gate=Gate(rate=1000),
        journal=journal,
        patience=patience,
    )


def started(load):
    wanted = orders(seed=1, payments=60, customers=1)
    running = threading.Thread(target=load.run, args=(wanted, []), daemon=True)
    running.start()
    return running


def test_clients_whom_nobody_answers_go_home_when_told_to():
    journal = Journal()
    load = load_for_nobody(journal, patience=600)
    running = started(load)
    wait_until(lambda: len(journal), what="a client")

    load.stop()

    running.join(timeout=30)
    assert not running.is_alive()
    assert len(journal) < 60, "who had not begun did so all the same"


def test_clients_whom_nobody_answers_give_up_together_once_nothing_goes_wrong():
    journal = Journal()
    load = load_for_nobody(journal, patience=1)
    running = started(load)
    wait_until(lambda: len(journal), what="a client")

    load.hurry(60)

    running.join(timeout=30)
    assert not running.is_alive()
    assert len(journal) == 60
    last = max(journal, key=lambda entry: entry.order.number)
    assert [problem.split()[0] for problem in last.problems][:1] == ["Stopped"]
