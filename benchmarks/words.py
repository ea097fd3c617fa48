"""What docs/performance.md says besides its figures."""

from __future__ import annotations

WHAT = {
    "sessionize": "Events to visits with all columns of `silver.session` but its row hash. DuckDB and Polars are "
    "written with their own expressions; `session_window` is Spark's own window, `spark_lag` the textbook's "
    "lag and running sum.",
}

METHOD = """
## How it is measured

- Each run reads Parquet and writes Parquet with Snappy: the whole transform with its write. What a stage does
  besides (comparing with the table before, the contract's checks, the commit of Delta) is part of `growth` and
  `increment`, not of the comparisons with other engines.
- One warm-up round is thrown away, then three rounds or more, in turns: ours, first peer, second peer, ours, ...
  Seconds are medians; ± is half the distance from the fastest to the slowest round.
- Warm: processes are up, code is compiled, the input lies in the file system's cache. Between runs garbage is
  collected and written pages are flushed, outside of the measured time.
- Two threads each, and the system keeps all processes on the same two cores. Each peer has a process of its own.
  What runs in Spark shares one process per benchmark (in size `small` one for all).
- Memory is the most that the process and its children held. For Spark that includes a heap which Java does not
  give back, so it says what must be there rather than what the work needs.
- `equal`: both results are compared row by row, doubles within the tolerance that the benchmark's module states.
  A difference fails the benchmark.
- Spark's own costs per job are near half a second on this machine. Below some 100,000 rows they are what is
  measured, and an engine inside the process is many times as fast.
"""

MISSING = """
## Not measured yet

- `crm_matching` beside Splink: habitue does not match records by similarity yet.
"""
