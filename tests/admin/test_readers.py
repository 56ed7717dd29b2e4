import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from admin_project.readers.models import ReaderToken, Scope
from kafka_bridge.tokens.services import make_token, revoke_tokens

URLS = [
    *(f"/api/analytics/{name}/" for name in ("payments", "figures", "ledger", "timeline", "stuck")),
    "/metrics",
]
pytestmark = pytest.mark.django_db


def client_with(text):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def token(*scopes):
    return make_token(ReaderToken, name="Monitor", scopes=scopes)


class TestToken:
    @pytest.mark.parametrize("url", URLS)
    def test_its_scope_lets_read(self, url):
        _, text = token(Scope.ANALYTICS_READ)

        assert client_with(text).get(url).status_code == 200

    @pytest.mark.parametrize("url", URLS)
    def test_without_its_scope_or_revoked(self, url):
        other, text = token(Scope.ANALYTICS_READ)
        revoke_tokens(ReaderToken, [other.pk])

        assert client_with(text).get(url).status_code == 401
        assert client_with(token()[1]).get(url).status_code == 403
        assert client_with("pba_nonsense").get(url).status_code == 401

    def test_opens_no_page(self):
        _, text = token(Scope.ANALYTICS_READ)

        assert client_with(text).get("/admin/dashboard/").status_code == 302


class TestAdmin:
    def test_a_token_is_shown_once(self, admin_client):
        name = "admin:readers_readertoken"
        response = admin_client.post(
            reverse(f"{name}_add"),
            {"name": "M", "scopes": ["analytics:read"], "expires_at_0": "", "expires_at_1": ""},
        )

        text = response.text.partition('<code id="token">')[2].partition("</code>")[0]
        assert client_with(text).get("/metrics").status_code == 200
        made = ReaderToken.objects.get()
        assert text not in str(ReaderToken.objects.values().get())
        for page in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[made.pk])):
            assert text not in admin_client.get(page).text
