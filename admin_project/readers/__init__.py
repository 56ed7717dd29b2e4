"""Who may read the figures from outside: staff, and other systems by tokens of their own."""
