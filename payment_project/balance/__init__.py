"""The account at Stripe: every movement of its balance, recorded once and told."""
