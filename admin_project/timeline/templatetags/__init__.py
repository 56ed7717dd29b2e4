"""How timelines are written."""
