"""spark-submit entry point of the profile stage; takes the options of `habitue profile`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["profile", *sys.argv[1:]]))
