"""The shop: a small catalogue, orders, and the page where they are paid."""
