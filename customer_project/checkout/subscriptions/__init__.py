"""The shop's pages of plans and subscriptions."""
