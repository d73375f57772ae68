"""Trains: python train.py --category all."""

import sys

from aifashion.cli import train_main as main

if __name__ == "__main__":
    sys.exit(main())
