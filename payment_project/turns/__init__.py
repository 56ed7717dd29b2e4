"""Looks at Stripe's objects: each at most once a second, for all who tell of it meanwhile."""
