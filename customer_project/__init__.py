"""The customer service: takes orders, shows what became of them, receives webhooks."""
