"""Customers in Django admin."""

from django.contrib import admin

from customer_project.customers.models import Customer


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    """Find a customer by name, e-mail or id."""

    list_display = ("name", "email", "id", "created_at")
    search_fields = ("name", "email", "=id")
    raw_id_fields = ("user",)
