"""Chaos: the real processes killed while customers pay, and then every cent accounted for."""
