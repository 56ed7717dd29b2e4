#!/usr/bin/env python3
"""Measure the system beside the pipeline that tutorials teach, on the same servers.

python3 manage_scripts/bench.py [--quick] [--json] [--kafka=embedded|apache] [--only T1 T4]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devstack.bootstrap import ensure_environment

if __name__ == "__main__":
    ensure_environment()

    from devstack.bench.run import main

    sys.exit(main(sys.argv[1:]))
