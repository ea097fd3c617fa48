"""Candidate pairs: records that share a key of at least one blocking pass, with caps and a report of what they cost.

Passes are made from the roles of the fields, so any table of persons gets them. Wide
ones (the month of birth alone) find the badly mistyped in a small table; in a large one
they make too many pairs and are left out as a whole, since the narrow ones (birth date
and the sound of a name) then have blocks of a good size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.identity.matching.cologne_phonetics import cologne_code
from habitue.identity.matching.comparisons import PARTICLES, RANGE, SOUND
from habitue.identity.matching.patterns import Pattern
from habitue.identity.matching.settings import MatchingSettings

LETTERS = 5
"""Beginning of a street or town that serves as a key."""
PAIRS_AT_EASE = 2_000_000
"""So many pairs cost seconds: small tables, in which the wide passes find the badly mistyped, may have all of them."""
WHOLE_DATE = "birth:day:"
"""Begins the names of keys that hold a whole date of birth."""
BIRTH_YEAR = "birth:year:"
"""Begins the names of keys that hold the year of it."""


@dataclass(frozen=True)
class BlockingPass:
    """What one pass found: pairs it gives, and what was too large for it."""

    name: str
    pairs: int
    capped_blocks: int
    capped_records: int
    is_used: bool


def keys(pattern: Pattern, atoms: dict[str, Column]) -> dict[str, Column]:
    """Key of every pass by name, made of columns of atoms; null where a record lacks what the key is made of."""
    found = {
        name: F.when(column.isNotNull(), F.xxhash64(F.lit(name), column))  # a digest of nothing is no null
        for name, column in atoms.items()
        if name.endswith("!")
    }
    of: dict[str, list[str]] = {}
    for name in atoms:
        of.setdefault(name.partition(":")[0], []).append(name)
    names, places = of.get("sound", []), of.get("place", [])
    dates, numbers = of.get("birth", []), of.get("house", [])
    for one, two in _products(names, [*dates, *places, *numbers, *of.get("domain", [])]):
        found[f"{one} {two}"] = _key(atoms, one, two)
    for one, two in _products(places, [*numbers, *(d for d in dates if not d.startswith(WHOLE_DATE))]):
        found[f"{one} {two}"] = _key(atoms, one, two)
    for one, two in _products(of.get("domain", []), [d for d in dates if d.startswith(BIRTH_YEAR)]):
        found[f"{one} {two}"] = _key(atoms, one, two)
    for i, one in enumerate(places):
        for two in places[i + 1 :]:
            found[f"{one} {two}"] = _key(atoms, one, two)
    roles = {f"sound:{f.column}": f.role for f in pattern.fields}
    # a frequent name fills a block of its town, so the whole name has one there too
    finer = [*places, *of.get("domain", []), *(d for d in dates if d.startswith(BIRTH_YEAR))]
    for one, two in _products(*([n for n in names if roles[n] == role] for role in ("given", "family"))):
        both = F.array_sort(F.array(atoms[one], atoms[two]))  # in either order: they may be swapped
        complete = atoms[one].isNotNull() & atoms[two].isNotNull()
        found[f"{one} {two}"] = F.when(complete, F.xxhash64(F.lit("both"), both))
        for third in finer:
            is_finer = complete & atoms[third].isNotNull()
            found[f"{one} {two} {third}"] = F.when(is_finer, F.xxhash64(F.lit(third), both, atoms[third]))
    return found


def has_keys(pattern: Pattern) -> bool:
    """Whether the fields make any key; a family name and a region alone do not."""
    return bool(keys(pattern, dict(_atoms(pattern))))


def blocked(records: DataFrame, pattern: Pattern) -> DataFrame:
    """Rows of (pass, key, code)."""
    atoms = dict(_atoms(pattern))
    own = {name: f"atom_{place}" for place, name in enumerate(atoms)}
    # columns of their own: each is part of many keys, and would be worked out for every one of them
    parted = records.select("code", *(atoms[name].alias(column) for name, column in own.items()))
    columns = {name: F.col(column) for name, column in own.items()}
    entries = [
        F.when(key.isNotNull(), F.struct(F.lit(name).alias("pass"), key.alias("key")))
        for name, key in keys(pattern, columns).items()
    ]
    return parted.select("code", F.explode(F.array_compact(F.array(*entries))).alias("block")).select(
        "code", "block.pass", "block.key"
    )


def report(blocks: DataFrame, records: int, settings: MatchingSettings) -> list[BlockingPass]:
    """What each pass gives, collected: one row per pass."""
    size = F.col("n")
    fits = size <= settings.block_limit
    sizes = blocks.groupBy("pass", "key").agg(F.count(F.lit(1)).alias("n")).where("n > 1")
    found = sizes.groupBy("pass").agg(
        F.coalesce(F.sum(F.when(fits, size * (size - 1) / 2)), F.lit(0)).cast("bigint").alias("pairs"),
        F.count(F.when(~fits, 1)).alias("blocks"),
        F.coalesce(F.sum(F.when(~fits, size)), F.lit(0)).alias("records"),
    )
    rows = sorted(found.collect(), key=lambda r: str(r["pass"]))
    used = _within({r["pass"]: r["pairs"] for r in rows}, records, settings)
    return [BlockingPass(r["pass"], r["pairs"], r["blocks"], r["records"], r["pass"] in used) for r in rows]


def _within(pairs: dict[str, int], records: int, settings: MatchingSettings) -> set[str]:
    """Passes that are not too large alone, the small ones first, as long as they are not too many together.

    What a small pass finds shares more than what a large one does, and most true pairs are found by several.
    """
    alone = settings.pairs_per_record * records
    together = max(settings.pairs_in_all * records, PAIRS_AT_EASE)
    found, total = set(), 0
    for name in sorted(pairs, key=lambda name: (pairs[name], name)):
        total += pairs[name]
        if pairs[name] <= alone and total <= together:
            found.add(name)
    return found


def candidates(blocks: DataFrame, passes: list[BlockingPass], settings: MatchingSettings) -> DataFrame:
    """Pairs that share a block of a pass in use, each once: a record (`a`) with `others`, which have larger codes.

    Lists and no rows of pairs, since pairs are many times as many as records.
    """
    used = [p.name for p in passes if p.is_used]
    members = (
        blocks.where(F.col("pass").isin(*used))
        .groupBy("pass", "key")
        .agg(F.array_sort(F.collect_list("code")).alias("codes"))
        .where((F.size("codes") > 1) & (F.size("codes") <= settings.block_limit))
    )
    ones = members.select(F.posexplode("codes").alias("place", "a"), "codes")
    later = F.slice("codes", F.col("place") + 2, F.size("codes")).alias("later")
    met = ones.where(F.col("place") + 1 < F.size("codes")).select("a", later)
    return met.groupBy("a").agg(F.array_distinct(F.flatten(F.collect_list("later"))).alias("others"))


def _atoms(pattern: Pattern) -> Iterator[tuple[str, Column]]:
    """What keys are made of, as `kind:column`; those that serve alone end with an exclamation mark."""
    parts = [f.column for f in pattern.fields if f.role == "birth" and f.comparison != "date"]
    if len(parts) > 1:  # year, month and day in columns of their own
        yield f"{WHOLE_DATE}{'_'.join(parts)}!", F.concat(*(p for c in parts for p in (F.col(c), F.lit("-"))))
    for field in pattern.fields:
        name, value = field.column, F.col(field.column)
        if field.role in ("given", "family"):
            first = _FIRST_FAMILY_WORD if field.role == "family" else _FIRST_WORD
            yield f"sound:{name}", _sound_of_first_word(F.substring_index(value, SOUND, 1), first)
        elif field.role == "birth" and field.comparison == "date":
            year, month, day = value.substr(1, 4), value.substr(5, 2), value.substr(7, 2)
            yield f"{WHOLE_DATE}{name}!", value
            yield f"{BIRTH_YEAR}{name}", year
            yield f"birth:year_month:{name}!", F.concat(year, month)
            yield f"birth:month_day:{name}!", F.concat(month, day)
            yield f"birth:year_day:{name}!", F.concat(year, day)
        elif field.role == "birth":
            yield f"birth:part:{name}", value
        elif field.role == "address" and field.comparison == "number":
            yield f"house:{name}", F.substring_index(value, RANGE, 1)
        elif field.role == "address" and field.comparison != "exact":
            beginning = F.replace(value, F.lit(" "), F.lit("")).substr(1, LETTERS)
            yield f"place:{name}", value if field.comparison == "code" else beginning
        elif field.role == "email":
            yield f"mail:{name}!", value
            yield f"box:{name}!", F.substring_index(value, "@", 1)
            yield f"domain:{name}", F.when(value.contains("@"), F.substring_index(value, "@", -1))
        elif field.role == "phone":
            yield f"phone:{name}!", value
            yield f"line:{name}!", F.right(value, F.lit(7))
        elif field.role == "number":
            yield f"number:{name}!", value


def _products(ones: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    yield from ((one, other) for one in ones for other in others)


def _key(atoms: dict[str, Column], one: str, two: str) -> Column:
    complete = atoms[one].isNotNull() & atoms[two].isNotNull()
    return F.when(complete, F.xxhash64(F.lit(f"{one} {two}"), atoms[one], atoms[two]))


def _sound_of_first_word(name: Column, form: str) -> Column:
    """Sound of the first word that is no particle: `anna maria` and `anna`, `van den berg` and `berg` meet.

    A name in another script has no such sound, and is known by its beginning.
    """
    # one form of the word that people write as two, and as `Mc` or `Mac`
    word = F.regexp_replace(F.regexp_extract(name, form, 1), "^ma?c (?=.)|^mc(?=.)", "mac")
    solid = F.replace(word, F.lit(" "), F.lit(""))
    return F.coalesce(cologne_code(word), F.nullif(solid.substr(1, LETTERS), F.lit("")))


def _first_word(joined: str) -> str:
    """Form of the first word; one of those that are `joined` is part of the next."""
    return rf"^(?:(?:{'|'.join(sorted(PARTICLES))}) (?=.))*+((?:(?:{joined}) )?[^ ]+)"


_FIRST_WORD = _first_word("mac|mc")
_FIRST_FAMILY_WORD = _first_word("mac|mc|dell|[a-z]")
"""A family name does not begin with an initial: O Brien, D Angelo, t Hart."""
