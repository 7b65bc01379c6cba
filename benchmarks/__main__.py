"""`python -m benchmarks`: the same as scripts/bench, without looking after the installation."""

import sys

from benchmarks.command import main

if __name__ == "__main__":
    sys.exit(main())
