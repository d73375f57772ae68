"""The datasets: one module each, with its schema, its reader and its writer. Plain Python."""

from aifashion.datasets import fashionai

DATASETS = {"fashionai": fashionai}
