"""What can be wrong with what a page asks for."""


class NotAsOffered(Exception):
    """The plan's price or its free days are not those that the page showed."""
