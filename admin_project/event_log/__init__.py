"""Every event, as it happened, without secrets and names."""
