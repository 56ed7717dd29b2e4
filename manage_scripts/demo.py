#!/usr/bin/env python3
"""Run the whole system on this machine, and real payments through it.

python3 manage_scripts/demo.py [--exit] [--json] [--kafka=embedded|apache]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devstack.bootstrap import ensure_environment

if __name__ == "__main__":
    ensure_environment()

    from devstack.demo import main

    sys.exit(main(sys.argv[1:]))
