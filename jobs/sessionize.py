"""spark-submit entry point of the sessionize stage; takes the options of `habitue sessionize`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["sessionize", *sys.argv[1:]]))
