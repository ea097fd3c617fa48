"""What docs/performance.md says besides its figures."""

from __future__ import annotations

WHAT = {
    "ingest_json": "Gzip files of Segment's JSON lines to `silver.event`: everything that `habitue ingest` does, from the "
    "digests of the files to the commit, with clocks, keys, redaction, repeats, bots, quarantine and vault. `bare` is a plain "
    "plan of Spark that parses, digests, drops repeats and writes Parquet.",
    "session_event": "Visits and which visit each event belongs to, beside the visits alone (`sessions`).",
    "sessionize_day": "`habitue sessionize` after a day of one percent of the events, two percent of them late by up to a "
    "month, beside the whole stage on all events (`full`), both from Delta tables to Delta tables with the run's protocol.",
    "skew": "Visits where one visitor has a fifth of all events, beside the same events of visitors who are alike (`even`).",
    "sessionize": "Events to visits with all columns of `silver.session` but its row hash. DuckDB and Polars are "
    "written with their own expressions; `session_window` is Spark's own window, `spark_lag` the textbook's "
    "lag and running sum.",
    "components": "Links between identifiers to one row per identifier with its person: numbering, grouping, and "
    "the identifiers back. The history of each person, which resolve adds, is not part of it. `scipy`, `networkx` "
    "and `duckdb` (labels that travel along the links) work in one process. With `driver_tier` as peer, ours is "
    "the distributed tier, which takes over beyond 5 million links.",
    "crm_matching": "Customer records of two systems, a tenth of the persons twice and mistyped, to one row per record "
    "with its group, learnt without labels and without customer numbers: blocking, comparison, weights, clusters. "
    "`splink` runs on DuckDB, with its comparisons for persons, street and place as one of them, and pairs from 0.999 "
    "on. Beside them the sets of febrl, with and without their number of a state, by one configuration for all and with "
    "splink's pairs from 0.5 on, which is best for it there. The groups differ; `equal` means that ours are not worse "
    "than its, and right in 999 of 1,000 pairs.",
    "btyd_fit": "Buyers to the parameters of a BG/NBD model: distinct histories are counted in Spark and fitted on "
    "the driver. `numpy` is the same kernel without Spark, `ungrouped` the same without counting histories first. "
    "`lifetimes` gets counted histories with weights, and stops where the likelihood is as high to six digits.",
    "btyd_score": "Buyers to P(alive) and expected purchases within a year. `numpy` is the same kernel without "
    "Spark, `ungrouped` the same with every buyer by itself.",
    "boosted_score": "Profiles to churn probabilities with three reasons each: trees, their contributions, purchase "
    "model and calibration. `spark_udf` is MLflow's own way to score in Spark, `in_process` the same code without "
    "Spark: the limit.",
    "audiences": "Forty audiences against the first of them alone (`one`): cut-offs of percentiles, members, "
    "reasons, limits. Forty write the members of forty, so a ratio near 1 cannot be; 40 would be one pass each.",
    "profile": "Silver tables to one row per person with the 74 columns that identity, orders and visits tell, without "
    "the history of stages. `duckdb` is one script of SQL.",
    "growth": "The whole run from raw files to its release, training included, beside the same run on a tenth of "
    "the persons. A ratio below 10 means that part of the time does not grow with the data.",
    "increment": "The run after one day of new data (about one percent of the lines), beside a run of everything "
    "from the start. Profile, score and audiences are made anew for the new day, for everybody.",
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
- `growth` and `increment` run all stages in one warm session, each round on a lake of its own; they begin with
  size `medium`. `increment` is equal where the tables that take no day hold the same rows after the increment and after a
  full run; two sizes of `growth` cannot be equal, there it means that both were published and filled the same tables.
- `equal`: both results are compared row by row, doubles within the tolerance that the benchmark's module states.
  A difference fails the benchmark.
- Spark's own costs per job are near half a second on this machine. Below some 100,000 rows they are what is
  measured, and an engine inside the process is many times as fast.
"""
