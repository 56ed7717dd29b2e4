"""A Stripe emulator: what stripe-python 16.1.0 speaks to, on one port, in one SQLite file."""

API_VERSION = "2026-10-28.endive"
