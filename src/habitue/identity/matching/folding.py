"""One spelling for names and codes, as native expressions: umlauts written out, marks taken off."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

WRITTEN_OUT = (
    ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("a\u0308", "ae"), ("o\u0308", "oe"), ("u\u0308", "ue"),
    ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"),
)  # fmt: skip
"""Letters that become two; the umlauts also where they arrive as a letter and a combining mark."""
WITH_MARKS = "àáâãåāăąçćčĉċďđðèéêëēėęěĕğģġĝħĥìíîïīįıĭĩĵķłļľĺŀñńňņòóôõøōőŏŕřŗśşšșŝţťțŧùúûūůűųŭũŵýÿŷžźż"
PLAIN = "aaaaaaaacccccdddeeeeeeeeegggghhiiiiiiiiijklllllnnnnoooooooorrrssssstttt" + "uuuuuuuuuwyyyzzz"
COMBINING = "[\u0300-\u036f]"
LONGEST = 80
"""Characters of a street or name that is taken apart; a longer text could be parted in very many ways."""


def folded(text: Column) -> Column:
    """Small letters and digits, words parted by one blank; null where nothing is left."""
    small = F.lower(text)
    written_out = reduce(lambda c, rule: F.replace(c, F.lit(rule[0]), F.lit(rule[1])), WRITTEN_OUT, small)
    plain = F.regexp_replace(F.translate(written_out, WITH_MARKS, PLAIN), COMBINING, "")
    # most texts are plain as they are, and looking at every letter takes longer than all the rest
    is_plain = F.octet_length(small) == F.length(small)
    words = F.trim(F.regexp_replace(F.when(is_plain, small).otherwise(plain), r"[^\p{L}\p{N}]+", " "))
    return _filled(words)


def code(text: Column) -> Column:
    """Letters and digits alone, for postal codes, phones and numbers of any kind."""
    return _filled(F.replace(folded(text), F.lit(" "), F.lit("")))


def _filled(text: Column) -> Column:
    return F.nullif(text, F.lit(""))
