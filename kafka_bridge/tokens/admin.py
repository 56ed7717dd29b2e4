"""Tokens in Django admin: made here, shown once, revoked."""

from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from kafka_bridge.tokens import services
from kafka_bridge.tokens.models import ScopedToken

T = TypeVar("T", bound=ScopedToken)


class ScopedTokenAdmin(admin.ModelAdmin[T]):
    """A token's text is on the page that answers its making, and nowhere else, ever."""

    list_display = ("name", "prefix", "scopes", "valid", "last_used_at", "expires_at", "created_at")
    readonly_fields = ("prefix", "created_at", "revoked_at", "last_used_at")
    actions = ("revoke",)

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any
    ) -> forms.Field | None:
        """Show the scopes there are."""
        if db_field.name != "scopes":
            return super().formfield_for_dbfield(db_field, request, **options)
        choices = [(scope.value, scope.value) for scope in self.model.scope_class]
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple)

    @admin.display(boolean=True)
    def valid(self, token: ScopedToken) -> bool:
        """Whether it may be used."""
        return token.is_valid

    @admin.action(permissions=["change"], description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[T]) -> None:
        """Let nobody use them any more."""
        revoked = services.revoke_tokens(self.model, [token.pk for token in queryset])
        self.message_user(request, f"Revoked: {revoked}.")

    def save_model(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: T,
        form: Any,  # noqa: ARG002
        change: bool,  # noqa: ARG002 - never true: see has_change_permission
    ) -> None:
        """Make the token, and keep its text for the page that shows it."""
        made, text = services.make_token(
            self.model, name=obj.name, scopes=obj.scopes, expires_at=obj.expires_at
        )
        obj.pk, obj.prefix = made.pk, made.prefix
        obj.text = text  # type: ignore[attr-defined] # until `response_add`, in this request

    def response_add(
        self,
        request: HttpRequest,
        obj: T,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """Show the token's text, this once."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Copy this token now",
            "token": obj,
            "text": obj.text,  # type: ignore[attr-defined] # see save_model
            "list_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/tokens/token.html", context)

    def has_change_permission(self, request: HttpRequest, obj: T | None = None) -> bool:
        """Let tokens be revoked from the list; what one may do stays as it was made."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: T | None = None,  # noqa: ARG002
    ) -> bool:
        """Refuse: what a token did stays on record."""
        return False
