import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.test import Client

from customer_project.subscriptions.models import Plan
from customer_project.subscriptions.services import save_plan
from tests.customer.conftest import make_plan


@pytest.fixture
def plan(db):
    return make_plan()


def form(plan, **fields):
    names = ("name_en", "name_fr", "amount", "currency", "interval", "interval_count")
    return {
        **{name: getattr(plan, name) for name in names},
        "trial_days": 0,
        "position": 0,
        "active": "on",
        **fields,
    }


class TestVersion:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("amount", 2000), ("currency", "usd"), ("interval", "year"), ("interval_count", 2)],
    )
    def test_rises_with_another_price(self, plan, name, value):
        setattr(plan, name, value)

        save_plan(plan)

        assert Plan.objects.get().version == 2

    def test_stays_with_another_name_or_trial(self, plan):
        plan.name_fr, plan.trial_days = "Autre", 7

        save_plan(plan)

        assert Plan.objects.get().version == 1

    def test_rises_for_each_who_saves_what_they_read_before(self, plan):
        for amount in (2000, 3000):
            read_before = make_plan(save=False, amount=amount)
            save_plan(read_before)

        assert (Plan.objects.get().version, Plan.objects.get().amount) == (3, 3000)


class TestClean:
    @pytest.mark.parametrize(
        "fields",
        [{"amount": 1}, {"amount": 10**12}, {"currency": "kwd", "amount": 1001},
         {"interval_count": 0}, {"interval": "year", "interval_count": 4}, {"trial_days": 731}],
    )  # fmt: skip
    def test_refuses_what_stripe_would(self, fields):
        with pytest.raises(ValidationError):
            make_plan(save=False, **fields).clean()

    def test_takes_what_stripe_does(self):
        make_plan(save=False, interval_count=36, trial_days=730).clean()


class TestAdmin:
    @pytest.fixture
    def admin(self, db):
        client = Client()
        client.force_login(get_user_model().objects.create_superuser("root"))
        return client

    def test_a_change_of_the_price_is_another_version(self, admin, plan):
        url = f"/admin/subscriptions/plan/{plan.slug}/change/"
        assert admin.get(url).status_code == 200

        assert admin.post(url, form(plan, amount=2100)).status_code == 302

        assert (Plan.objects.get().version, Plan.objects.get().amount) == (2, 2100)

    def test_a_plan_is_made(self, admin):
        response = admin.post(
            "/admin/subscriptions/plan/add/", form(make_plan(save=False), slug="team")
        )

        assert response.status_code == 302
        assert Plan.objects.get().version == 1

    def test_none_is_deleted(self, admin, plan):
        url = f"/admin/subscriptions/plan/{plan.slug}/delete/"

        assert admin.post(url, {"post": "yes"}).status_code == 403


class TestApi:
    def test_shows_what_is_on_offer_in_the_readers_language(self, api, plan):
        make_plan(slug="old", active=False)

        shown = api.get("/api/plans/", headers={"Accept-Language": "fr"}).json()

        assert [(one["id"], one["name"], one["amount"]) for one in shown] == [
            ("pro-monthly", "Pro, en français", 1900)
        ]
