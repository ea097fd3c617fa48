"""`make jars`: fetch the jars of Delta Lake once, by Spark's own resolver, and check their digests."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import certifi
from cryptography.hazmat.primitives.hashes import SHA256 as SHA256Digest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, load_pem_x509_certificate

from habitue.errors import DependencyError
from habitue.lake.jars import DELTA_PACKAGE, SHA256, altered_jars, jar_folder, spark_home
from habitue.lake.java import java_home, shipped_home

ALREADY_IN_PYSPARK = (
    "com.fasterxml.jackson.core:*",
    "com.github.luben:*",
    "com.google.code.findbugs:*",
    "commons-logging:*",
    "commons-pool:*",
    "io.airlift:*",
    "javax.annotation:*",
    "org.apache.hadoop:*",
    "org.apache.logging.log4j:*",
    "org.apache.parquet:*",
    "org.locationtech.jts:*",
    "org.roaringbitmap:*",
    "org.slf4j:*",
    "org.xerial.snappy:*",
)
"""What the resolver leaves out; older copies of these would only stand in the way of PySpark's own."""

_RESOLVE_SECONDS = 600


def fetch(log_file: Path) -> Path:
    """Fetch the jars into `jar_folder()` unless they are there; the resolver's chatter goes to `log_file`."""
    folder = jar_folder()
    if not altered_jars(folder):
        return folder
    with tempfile.TemporaryDirectory(prefix="habitue-jars-") as scratch:
        _resolve(Path(scratch), log_file)
        fetched = Path(scratch, "verified")
        _unprefix(Path(scratch, "jars"), fetched)
        faults = altered_jars(fetched)
        if faults:
            raise DependencyError(
                "The jars of Delta Lake that were fetched are not the expected ones:",
                faults,
                hint=f"Nothing was installed. See {log_file}; a proxy or mirror may have changed them.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        for name in SHA256:
            shutil.copyfile(fetched / name, folder / f".{name}.part")
            os.replace(folder / f".{name}.part", folder / name)
    return folder


def _resolve(scratch: Path, log_file: Path) -> None:
    """Let spark-submit resolve the package into `scratch/jars`, by running a program that does nothing."""
    program = scratch / "nothing.py"
    program.write_text("")
    command = [
        str(spark_home() / "bin" / "spark-submit"),
        *("--packages", DELTA_PACKAGE, "--exclude-packages", ",".join(ALREADY_IN_PYSPARK)),
        *("--conf", f"spark.jars.ivy={scratch}", *_trust(scratch), str(program)),
    ]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("wb") as log:
        try:
            answer = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                timeout=_RESOLVE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DependencyError(
                f"The jars of Delta Lake did not arrive within {_RESOLVE_SECONDS // 60} minutes.",
                hint=f"Check the network and its proxy, then run make setup again. See {log_file}.",
            ) from None
    if answer.returncode:
        raise DependencyError(why_not_fetched(log_file))


def why_not_fetched(log_file: Path) -> str:
    """Turn the resolver's log into one sentence with what to do."""
    if "SSLHandshakeException" in log_file.read_text(errors="replace"):
        cause = (
            "Java does not trust the certificate of the Maven repository (a proxy may have put its own there)"
        )
        remedy = "Name a file with the right certificates in SSL_CERT_FILE"
    else:
        cause = "the network or the Maven repository did not answer"
        remedy = "They are needed once; connect"
    return (
        f"The jars of Delta Lake ({DELTA_PACKAGE}) could not be fetched: {cause}. "
        f"{remedy} and run `make jars` again. Details: {log_file}"
    )


def _trust(scratch: Path) -> list[str]:
    """Let the shipped runtime trust what this Python trusts; a Java of the user's own has its own."""
    if java_home().home != shipped_home():
        return []
    store = scratch / "trusted.p12"
    trusted = [PKCS12Certificate(certificate, None) for certificate in trusted_certificates(os.environ)]
    store.write_bytes(serialize_java_truststore(trusted, BestAvailableEncryption(b"public")))
    options = f'"-Djavax.net.ssl.trustStore={store}" -Djavax.net.ssl.trustStorePassword=public'
    return ["--driver-java-options", options]


def trusted_certificates(environ: Mapping[str, str]) -> list[Certificate]:
    """Return the certificates of the authorities that Python's TLS, pip or the person trusts."""
    named = (environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundles = [certifi.where(), ssl.get_default_verify_paths().cafile, *named]
    found: dict[bytes, Certificate] = {}
    for bundle in bundles:
        if bundle and Path(bundle).is_file():
            for certificate in _certificates(Path(bundle).read_bytes()):
                found[certificate.fingerprint(SHA256Digest())] = certificate
    return list(found.values())


def _certificates(bundle: bytes) -> Iterator[Certificate]:
    """Read what can be read: bundles of old systems hold certificates that break today's rules."""
    for block in re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL):
        with suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            yield load_pem_x509_certificate(block)


def _environment() -> dict[str, str]:
    """Return an environment in which spark-submit uses this PySpark and this Python."""
    environment = {**os.environ, "JAVA_HOME": str(java_home().home), "SPARK_HOME": str(spark_home())}
    environment |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return environment


def _unprefix(resolved: Path, target: Path) -> None:
    """Copy `io.delta_delta-storage-4.4.0.jar` to `delta-storage-4.4.0.jar` for every jar that is known."""
    target.mkdir()
    for name in SHA256:
        for jar in resolved.glob(f"*_{name}"):
            shutil.copyfile(jar, target / name)


def main() -> int:
    """Fetch the jars (`make jars`)."""
    try:
        folder = fetch(jar_folder().parent / "jars.log")
    except DependencyError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    sys.stderr.write(f"The jars of Delta Lake are in {folder}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
