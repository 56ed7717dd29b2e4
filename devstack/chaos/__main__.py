"""`python -m devstack.chaos`, for a copy of the tree that uses this one's `.venv`."""

import sys

from devstack.chaos.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
