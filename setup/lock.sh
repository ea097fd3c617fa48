#!/bin/sh
# Resolves every requirements/*.txt anew, with hashes and for every platform. Needs a network.
set -eu
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
.venv/bin/python -m venv "$tools" && "$tools/bin/python" -m pip install --quiet uv
lock() {
  "$tools/bin/uv" pip compile "$@" --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
    --no-emit-index-url --no-header --no-annotate
}
lock pyproject.toml --extra demo --extra test --extra dev -c requirements/constraints.in -o requirements/lock.txt
lock pyproject.toml -c requirements/lock.txt -o requirements/runtime.txt
lock requirements/build.in --allow-unsafe -o requirements/build.txt
lock requirements/java.in -o requirements/java.txt
.venv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' |
  lock - -c requirements/lock.txt -o requirements/bench.txt
