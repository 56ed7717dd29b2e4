"""Plans, and the subscriptions to them as their customers see them."""
