#!/usr/bin/env python3
"""Kill every kind of process while customers pay, then account for every cent.

python3 manage_scripts/chaos.py [--payments N] [--seed S] [--kafka=embedded|apache] [--json]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devstack.bootstrap import ensure_environment

if __name__ == "__main__":
    ensure_environment()

    from devstack.chaos.run import main

    sys.exit(main(sys.argv[1:]))
