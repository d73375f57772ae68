"""Tests: python test.py writes submission.csv."""

import sys

from aifashion.cli import test_main as main

if __name__ == "__main__":
    sys.exit(main())
