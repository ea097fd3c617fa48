"""What a person sees while a run works: one line per step on stderr, data only on stdout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Progress:
    """Lines of progress; a spinner on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self.findings: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step: shown while it runs, then one line with its findings and seconds."""
        started = time.monotonic()
        self.findings = []
        with self._spinner(name):
            yield
        first, *others = self.findings or ["done"]
        self.line(name, first, time.monotonic() - started)
        for finding in others:
            self.line("", finding)

    def finding(self, text: str) -> None:
        """A short fact for the line of the running step."""
        self.findings.append(text)

    def line(self, name: str, text: str, seconds: float | None = None) -> None:
        """One finished line."""
        if not self._quiet:
            took = f" [dim]{seconds:.1f} s[/dim]" if seconds is not None else ""
            self._console.print(f"  [bold]{escape(name):<12}[/bold] {escape(text)}{took}", soft_wrap=True)

    def say(self, text: str) -> None:
        """A sentence between the steps."""
        if not self._quiet:
            self._console.print(escape(text), soft_wrap=True)

    @contextmanager
    def _spinner(self, name: str) -> Iterator[None]:
        if self._quiet or not self._console.is_terminal:
            yield
            return
        with self._console.status(f"  {name} ...", spinner="dots"):
            yield
