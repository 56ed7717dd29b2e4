"""Merchants' tokens in Django admin."""

from django.contrib import admin

from customer_project.merchants.models import MerchantToken
from kafka_bridge.tokens.admin import ScopedTokenAdmin


@admin.register(MerchantToken)
class MerchantTokenAdmin(ScopedTokenAdmin[MerchantToken]):
    """Made here, shown once, revoked."""
