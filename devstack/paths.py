"""Where things are: the repository, and the git-ignored folder of the developer's stack."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".devstack"
PYTHON = sys.executable
LAUNCH = Path(__file__).resolve().parent / "launch.py"
