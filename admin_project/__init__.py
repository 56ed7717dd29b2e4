"""The admin service: listens, and shows what happened."""
