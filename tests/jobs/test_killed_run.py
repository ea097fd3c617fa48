"""A run that dies at any point leaves the last release readable, and is finished by starting it again.

A shop's first run is killed at a random instant, and the next one makes of what is left the lake that an undisturbed
one made. In `make accept` the shop is published, then a third file of orders arrives. One copy takes it in undisturbed.
Another one dies again and again: killed from outside at random instants, and in this process before its n-th
commit. Whatever the deaths leave behind, the next run makes of it what the undisturbed one made.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pytest

from habitue.contracts.decision import RELEASE
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.contracts.table import Table
from habitue.contracts.tables import TABLES
from habitue.lake.lake import Lake
from habitue.pipeline.execute import Request, execute
from habitue.pipeline.span import STAGES, Span
from habitue.registry.registry import MODEL_NAMES
from tests.jobs import small_shop
from tests.jobs.canaries import OPEN, found
from tests.jobs.conftest import Published, Shop
from tests.jobs.equal_lakes import COMPARED, assert_equal_lakes, differences

SEED = int(os.environ.get("HABITUE_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
KILLS = 5
DAYS = 40
"""Beyond 30 days the models are trained anew, which takes a third of such a run."""


class Died(BaseException):
    """Stands for the sudden end of the process."""


@contextmanager
def dying_before(name: str | None, seen: list[str]) -> Iterator[None]:
    """Let the run die before it commits to a table (None: never); `seen` gets the tables of the commits before."""

    def watched(commit: Callable[..., None]) -> Callable[..., None]:
        def commit_or_die(lake: Lake, table: Table, *more: object) -> None:
            if table.name == name:
                raise Died(name)
            seen.append(table.name)
            commit(lake, table, *more)

        return commit_or_die

    with pytest.MonkeyPatch.context() as patch:
        for commit in ("_write", "_commit"):
            patch.setattr(Lake, commit, watched(getattr(Lake, commit)))
        yield


def new_orders(shop: Shop) -> Shop:
    """A third file: customers of before buy again in the days after, and new ones come; and a tracker's."""
    known, later = [], small_shop.START + timedelta(days=small_shop.DAYS)
    draw = random.Random(3)
    for number in range(90):
        moment = later + timedelta(days=draw.uniform(0, DAYS))
        customer = draw.randrange(70)
        known.append(
            f"C{number};{small_shop.customer_number(customer)};{small_shop.email(customer)};"
            f"{moment:%d.%m.%Y %H:%M};A{draw.randint(1, 30)};1;{draw.randint(5, 50)},95"
        )
    small_shop.write_orders(shop.folder / "data" / "orders_3.csv", known)
    small_shop.write_visits(shop.folder)
    return shop


@dataclass(frozen=True)
class Undisturbed:
    """The shop after a whole run on the new orders: tables of its commits in order, and how long it took."""

    shop: Shop
    commits: tuple[str, ...]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(copied: Callable[[Path], Shop], tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What every disturbed run has to end with."""
    shop = new_orders(copied(tmp_path_factory.mktemp("undisturbed") / "shop"))
    commits: list[str] = []
    started = time.monotonic()
    with dying_before(None, commits):
        finish(shop)
    return Undisturbed(shop, tuple(dict.fromkeys(commits)), time.monotonic() - started)


def dies_unless(known: str) -> Callable[[Path, str], None]:
    """Shows the exports of the known run, as every run does when it begins, and dies at those of another."""

    def show(project: Path, run_id: str) -> None:
        if run_id != known:
            raise Died

    return show


def finish(shop: Shop, last: str = STAGES[-1]) -> None:
    """A run that nothing disturbs, up to a stage."""
    request = Request(shop.folder, span=Span(last=last), quiet=True)
    assert execute(request).record.exit_code == 0


def dies_before(shop: Shop, table: str) -> None:
    """A run that dies before it commits to the table."""
    with dying_before(table, []), pytest.raises(Died):
        execute(Request(shop.folder, quiet=True))


def killed(shop: Shop, seconds: float, *options: str) -> int | None:
    """A run in a process group of its own, killed so long after it took the lease; its code if it ended before."""
    code = "import sys; from habitue.cli import main; sys.exit(main(sys.argv[1:]))"
    token = lease_token(shop)
    with (shop.folder / "killed.log").open("ab") as log:
        command = [sys.executable, "-c", code, "--project", str(shop.folder), "run", *options]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            while lease_token(shop) == token and process.poll() is None:
                time.sleep(0.1)
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def lease_token(shop: Shop) -> int:
    """Token of the newest lease, 0 before the first."""
    lease = shop.location.records() / "lease.json"
    return int(json.loads(lease.read_text())["token"]) if lease.exists() else 0


def assert_last_release_is_readable(shop: Shop, published: Shop) -> None:
    """The release of before is still the last one, and all of its versions read as they did."""
    release = shop.releases()[0]
    assert release == published.releases()[0]
    found = differences(
        shop.spark, shop.location, published.location,
        left_versions=release.versions, right_versions=release.versions,
        tables=[table for table in COMPARED if table.name in release.versions],
    )  # fmt: skip
    assert found == []


def test_a_first_run_killed_at_any_instant_is_finished_by_the_next_one(
    published: Published, tmp_path: Path
) -> None:
    sys.stderr.write(f"HABITUE_KILL_SEED={SEED}\n")
    shop = Shop(tmp_path / "shop", published.shop.spark)
    for name in ("conf", "data", "secrets"):
        shutil.copytree(published.shop.folder / name, shop.folder / name)
    resolved = STAGES[: STAGES.index("resolve") + 1]
    steps = [step for step in published.shop.record().steps if step.name.split()[0] in resolved]
    seconds = random.Random(SEED).uniform(0.05, 1) * sum(step.seconds for step in steps)
    assert killed(shop, seconds, "--to", resolved[-1]) in (None, 0), (shop.folder / "killed.log").read_text()
    finish(shop, resolved[-1])
    tables = [table for table in COMPARED if table.layer == "silver"]
    assert differences(shop.spark, shop.location, published.shop.location, tables=tables) == []
    assert shop.releases() == []
    assert list((shop.location.records() / "scratch").iterdir()) == []
    assert found(shop.folder, *OPEN, "killed.log") == []


@pytest.mark.accept
def test_a_run_killed_at_any_instant_is_finished_by_the_next_one(
    published: Published, undisturbed: Undisturbed, copied: Callable[[Path], Shop], tmp_path: Path
) -> None:
    sys.stderr.write(f"HABITUE_KILL_SEED={SEED}\n")
    draw = random.Random(SEED)
    shop = new_orders(copied(tmp_path / "shop"))
    for kill in range(KILLS):
        code = killed(shop, draw.uniform(0.05, 1) * undisturbed.seconds)
        if code is not None:  # it was faster: look at what it made
            assert code == 0, (shop.folder / "killed.log").read_text()
            assert_equal_lakes(shop.spark, shop.location, undisturbed.shop.location)
        # where its release was out already, go on with a new copy
        if len(shop.releases()) > 1 and kill < KILLS - 1:
            shop = new_orders(copied(tmp_path / f"shop{kill}"))
    if len(shop.releases()) == 1:
        assert_last_release_is_readable(shop, published.shop)
    finish(shop)
    assert len(shop.releases()) == 2
    assert_equal_lakes(shop.spark, shop.location, undisturbed.shop.location)
    assert list((shop.location.records() / "scratch").iterdir()) == []
    assert found(shop.folder, *OPEN, "killed.log") == []


@pytest.mark.accept
def test_a_run_that_dies_before_a_commit_or_before_its_record_is_finished_by_the_next_one(
    published: Published, undisturbed: Undisturbed, copied: Callable[[Path], Shop], tmp_path: Path
) -> None:
    """The deaths follow each other in one lake, a stage further each time."""
    stages = {table.name: table.stage for table in TABLES}
    sys.stderr.write(f"HABITUE_KILL_SEED={SEED}\n")
    draw = random.Random(SEED)
    *commits, last = undisturbed.commits
    assert last == RELEASE.name and CUSTOMER_PROFILE.name in commits
    shop = new_orders(copied(tmp_path / "shop"))
    for _, names in groupby(commits, stages.__getitem__):  # a later stage has written nothing yet
        dies_before(shop, draw.choice(list(names)))
        assert shop.releases() == published.shop.releases()
    assert_last_release_is_readable(shop, published.shop)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):  # its release is out, its record is not
        patch.setattr("habitue.stages.publish.show_exports", dies_unless(published.shop.releases()[0].run_id))
        execute(Request(shop.folder, quiet=True))
    assert len(shop.releases()) == 2
    finish(shop)
    assert_equal_lakes(shop.spark, shop.location, undisturbed.shop.location)
    assert {step.outcome for step in shop.record().steps if step.name != "publish"} == {"unchanged"}
    assert shop.releases()[0].release_id in (shop.folder / "report" / "index.html").read_text(
        encoding="utf-8"
    )
    assert list((shop.location.records() / "scratch").iterdir()) == []


def test_a_model_half_registered_when_the_run_died_is_trained_again(
    copied: Callable[[Path], Shop], tmp_path: Path
) -> None:
    shop = copied(tmp_path / "shop")
    champions = {name: shop.registry.champion(name) for name in MODEL_NAMES}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr("mlflow.MlflowClient.set_registered_model_alias", _dies)
        execute(Request(shop.folder, span=Span("train", "train"), retrain=True, quiet=True))
    assert {name: shop.registry.champion(name) for name in MODEL_NAMES} == champions
    assert len(shop.registry.versions("churn")) == 1, "the version without its alias is passed over"


def _dies(*_: object, **__: object) -> None:
    raise Died
