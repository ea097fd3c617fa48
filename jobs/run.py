"""spark-submit entry point of the whole run; takes the options of `habitue run`."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # this folder: its profile.py would hide Python's own

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
