"""Starting processes from a library, whose caller may be a script without a guard."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def no_main() -> Iterator[None]:
    """Keeps new processes from running the caller's script again, which they need nothing of.

    It may have no `if __name__ == "__main__"`, be typed at a prompt, or import TensorFlow.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
