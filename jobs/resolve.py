"""spark-submit entry point of the resolve stage; takes the options of `habitue resolve`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["resolve", *sys.argv[1:]]))
