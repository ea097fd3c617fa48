"""spark-submit entry point of the score stage; takes the options of `habitue score`."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # this folder: its profile.py would hide Python's own

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["score", *sys.argv[1:]]))
