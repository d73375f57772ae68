"""python -m aifashion"""

import sys

from aifashion.cli import main

if __name__ == "__main__":
    sys.exit(main())
