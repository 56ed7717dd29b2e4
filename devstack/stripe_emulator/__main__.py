"""`python -m devstack.stripe_emulator --port 12111 --db stripe.sqlite3`."""

from __future__ import annotations

import argparse
import logging

from devstack.stripe_emulator.server import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m devstack.stripe_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--db", default=":memory:", help="the SQLite file; default: memory only")
    parser.add_argument("--journal", default="", help="a file to note each request in")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    serve(
        host=arguments.host,
        port=arguments.port,
        database=arguments.db,
        journal=arguments.journal,
    )


main()
