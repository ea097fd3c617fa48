"""Where a lake and its tables lie: a folder or a URI."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from pyarrow import fs

from habitue.contracts.table import Table
from habitue.errors import ConfigError

_LOCAL = "file://"


def spark_path(folder: Path) -> str:
    """A local folder as Spark takes it: a URI whose letters are not encoded, since Hadoop decodes none."""
    return f"{_LOCAL}{folder.absolute()}"


def open_filesystem(uri: str) -> tuple[fs.FileSystem, str]:
    """File system and path of what lies in a lake."""
    if uri.startswith(_LOCAL):
        return fs.LocalFileSystem(), uri.removeprefix(_LOCAL)
    system, path = fs.FileSystem.from_uri(uri)
    return system, path


class Location:
    """Root of a lake; `<root>/<layer>/<table>` is a table, `<root>/_habitue` habitue's own records."""

    def __init__(self, root: str) -> None:
        if root.startswith(_LOCAL):
            root = unquote(root.removeprefix(_LOCAL))
        self.root = root.rstrip("/") if "://" in root else spark_path(Path(root))

    @property
    def is_local(self) -> bool:
        """Whether the lake lies in a file system of this machine (or mounted on it)."""
        return self.root.startswith(_LOCAL)

    @property
    def folder(self) -> Path:
        """The local folder of the root; only for local lakes."""
        return Path(self.root.removeprefix(_LOCAL))

    def table(self, table: Table) -> str:
        """URI of a table."""
        return f"{self.root}/{table.layer}/{table.leaf}"

    def records(self) -> Path:
        """Folder of run records, lease and lake identity.

        Delta on an object store needs a mutual exclusion that a file cannot give, so
        only lakes on a mounted file system are taken.
        """
        if not self.is_local:
            raise ConfigError(
                f"The lake {self.root} does not lie on a mounted file system:",
                ["expected a folder or a file:// URI that driver and workers share"],
            )
        return self.folder / "_habitue"
