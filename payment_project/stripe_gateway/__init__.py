"""Stripe's API, and nothing else of Stripe: the only package that imports the SDK."""
