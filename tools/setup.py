"""Makes this machine ready: `python3 tools/setup.py` (or `make setup`); run again, it does what is missing.

It needs Python 3.11 and, where something has to be built, Go; the standard library is enough.
"""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 (it runs under whichever python3 there is)
    sys.exit(
        f"setup: python3 is {sys.version.split()[0]} · 3.11 or newer is needed "
        "· put a newer python3 first on PATH"
    )

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.fresh_machine.main import main

if __name__ == "__main__":
    sys.exit(main())
