"""Payments as the customer sees them."""
