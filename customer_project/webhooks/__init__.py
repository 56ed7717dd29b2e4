"""Stripe's webhooks arrive here: verified, stored, acknowledged."""
