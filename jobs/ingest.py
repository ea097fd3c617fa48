"""spark-submit entry point of the ingest stage; takes the options of `habitue ingest`."""

import sys

from habitue.cli import main

if __name__ == "__main__":
    sys.exit(main(["ingest", *sys.argv[1:]]))
