#!/bin/sh
# Finds a Python 3.11 or 3.12 and lets it set habitue up (setup/install.py). Does nothing where all is in place.
set -eu
cd "$(dirname "$0")/.."

works='import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
version='import sys; sys.stdout.write("%d.%d (%s)" % (sys.version_info[0], sys.version_info[1], sys.executable))'
found=
for python in .venv/bin/python ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3 python; do
  command -v "$python" >/dev/null 2>&1 || continue
  if "$python" -c "$works" >/dev/null 2>&1; then
    exec "$python" setup/install.py "$@"
  fi
  this=$("$python" -c "$version" 2>/dev/null) || continue
  case $this in 3.11*|3.12*) this="$this without the modules venv and ensurepip" ;; esac
  found="${found:+$found, }$this"
done
echo "habitue needs Python 3.11 or 3.12 with venv; found ${found:-none}. Install it (Debian or Ubuntu: apt install" \
  "python3.11-venv; macOS: brew install python@3.11), or run make PYTHON=/path/to/python3.11 setup." >&2
exit 1
