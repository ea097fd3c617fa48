"""The only users of SparkSession and Delta: session, reading, writing, lease, fingerprints, release.

This file imports nothing on purpose: set-up reads `java` and `machine` before any package is installed.
"""
