"""Payments at Stripe, and what is told of them."""
