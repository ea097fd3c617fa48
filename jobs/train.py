"""spark-submit entry point of the train stage; takes the options of `habitue train`."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # this folder: its profile.py would hide Python's own

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
