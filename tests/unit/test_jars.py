"""The jars of Delta Lake: complete, unaltered, and said so where not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from habitue.errors import DependencyError
from habitue.lake import fetch_jars, jars


@pytest.fixture
def two_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that should hold two tiny jars, and holds the first."""
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a.jar", "b.jar")}
    monkeypatch.setattr(jars, "SHA256", digests)
    monkeypatch.setattr(fetch_jars, "SHA256", digests)
    monkeypatch.setenv("HABITUE_JARS", str(tmp_path))
    (tmp_path / "a.jar").write_text("a.jar")
    return tmp_path


def test_missing_jars_are_named_with_what_to_do(two_jars: Path) -> None:
    with pytest.raises(DependencyError, match=r"(?s)b\.jar is missing.*make jars") as raised:
        jars.installed_jars()
    assert "a.jar" not in str(raised.value)
    assert raised.value.exit_code == 50


def test_complete_jars_are_listed_in_order(two_jars: Path) -> None:
    (two_jars / "b.jar").write_text("b.jar")
    assert jars.installed_jars() == [two_jars / "a.jar", two_jars / "b.jar"]
    assert jars.altered_jars(two_jars) == []


def test_an_altered_jar_is_named_with_both_digests(two_jars: Path) -> None:
    (two_jars / "b.jar").write_text("something else")
    [fault] = jars.altered_jars(two_jars)
    assert fault.startswith("b.jar has the SHA-256 digest ")
    assert fault.endswith(jars.SHA256["b.jar"])


def test_jars_that_are_not_the_expected_ones_are_not_installed(
    two_jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(scratch: Path, log_file: Path) -> None:
        (scratch / "jars").mkdir()
        (scratch / "jars" / "io.delta_a.jar").write_text("a.jar")
        (scratch / "jars" / "io.delta_b.jar").write_text("altered on the way")

    monkeypatch.setattr(fetch_jars, "_resolve", resolve)
    with pytest.raises(DependencyError, match="not the expected ones"):
        fetch_jars.fetch(tmp_path / "jars.log")
    assert not (two_jars / "b.jar").exists()


def test_the_environment_holds_the_jars_that_delta_needs() -> None:
    assert jars.altered_jars(jars.jar_folder()) == []
    assert f"delta-spark_4.2_2.13-{jars.DELTA_PACKAGE.rsplit(':', 1)[1]}.jar" in jars.SHA256


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "SSL_CERT_FILE"),
        ("Server access error at url (java.net.UnknownHostException)", "network"),
    ],
)
def test_a_failed_fetch_says_its_cause_in_one_line(log: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "jars.log").write_text(log)
    sentence = fetch_jars.why_not_fetched(tmp_path / "jars.log")
    assert said in sentence
    assert "\n" not in sentence


def test_the_certificates_of_python_and_of_named_files_are_trusted(tmp_path: Path) -> None:
    everywhere = fetch_jars.trusted_certificates({})
    one = everywhere[0].public_bytes(Encoding.PEM)
    (tmp_path / "own.pem").write_bytes(one)
    assert fetch_jars.trusted_certificates({"PIP_CERT": str(tmp_path / "own.pem")}) == everywhere
    assert len(everywhere) > 50
