from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from customer_project import askers
from customer_project.merchants.models import MerchantToken, Scope
from customer_project.merchants.services import make_token, revoke_tokens
from customer_project.payments.models import Payment
from tests.customer.conftest import GOOD, merchant_client, post, published, rows


def client_with(text):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


class TestToken:
    def test_only_its_hash_is_kept(self, db):
        token, text = make_token(name="Shop", scopes=[Scope.PAYMENTS_READ])

        stored = MerchantToken.objects.values().get()
        assert text not in str(stored)
        assert text.startswith(token.prefix)
        assert len(text) > 40

    @pytest.mark.parametrize("change", ["revoked", "expired"])
    def test_is_refused_when_it_is_over(self, db, change):
        token, text = make_token(name="Shop", scopes=list(Scope))
        assert client_with(text).get("/api/payments/").status_code == 200

        if change == "revoked":
            assert revoke_tokens([token.pk]) == 1
        else:
            MerchantToken.objects.update(expires_at=timezone.now())

        assert client_with(text).get("/api/payments/").status_code == 401

    @pytest.mark.parametrize("text", ["", "nonsense", "pbm_x", "é", "a b"])
    def test_nonsense_is_refused(self, db, text):
        assert client_with(text).get("/api/payments/").status_code == 401

    def test_its_use_is_noted_by_the_hour(self, db):
        token, text = make_token(name="Shop", scopes=list(Scope))

        client_with(text).get("/api/payments/")
        token.refresh_from_db()
        first = token.last_used_at
        client_with(text).get("/api/payments/")
        token.refresh_from_db()
        assert token.last_used_at == first

        MerchantToken.objects.update(last_used_at=first - timedelta(hours=2))
        client_with(text).get("/api/payments/")
        token.refresh_from_db()
        assert token.last_used_at >= first


class TestScopes:
    @pytest.mark.parametrize(
        ("scope", "method", "path"),
        [
            (Scope.PAYMENTS_READ, "get", ""),
            (Scope.PAYMENTS_WRITE, "post", ""),
            (Scope.PAYMENTS_WRITE, "post", f"{uuid4()}/capture/"),
            (Scope.REFUNDS_WRITE, "post", f"{uuid4()}/refunds/"),
        ],
    )
    def test_each_lets_do_its_own(self, db, scope, method, path):
        without = merchant_client(*[other for other in Scope if other != scope])

        response = getattr(without, method)(f"/api/payments/{path}")

        assert response.status_code == 403
        assert response.json()["errors"][0]["code"] == "scope_missing"
        assert getattr(merchant_client(scope), method)(f"/api/payments/{path}").status_code != 403


class TestForCustomers:
    def test_pays_for_any_customer(self, merchant, ada):
        response = post(
            merchant, {**GOOD, "customer": str(ada.id), "off_session": True, "save_card": False}
        )

        assert response.status_code == 202
        payment = Payment.objects.get()
        assert payment.customer == ada
        [event] = published()
        assert (event.customer_id, event.payment_options.off_session) == (str(ada.id), True)
        assert event.customer_info.email == ada.email

    @pytest.mark.parametrize("customer", [None, str(uuid4()), "ada"])
    def test_customer_must_be_one(self, merchant, customer):
        before = rows()

        response = post(merchant, GOOD if customer is None else {**GOOD, "customer": customer})

        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "customer"
        assert rows() == before

    def test_customers_cannot_act_for_others(self, api, ada):
        assert post(api, {**GOOD, "customer": str(uuid4())}).status_code == 403
        assert post(api, {**GOOD, "off_session": True}).status_code == 403
        assert post(api, {**GOOD, "customer": str(ada.id)}).status_code == 202

    def test_sees_everybodys_payments_or_one_customers(self, merchant, api, grace_api, ada):
        mine, hers = post(api).json()["id"], post(grace_api).json()["id"]

        def listed(query=""):
            return {one["id"] for one in merchant.get(f"/api/payments/{query}").json()["results"]}

        assert listed() == {mine, hers}
        assert listed(f"?customer={ada.id}") == {mine}
        assert merchant.get(f"/api/payments/{hers}/").status_code == 200

    def test_keys_are_the_tokens_own(self, merchant, api, ada):
        body = {**GOOD, "customer": str(ada.id)}

        assert post(merchant, body, key="k").json() != post(api, body, key="k").json()


class TestAdmin:
    def test_a_token_is_shown_once(self, admin_client):
        name = "admin:merchants_merchanttoken"
        response = admin_client.post(
            reverse(f"{name}_add"),
            {"name": "Shop", "scopes": ["payments:read"], "expires_at_0": "", "expires_at_1": ""},
        )

        text = response.text.partition('<code id="token">')[2].partition("</code>")[0]
        assert client_with(text).get("/api/payments/").status_code == 200
        token = MerchantToken.objects.get()
        assert token.scopes == ["payments:read"]
        for page in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[token.pk])):
            shown = admin_client.get(page)
            assert shown.status_code == 200
            assert text not in shown.text

        admin_client.post(
            reverse(f"{name}_changelist"), {"action": "revoke", "_selected_action": [token.pk]}
        )
        assert client_with(text).get("/api/payments/").status_code == 401

    @pytest.mark.parametrize(
        ("permission", "status"), [("view_merchanttoken", 200), ("change_merchanttoken", 401)]
    )
    def test_only_who_may_change_tokens_revokes_them(
        self, client, django_user_model, permission, status
    ):
        clerk = django_user_model.objects.create_user("clerk", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename=permission))
        client.force_login(clerk)
        token, text = make_token(name="Shop", scopes=list(Scope))

        client.post(
            reverse("admin:merchants_merchanttoken_changelist"),
            {"action": "revoke", "_selected_action": [token.pk]},
        )

        assert client_with(text).get("/api/payments/").status_code == status


class TestLimit:
    @pytest.fixture(autouse=True)
    def two_a_second(self, settings):
        settings.API_CUSTOMER_RATE_LIMIT = 2
        askers.AskerThrottle._used_until.clear()

    def test_each_asker_has_their_own(self, api, grace_api):
        statuses = [api.get("/api/payments/").status_code for _ in range(30)]

        assert statuses[:20] == [200] * 20
        assert 429 in statuses[20:]
        assert grace_api.get("/api/payments/").status_code == 200

    def test_who_is_refused_learns_when_to_come_again(self, api):
        while (response := api.get("/api/payments/")).status_code == 200:
            pass

        assert response.status_code == 429
        assert response["Retry-After"] == "1"
        assert response.json()["errors"][0]["code"] == "throttled"
