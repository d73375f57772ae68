"""Looks: python demo.py draws predictions."""

import sys

from aifashion.cli import demo_main as main

if __name__ == "__main__":
    sys.exit(main())
