"""spark-submit entry point of the score stage; takes the options of `habitue score`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["score", *sys.argv[1:]]))
