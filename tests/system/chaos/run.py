"""``python tests/system/chaos/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    system = Path(__file__).parents[1]
    sys.path[:1] = [str(system), str(system.parent)]
    from chaos.command import main

    sys.exit(main())
