"""The files of a source: found, measured, digested, and refused where they cannot be whole."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import posixpath
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from habitue.errors import DependencyError, InputError

_CHUNK = 1 << 20
_GLOB = re.compile(r"[*?\[]")
_URI = re.compile(r"^[a-z][a-z0-9+.\-]*://", re.IGNORECASE)
_SUFFIXES = {
    "csv": (".csv", ".csv.gz", ".txt", ".txt.gz", ".tsv", ".tsv.gz"),
    "json": (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"),
    "parquet": (".parquet", ".pq"),
}
_UNNAMED = ("csv", "json")
"""Formats whose archives may lie in a folder as `part-00000.gz`, the ending naming the compression alone."""


@dataclass(frozen=True)
class SourceFile:
    """One file: its name as people know it, where Spark finds it, its content's digest, what becomes of it."""

    name: str
    location: str
    bytes: int
    sha256: str
    status: str = "read"  # read, rejected, repeat, ignored
    reason: str | None = None

    def rejected(self, reason: str) -> SourceFile:
        """The same file, not to be read."""
        return replace(self, status="rejected", reason=reason)


def find_files(locations: Sequence[str], format_: str, project: Path) -> tuple[SourceFile, ...]:
    """Every file of a source in the order of names, with its digest and whether it is whole.

    Content that an earlier file has is a repeat; a folder without a file is an InputError. What lies in a folder
    under a name of another format is ignored, and says so.
    """
    found: dict[str, tuple[fs.FileSystem, str]] = {}
    ignored: dict[str, tuple[fs.FileSystem, str]] = {}
    for location in locations:
        files = list(_expand(location, format_, project))
        wanted = {name: (system, path) for name, system, path, is_wanted in files if is_wanted}
        others = {name: (system, path) for name, system, path, is_wanted in files if not is_wanted}
        if not wanted:
            more = f", but {', '.join(sorted(others)[:3])}" if others else ""
            raise InputError(
                f"{location} holds no file to read.",
                [f"expected at least one {format_} file, found none{more}"],
                hint="Put the files there, or correct the path of the source; a pattern such as `folder/*` takes any name.",
            )
        found |= wanted
        ignored |= others
    with ThreadPoolExecutor(max_workers=8) as pool:
        examined = list(pool.map(lambda name: _examine(name, *found[name], format_), sorted(found)))
    reason = f"is ignored: its name does not end in {', '.join(_SUFFIXES.get(format_, ()))}"
    passed_over = [
        SourceFile(name, path, system.get_file_info(path).size, "", "ignored", reason)
        for name, (system, path) in ignored.items()
        if name not in found
    ]
    return tuple(sorted((*_mark_repeats(examined), *passed_over), key=lambda file: file.name))


def readable(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Those to read."""
    return tuple(f for f in files if f.status == "read")


def check_rejected(source: str, files: Sequence[SourceFile], limit: float) -> None:
    """Stop where too many of a source's files cannot be read; repeats do no harm and do not count."""
    rejected = [f for f in files if f.status == "rejected"]
    looked_at = sum(f.status != "ignored" for f in files)
    if rejected and len(rejected) / looked_at > limit:
        raise InputError(
            f"Source {source}: {len(rejected)} of {looked_at} files cannot be read, more than its limit of {limit:.0%}:",
            [f"{f.name}: {f.reason}" for f in rejected],
            hint="Deliver them again, take them away, or raise limits.max_rejected_file_share of the source.",
        )


def check_still_readable(source: str, files: Sequence[SourceFile], were_read: Mapping[str, str]) -> None:
    """Stop where a file of which rows were taken in is damaged now, however few such files there are.

    Without it these rows would go, objections among them, as if the source had taken them back. `were_read` gives by
    name the digests of then: where another file has that content, nothing is lost.
    """
    present = {f.sha256 for f in readable(files)}
    damaged = [
        f
        for f in files
        if f.status == "rejected" and f.name in were_read and were_read[f.name] not in present
    ]
    if damaged:
        raise InputError(
            f"Source {source}: rows were taken in from files that cannot be read any more:",
            [f"{f.name}: {f.reason}" for f in damaged],
            hint="Deliver them again; or take them away, and what they said goes with them.",
        )


def reject_unreadable(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """After a failed read of Parquet files: read each alone, to the last page, and reject those that cannot."""
    return tuple(
        f.rejected(reason) if f.status == "read" and (reason := _page_fault(f)) else f for f in files
    )


def open_system(location: str) -> tuple[fs.FileSystem, str]:
    """File system and path of a location (a local path, or a URI such as s3a://...)."""
    if not _URI.match(location):
        return fs.LocalFileSystem(), location
    system, path = fs.FileSystem.from_uri(re.sub("^s3[an]://", "s3://", location))
    return system, path


def _expand(location: str, format_: str, project: Path) -> Iterable[tuple[str, fs.FileSystem, str, bool]]:
    """Name, file system and path of all files of a location, and whether they are of the format by their name."""
    is_uri = bool(_URI.match(location))
    try:
        system, path = open_system(location if is_uri else str(project / location))
        base, pattern = _split_glob(path)
        info = system.get_file_info(base)
    except OSError as error:
        if not is_uri:
            raise
        raise DependencyError(
            f"{location} cannot be reached ({type(error).__name__}).",
            hint="Check address, network and credentials of that storage, or correct the path of the source.",
        ) from None
    if info.type == fs.FileType.File:
        candidates = {base: True}
    elif info.type == fs.FileType.Directory:
        listed = system.get_file_info(fs.FileSelector(base, recursive=True))
        inside = (i.path for i in listed if i.type == fs.FileType.File)
        visible = [path for path in inside if _is_visible(path, base)]
        candidates = {p: _wanted(p, base, pattern, format_) for p in visible}
        if pattern is None and format_ in _UNNAMED and not any(candidates.values()):
            candidates = {p: _is_bare_gzip(p) for p in visible}
        if pattern is not None:  # who names files means no others
            candidates = {p: True for p, is_wanted in candidates.items() if is_wanted}
    else:
        candidates = {}
    for candidate, is_wanted in candidates.items():
        yield _name(candidate, project, location if is_uri else None), system, candidate, is_wanted


def _split_glob(path: str) -> tuple[str, str | None]:
    """The deepest folder without a wildcard, and the pattern below it."""
    parts = path.split("/")
    first = next((i for i, part in enumerate(parts) if _GLOB.search(part)), None)
    if first is None:
        return path.rstrip("/") or "/", None
    return "/".join(parts[:first]) or "/", "/".join(parts[first:])


def _is_visible(path: str, base: str) -> bool:
    return not any(part.startswith((".", "_")) for part in path[len(base) :].lstrip("/").split("/"))


def _wanted(path: str, base: str, pattern: str | None, format_: str) -> bool:
    relative = path[len(base) :].lstrip("/")
    if pattern is None:
        return relative.lower().endswith(_SUFFIXES.get(format_, ("",)))
    return _matches(relative.split("/"), pattern.split("/"))


def _is_bare_gzip(path: str) -> bool:
    """Whether a name ends in .gz and in nothing before that which names a format; numbers are none."""
    stem, ending = posixpath.splitext(posixpath.basename(path.lower()))
    inner = posixpath.splitext(stem)[1].lstrip(".")
    return ending == ".gz" and (not inner or inner.isdigit())


def _matches(parts: list[str], patterns: list[str]) -> bool:
    """Glob by path part; `**` stands for any number of folders."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])


def _name(path: str, project: Path, uri: str | None) -> str:
    if uri is not None:
        scheme = uri.split("://", 1)[0]
        return path if scheme == "file" else f"{scheme}://{path}"
    absolute, root = posixpath.normpath(path), str(project.absolute())
    return posixpath.relpath(absolute, root) if absolute.startswith(root + "/") else absolute


_Stamp = tuple[str, str, str, int, int]
_examined: dict[_Stamp, SourceFile] = {}


def _examine(name: str, system: fs.FileSystem, path: str, format_: str) -> SourceFile:
    """What a file is. A run asks for each entity that a file feeds: one that did not change since is not read again."""
    info = system.get_file_info(path)
    if info.mtime_ns is None:
        return _read(name, system, path, format_)
    stamp = (name, path, format_, info.size, info.mtime_ns)
    if stamp not in _examined:
        _examined[stamp] = _read(name, system, path, format_)
    return _examined[stamp]


def _read(name: str, system: fs.FileSystem, path: str, format_: str) -> SourceFile:
    size, digest = 0, hashlib.sha256()
    try:
        with system.open_input_stream(path, compression=None) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
    except OSError as error:
        return SourceFile(name, path, size, "", "rejected", f"cannot be read: {type(error).__name__}")
    location = path if isinstance(system, fs.LocalFileSystem) else name
    file = SourceFile(name, location, size, digest.hexdigest())
    reason = _fault(system, path, size, format_)
    if reason == _NOTHING:  # a writer in parts leaves such ones: no fault, and nothing to read
        return replace(file, status="ignored", reason=reason)
    return file.rejected(reason) if reason else file


def _fault(system: fs.FileSystem, path: str, size: int, format_: str) -> str | None:
    if size == 0:
        return "has zero bytes"
    if path.lower().endswith(".gz"):
        return _gzip_fault(system, path)
    if format_ == "parquet":
        return _footer_fault(system, path)
    return None


_NOTHING = "is ignored: it is empty when unpacked"


def _gzip_fault(system: fs.FileSystem, path: str) -> str | None:
    is_empty = True
    try:
        with system.open_input_file(path) as raw, gzip.GzipFile(fileobj=raw) as stream:
            while stream.read(_CHUNK):
                is_empty = False
    except (EOFError, zlib.error, OSError) as error:
        return f"is not a whole gzip file ({type(error).__name__})"
    return _NOTHING if is_empty else None


def _footer_fault(system: fs.FileSystem, path: str) -> str | None:
    try:
        with system.open_input_file(path) as file:
            pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError):
        return "is not a whole Parquet file: its footer is missing or damaged"
    return None


def _page_fault(file: SourceFile) -> str | None:
    system, path = open_system(file.location)
    try:
        with system.open_input_file(path) as stream:
            for _ in pq.ParquetFile(stream, page_checksum_verification=True).iter_batches():
                pass
    except (pa.ArrowException, OSError, ValueError):
        return "is damaged: not all of its pages can be read"
    return None


def _mark_repeats(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    first: dict[str, str] = {}
    marked = []
    for file in files:
        if file.status == "read" and file.sha256 in first:
            marked.append(replace(file, status="repeat", reason=f"repeats {first[file.sha256]}"))
            continue
        if file.status == "read":
            first[file.sha256] = file.name
        marked.append(file)
    return tuple(marked)
