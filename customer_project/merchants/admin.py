"""Merchants' tokens in Django admin: made here, shown once, revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from customer_project.merchants import services
from customer_project.merchants.models import MerchantToken, all_scopes


class MerchantTokenForm(forms.ModelForm[MerchantToken]):
    """What a new token is for."""

    scopes = forms.MultipleChoiceField(choices=all_scopes, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = MerchantToken
        fields = ("name", "scopes", "expires_at")


@admin.register(MerchantToken)
class MerchantTokenAdmin(admin.ModelAdmin[MerchantToken]):
    """A token's text is on the page that answers its making, and nowhere else, ever."""

    form = MerchantTokenForm
    list_display = ("name", "prefix", "scopes", "valid", "last_used_at", "expires_at", "created_at")
    readonly_fields = ("prefix", "created_at", "revoked_at", "last_used_at")
    actions = ("revoke",)

    @admin.display(boolean=True)
    def valid(self, token: MerchantToken) -> bool:
        """Whether it may be used."""
        return token.is_valid

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[MerchantToken]) -> None:
        """Let nobody use them any more."""
        revoked = services.revoke_tokens([token.pk for token in queryset])
        self.message_user(request, f"Revoked: {revoked}.")

    def save_model(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: MerchantToken,
        form: Any,  # noqa: ARG002
        change: bool,  # noqa: ARG002 - never true: see has_change_permission
    ) -> None:
        """Make the token, and keep its text for the page that shows it."""
        made, text = services.make_token(
            name=obj.name, scopes=obj.scopes, expires_at=obj.expires_at
        )
        obj.pk, obj.prefix = made.pk, made.prefix
        obj.text = text  # type: ignore[attr-defined] # until `response_add`, in this request

    def response_add(
        self,
        request: HttpRequest,
        obj: MerchantToken,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """Show the token's text, this once."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Copy this token now",
            "token": obj,
        }
        return TemplateResponse(request, "admin/merchants/token.html", context)

    def has_change_permission(
        self,
        request: HttpRequest,
        obj: MerchantToken | None = None,
    ) -> bool:
        """Let tokens be revoked from the list; what one may do stays as it was made."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: MerchantToken | None = None,  # noqa: ARG002
    ) -> bool:
        """Refuse: what a token did stays on record."""
        return False
