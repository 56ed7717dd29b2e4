"""Whose systems may ask for customers: the shop's back office, by tokens of its own."""
