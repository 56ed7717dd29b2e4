"""What stands in for real servers on a developer's machine, and runs the whole system there."""
