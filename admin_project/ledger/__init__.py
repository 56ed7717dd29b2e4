"""The account at Stripe, in double entry: every cent, and where it went."""
