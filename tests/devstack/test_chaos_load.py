import threading
from types import SimpleNamespace

from devstack.chaos.gate import Gate
from devstack.chaos.journal import Journal
from devstack.chaos.load import Load
from devstack.chaos.orders import orders
from devstack.ports import HOST
from devstack.waiting import wait_until


def test_clients_whom_nobody_answers_go_home_when_told_to():
    nobody = f"http://{HOST}:9"
    journal = Journal()
    load = Load(
        SimpleNamespace(urls={"customer": nobody}, stripe_url=nobody),
        seed=1,
        tokens=["token"],
        merchant_token="token",
        gate=Gate(rate=1000),
        journal=journal,
        patience=600,
    )
    wanted = orders(seed=1, payments=60, customers=1)
    running = threading.Thread(target=load.run, args=(wanted, []), daemon=True)
    running.start()
    wait_until(lambda: len(journal), what="a client")

    load.stop()

    running.join(timeout=30)
    assert not running.is_alive()
    assert len(journal) < 60, "who had not begun did so all the same"
