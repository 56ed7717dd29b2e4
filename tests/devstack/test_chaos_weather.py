"""The weather of a run: the same for the same seed, however often it has to be told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from devstack.chaos.weather import WEATHERS, Weather
from devstack.ports import HOST
from payment_project.stripe_gateway.client import TIMEOUT


class Emulator(ThreadingHTTPServer):
    """Hears what it is told, and refuses the first few times."""

    refuses = 0

    def __init__(self):
        super().__init__((HOST, 0), Told)
        self.told = []


class Told(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = self.server.refuses > 0
        self.server.refuses -= refused
        if not refused and self.path.endswith("/faults"):
            self.server.told.append(json.loads(body))
        self.send_response(500 if refused else 200)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def emulator():
    with Emulator() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def told(emulator, *, seed=1, refuses=0):
    """Tell two weathers, the first one until it is taken, and return what the second is."""
    weather = Weather(f"http://{HOST}:{emulator.server_port}", seed=seed)
    emulator.refuses = refuses
    if refuses:
        with pytest.raises(requests.RequestException):
            weather.change("slow", at=3)
        weather.tell_when_back()
    else:
        weather.change("slow", at=3)
    weather.change("lost answers", at=20)
    return emulator.told[-2:]


class TestWeather:
    def test_is_the_same_however_often_it_was_told(self, emulator):
        assert told(emulator) == told(emulator, refuses=3)

    def test_is_another_for_another_seed(self, emulator):
        assert told(emulator) != told(emulator, seed=2)

    def test_is_another_later_in_the_run(self, emulator):
        weather = Weather(f"http://{HOST}:{emulator.server_port}", seed=1)
        weather.change("slow", at=3)
        weather.change("slow", at=4)

        assert emulator.told[0] != emulator.told[1]

    def test_stripe_hangs_for_longer_than_the_payment_service_waits(self):
        hangs = max(fault.get("seconds", 0) for fault in WEATHERS["hanging"])

        assert hangs > TIMEOUT + 2
