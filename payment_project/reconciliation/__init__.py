"""What webhooks missed: found at Stripe, repaired through the same lanes, reported."""
