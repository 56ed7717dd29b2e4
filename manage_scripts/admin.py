#!/usr/bin/env python
"""Django's manage.py of the admin service."""

from _service import main

if __name__ == "__main__":
    main("admin")
