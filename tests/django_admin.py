"""What the Django admin pages of every service must do."""

from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kafka_bridge import admin_pages

admin_pages.load()

from kafka_bridge.read_only_admin import ReadOnlyAdmin  # noqa: E402 - one of them

MOST_STATEMENTS = 15
"""What a page may cost: session, user, permissions, the list and its filters."""

SEARCHES = ["", "ada", str(uuid4()), "%", "'", "a b", "x" * 300, "😀", "pi_1"]


def list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def detail_url(row):
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return reverse(name, args=[quote(row.pk)])


class AdminPages:
    """Tests of a service's pages. Subclasses give `rows(count)`, which makes rows of each model."""

    def statements(self, client, url):
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
        assert response.status_code == 200, url
        return len(captured)

    def test_index_opens(self, admin_client, rows):
        rows(1)

        assert admin_client.get(reverse("admin:index")).status_code == 200

    def test_lists_cost_as_much_with_many_rows_as_with_few(self, admin_client, rows):
        made = rows(2)
        few = {model: self.statements(admin_client, list_url(model)) for model in made}
        rows(40)
        many = {model: self.statements(admin_client, list_url(model)) for model in made}

        assert many == few
        assert max(many.values()) <= MOST_STATEMENTS

    def test_lists_are_searched(self, admin_client, rows):
        for model in rows(2):
            for search in SEARCHES:
                response = admin_client.get(list_url(model), {"q": search})
                assert response.status_code == 200, (model, search)

    def test_lists_are_filtered(self, admin_client, rows):
        for model in rows(2):
            response = admin_client.get(list_url(model))
            for spec in response.context["cl"].filter_specs:
                for choice in spec.choices(response.context["cl"]):
                    url = list_url(model) + choice["query_string"]
                    assert admin_client.get(url).status_code == 200, url

    def test_details_open(self, admin_client, rows):
        for made in rows(2).values():
            assert self.statements(admin_client, detail_url(made[0])) <= MOST_STATEMENTS

    def test_what_is_not_there_is_said(self, admin_client, rows):
        for model, made in rows(1).items():
            made[0].pk = uuid4() if "uuid" in str(type(made[0].pk)).lower() else 0
            response = admin_client.get(detail_url(made[0]), follow=True)
            assert response.status_code == 200, model

    def test_staff_without_permission_sees_nothing(self, client, rows, django_user_model):
        user = django_user_model.objects.create_user("clerk", is_staff=True)
        client.force_login(user)

        for model in rows(1):
            assert client.get(list_url(model)).status_code == 403

    def test_visitors_are_asked_to_log_in(self, client, rows):
        for model in rows(1):
            response = client.get(list_url(model))
            assert response.status_code == 302
            assert "/login/" in response["Location"]

    @pytest.mark.parametrize("page", ["add", "delete", "change"])
    def test_what_only_events_change_is_not_changed_here(self, admin_client, rows, page):
        for model, made in rows(1).items():
            if not isinstance(admin.site._registry[model], ReadOnlyAdmin):
                continue
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
            url = reverse(name, args=[] if page == "add" else [quote(made[0].pk)])
            assert admin_client.post(url, {"status": "succeeded"}).status_code == 403, url
