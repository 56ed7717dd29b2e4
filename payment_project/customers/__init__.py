"""Stripe's Customers, and the cards saved with them."""
