"""Finding files: globs, names, digests, repeats, files that are not whole, columns they have."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from habitue.errors import InputError
from habitue.sources.columns import check_columns, columns_of
from habitue.sources.files import SourceFile, check_rejected, find_files, readable
from habitue.sources.inputs import FoundInput, Input
from habitue.sources.settings import SourceSettings


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(files: tuple[SourceFile, ...]) -> list[str]:
    return [f.name for f in files]


def test_a_glob_a_folder_and_a_file_find_what_they_name(tmp_path: Path) -> None:
    for name in ("2023/a.csv", "2024/b.csv", "2024/deep/c.csv", "2024/notes.md", "_SUCCESS", ".hidden.csv"):
        put(tmp_path / "data" / name, name)
    assert names(find_files(["data/*/*.csv"], "csv", tmp_path)) == ["data/2023/a.csv", "data/2024/b.csv"]
    assert names(find_files(["data/**/*.csv"], "csv", tmp_path)) == [
        "data/2023/a.csv",
        "data/2024/b.csv",
        "data/2024/deep/c.csv",
    ]
    in_folder = find_files(["data"], "csv", tmp_path)
    assert names(in_folder) == [
        "data/2023/a.csv",
        "data/2024/b.csv",
        "data/2024/deep/c.csv",
        "data/2024/notes.md",
    ]
    assert [f.name for f in readable(in_folder)] == names(in_folder)[:3]
    assert in_folder[3].status == "ignored" and "does not end in .csv" in str(in_folder[3].reason)
    assert names(find_files(["data/2024/notes.md"], "csv", tmp_path)) == ["data/2024/notes.md"]
    assert names(find_files([(tmp_path / "data").as_uri() + "/2023"], "csv", tmp_path)) == [
        str(tmp_path / "data/2023/a.csv")
    ]


def test_an_archive_whose_name_says_only_that_it_is_compressed_is_read(tmp_path: Path) -> None:
    for name in ("1714557600.abc.1.gz", "part-00000.gz", "b.csv.gz", "c.tar.gz", "d.sql.gz"):
        put(tmp_path / "data" / name, gzip.compress(name.encode()))
    wanted = {
        format_: names(readable(find_files(["data"], format_, tmp_path))) for format_ in ("json", "csv")
    }
    assert wanted == {
        "json": ["data/1714557600.abc.1.gz", "data/part-00000.gz"],
        "csv": ["data/b.csv.gz"],  # where files say their format, others are not of it
    }


def test_an_empty_folder_and_a_glob_without_a_file_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for location in ("data", "data/*.csv", "nowhere"):
        with pytest.raises(InputError, match=r"holds no file to read"):
            find_files([location], "csv", tmp_path)
    put(tmp_path / "data" / "events.log", "{}")
    with pytest.raises(InputError) as other_names:
        find_files(["data"], "json", tmp_path)
    assert "found none, but data/events.log" in str(other_names.value)


def test_files_that_are_not_whole_are_rejected_and_content_that_repeats_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    put(folder / "empty.csv", "")
    put(folder / "half.csv.gz", gzip.compress(b"a,b\n" * 5000)[:-20])
    put(folder / "whole.csv.gz", gzip.compress(b"a,b\n"))
    put(folder / "part.csv.gz", gzip.compress(b""))
    put(folder / "one.csv", "a,b\n1,2\n")
    put(folder / "two.csv", "a,b\n1,2\n")
    found = {f.name: (f.status, f.reason) for f in find_files(["d"], "csv", tmp_path)}
    assert found == {
        "d/empty.csv": ("rejected", "has zero bytes"),
        "d/half.csv.gz": ("rejected", "is not a whole gzip file (EOFError)"),
        "d/whole.csv.gz": ("read", None),
        "d/part.csv.gz": ("ignored", "is ignored: it is empty when unpacked"),
        "d/one.csv": ("read", None),
        "d/two.csv": ("repeat", "repeats d/one.csv"),
    }
    with pytest.raises(InputError, match=r"2 of 5 files cannot be read"):
        check_rejected("shop", find_files(["d"], "csv", tmp_path), 0.2)
    check_rejected("shop", find_files(["d"], "csv", tmp_path), 0.4)


def test_a_parquet_file_without_its_footer_is_rejected(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    put(tmp_path / "b.parquet", whole[:-40])
    found = {f.name: f.status for f in find_files(["*.parquet"], "parquet", tmp_path)}
    assert found == {"a.parquet": "read", "b.parquet": "rejected"}


def columns_problem(tmp_path: Path, header: str, delimiter: str, mapped: dict[str, str]) -> str:
    put(tmp_path / "x.csv", header)
    options = {"delimiter": delimiter}
    settings = SourceSettings.model_validate(
        {
            "source": "s",
            "entity": "product",
            "format": "csv",
            "path": "x.csv",
            "options": options,
            "columns": mapped,
        }
    )
    found = FoundInput(
        Input("rows", "csv", ("x.csv",), dict(options)), find_files(["x.csv"], "csv", tmp_path)
    )
    with pytest.raises(InputError) as stop:
        check_columns(settings, columns_of(found))
    return str(stop.value)


def test_a_missing_column_names_the_nearest_and_a_wrong_delimiter_is_recognised(tmp_path: Path) -> None:
    text = columns_problem(
        tmp_path, "SKU;Nmae;Preis\n1;2;3\n", ";", {"product_number": "SKU", "name": "Name"}
    )
    assert "x.csv: Name is missing; did you mean Nmae?" in text
    text = columns_problem(tmp_path, "SKU;Name;Preis\n1;2;3\n", ",", {"product_number": "SKU"})
    assert "has one column only; is its delimiter ';'?" in text


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ('sku||"first name"\n1||x\n', {"delimiter": "||"}),
        ("sku\tfirst name\n1\tx\n", {"sep": "\\t"}),
        ("sku\x01first name\n1\x01x\n", {"delimiter": "\\u0001"}),
        ("sku;first name\n1;x\n", {"delimiter": ";", "quote": ""}),
        (
            "# of today\n# all\nsku\\first name\n1\\x\n",
            {"delimiter": "\\\\", "comment": "#", "header": "TRUE"},
        ),
    ],
)
def test_columns_are_told_apart_as_the_options_say(
    tmp_path: Path, header: str, options: dict[str, str | bool | int]
) -> None:
    put(tmp_path / "x.csv", header)
    wanted = Input("rows", "csv", ("x.csv",), options)
    (columns,) = columns_of(FoundInput(wanted, find_files(["x.csv"], "csv", tmp_path)))
    assert columns.names == ("sku", "first name")


def test_a_file_without_its_header_shows_no_customer(tmp_path: Path) -> None:
    mapped = {"product_number": "Kundennr", "name": "Name"}
    text = columns_problem(tmp_path, "4711;Ada;ada@example.com\n", ";", mapped)
    assert "none of the mapped columns is among its 3; does it begin with a line of their names?" in text
    assert "Ada" not in text and "4711" not in text and "example" not in text
