"""Subscriptions and their invoices, as Stripe bills them."""
