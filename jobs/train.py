"""spark-submit entry point of the train stage; takes the options of `habitue train`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
