"""Readers' tokens in Django admin."""

from django.contrib import admin

from admin_project.readers.models import ReaderToken
from kafka_bridge.tokens.admin import ScopedTokenAdmin


@admin.register(ReaderToken)
class ReaderTokenAdmin(ScopedTokenAdmin[ReaderToken]):
    """Made here, shown once, revoked."""
