"""What Stripe tells by webhook, applied to what we know."""
