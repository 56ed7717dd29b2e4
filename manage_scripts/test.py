#!/usr/bin/env python3
"""Run all tests; arguments go on to pytest.

python3 manage_scripts/test.py [--kafka=embedded|apache] [pytest's arguments]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devstack.bootstrap import ensure_environment

if __name__ == "__main__":
    ensure_environment()

    from devstack.test_runner import main

    sys.exit(main(sys.argv[1:]))
