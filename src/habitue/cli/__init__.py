"""The `habitue` command: stdout is data, stderr is progress."""

from habitue.cli.app import main

__all__ = ["main"]
