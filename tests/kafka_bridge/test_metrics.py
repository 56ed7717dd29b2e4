"""What monitors read of every service, whatever else it tells them."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from kafka_bridge import inbox
from kafka_bridge.metrics import Family, MetricsView
from tests.kafka_bridge.noted import noted, record_of, record_with, work_until_idle


def client_of(**is_what):
    user = get_user_model().objects.create(username=uuid4().hex, **is_what)
    client = APIClient()
    token = Token.objects.create(user=user)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.key}")
    return client


def test_told_to_staff_alone():
    assert APIClient().get("/metrics").status_code == 401
    assert client_of().get("/metrics").status_code == 403
    assert client_of(is_staff=True, is_superuser=True).get("/metrics").status_code == 200


def test_what_waits(ledger):
    ledger.refuse = lambda _event: TimeoutError()
    inbox.receive([record_of(noted()), record_of(noted("c2")), record_with(b"no JSON")])
    work_until_idle()

    response = client_of(is_staff=True, is_superuser=True).get("/metrics")

    name = f"paybridge_{settings.SERVICE_NAME}"
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert response.text.endswith("\n")
    lines = response.text.splitlines()
    assert f"# TYPE {name}_inbox gauge" in lines
    assert {
        f'{name}_inbox{{state="pending"}} 2',
        f'{name}_inbox{{state="parked"}} 2',
        f'{name}_inbox{{state="dead"}} 1',
        f"{name}_outbox 1",  # the copy of what was no JSON
    } <= set(lines)


def test_labels_are_escaped(rf):
    samples = [({"why": 'a "b"\n\\c'}, 1)]
    view = MetricsView.as_view(
        families=lambda: [Family("f", "counter", "Some.", samples)], permission_classes=[]
    )

    assert r'f{why="a \"b\"\n\\c"} 1' in view(rf.get("/metrics")).text.splitlines()
