"""A request that is repeated has its effect once, and the same answer each time."""
