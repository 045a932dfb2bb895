"""``python tests/chaos/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    from chaos.command import main

    sys.exit(main())
