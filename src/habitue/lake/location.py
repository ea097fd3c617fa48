"""Where a lake and its tables lie: a folder or a URI."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from habitue.contracts.table import Table
from habitue.errors import ConfigError


class Location:
    """Root of a lake; `<root>/<layer>/<table>` is a table, `<root>/_habitue` habitue's own records."""

    def __init__(self, root: str) -> None:
        has_scheme = "://" in root
        self.root = root.rstrip("/") if has_scheme else Path(root).absolute().as_uri()

    @property
    def is_local(self) -> bool:
        """Whether the lake lies in a file system of this machine (or mounted on it)."""
        return self.root.startswith("file://")

    @property
    def folder(self) -> Path:
        """The local folder of the root; only for local lakes."""
        return Path(unquote(urlparse(self.root).path))

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
