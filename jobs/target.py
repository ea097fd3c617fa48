"""spark-submit entry point of the target stage; takes the options of `habitue target`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["target", *sys.argv[1:]]))
