"""Tokens of other systems: kept as hashes, shown once, each with the scopes it was made with."""
