"""What all jobs share: the run, its progress and its record."""

from habitue.job.progress import Progress
from habitue.job.record import RunRecord
from habitue.job.run import Run

__all__ = ["Progress", "Run", "RunRecord"]
