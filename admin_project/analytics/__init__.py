"""Figures about payments, kept as events come in."""
