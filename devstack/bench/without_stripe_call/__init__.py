"""Answers payment requests at once and from memory."""
