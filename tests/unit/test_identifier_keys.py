"""Keys of identifiers: the published HMAC, its spelling rules, and a pepper that never shows."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

import pyarrow as pa
import pytest

from habitue.errors import ConfigError
from habitue.identity.normalise import EmailSettings, NormaliseSettings, normalise
from habitue.privacy.keys import identifier_key, key_id, keyed_batch, make_pepper

PEPPER = b"0123456789abcdef0123456789abcdef"


def test_a_key_is_the_hmac_of_type_and_value() -> None:
    expected = hmac.new(PEPPER, b"email\x00ada@web.de", hashlib.sha256).hexdigest()
    assert identifier_key(PEPPER, "email", "ada@web.de") == expected
    assert identifier_key(PEPPER, "emai", "l\x00ada@web.de") != expected


def test_a_batch_of_lists_gets_the_same_keys() -> None:
    item = pa.struct([("id_type", pa.string()), ("value", pa.string())])
    rows = [[{"id_type": "email", "value": "A@b.de"}], [], None, [{"id_type": "phone", "value": "0171 1234567"}, {"id_type": "email", "value": "a@b.de"}, {"id_type": "email", "value": "A@B.de "}, {"id_type": "user_id", "value": None}]]  # fmt: skip
    keyed = keyed_batch(
        PEPPER, pa.array([None, *rows], pa.list_(item)).slice(1), NormaliseSettings()
    ).to_pylist()
    assert [[(i["id_type"], i["id_key"]) for i in row] for row in keyed] == [
        [("email", identifier_key(PEPPER, "email", "a@b.de"))],
        [],
        [],
        [
            ("email", identifier_key(PEPPER, "email", "a@b.de")),
            ("phone", identifier_key(PEPPER, "phone", "+491711234567")),
        ],
    ]


def test_a_telephone_number_without_a_prefix_is_one_of_its_records_country() -> None:
    number = pa.array(
        [[{"id_type": "phone", "value": "0664 1234567"}, {"id_type": "user_id", "value": "0664"}]] * 4 + [[]]
    )
    keyed = keyed_batch(PEPPER, number, NormaliseSettings(), pa.array(["AT", None, "DE", "ZA", "AT"]))
    assert [[item["value"] for item in row] for row in keyed.to_pylist()] == [
        ["+436641234567", "0664"],
        ["+496641234567", "0664"],  # of the project's country
        ["+496641234567", "0664"],
        ["0664"],  # how that country dials is not known, so it could be anybody's
        [],
    ]


def test_a_pepper_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "pepper"
    make_pepper(path)
    made = path.read_bytes().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(made) == 64
    with pytest.raises(ConfigError, match="exists already"):
        make_pepper(path)
    assert key_id(made) != key_id(PEPPER)
    assert key_id(PEPPER) == key_id(bytes(PEPPER))
    with pytest.raises(ConfigError, match="too short"):
        key_id(b"abc")


@pytest.mark.parametrize(
    ("id_type", "value", "expected"),
    [
        ("email", " Ada@Web.DE ", "ada@web.de"),
        ("email", "mailto:ada@web.de", "ada@web.de"),
        ("email", "a.da+shop@googlemail.com", "a.da+shop@gmail.com"),
        ("email", "noreply@web.de", None),
        ("email", "ada@example.com", None),
        ("email", "ada@web", None),
        ("phone", "0171 / 123 45 67", "+491711234567"),
        ("phone", "+49 (0)171-1234567", "+491711234567"),
        ("phone", "0049 171 1234567", "+491711234567"),
        ("phone", "12", None),
        ("customer_number", " 0042 ", "0042"),
        ("customer_number", "1111", "1111"),
        ("customer_number", "0000", None),
        ("customer_number", "99999999", None),
        ("customer_number", "unbekannt", None),
        ("device_id", "00000000-0000-0000-0000-000000000000", None),
        ("customer_number", "\u00a01001\u00a0", "1001"),
        ("email", "jo\u0308rg@web.de", "j\u00f6rg@web.de"),
        ("phone", "00000000", None),
        ("phone", "0111 1111111", None),
        ("phone", "+49 (0)171 1234567", "+491711234567"),
        ("user_id", "Ada", "Ada"),
        ("user_id", "shopify-admin", None),
    ],
)
def test_one_spelling_per_identifier_and_none_for_junk(
    id_type: str, value: str, expected: str | None
) -> None:
    assert normalise(id_type, value, NormaliseSettings()) == expected


def test_dots_and_words_behind_a_plus_count_unless_the_provider_is_configured() -> None:
    rules = EmailSettings(dots_ignored=("gmail.com",), plus_ignored=("gmail.com",))
    settings = NormaliseSettings(email=rules)
    assert normalise("email", "A.da+shop@googlemail.com", settings) == "ada@gmail.com"
    assert normalise("email", "a.da+shop@web.de", settings) == "a.da+shop@web.de"
