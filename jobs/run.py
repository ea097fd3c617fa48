"""spark-submit entry point of the whole run; takes the options of `habitue run`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
