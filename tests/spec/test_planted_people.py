"""The synthetic lake, block by block: what is drawn has the planted distribution, and the truth agrees with the files."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from functools import cache

import numpy as np
import pytest
from scipy import stats

from habitue.models.metrics import roc_auc
from habitue.synth import process, records
from habitue.synth.attainable import attainable, seen
from habitue.synth.lake import block_lines
from habitue.synth.people import JUNK_EMAIL, JUNK_PHONE, draw_devices, draw_people
from habitue.synth.settings import BLOCK, Block, SynthSettings
from habitue.synth.visits import draw_visits

SETTINGS = SynthSettings(persons=2 * BLOCK, days=365, seed=11)


@cache
def files(settings: SynthSettings = SETTINGS, number: int = 0) -> dict[str, list[str]]:
    """Lines of one block by file, in their order."""
    found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for batch in block_lines(Block(settings, number)):
        for file, *line in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            found[file].append(tuple(line))  # type: ignore[arg-type]
    return {file: [line for *_, line in sorted(lines)] for file, lines in found.items()}


def table(name: str, delimiter: str = ",", settings: SynthSettings = SETTINGS) -> list[dict[str, str]]:
    head, *rows = files(settings)[name]
    return [dict(zip(head.split(delimiter), row.split(delimiter), strict=True)) for row in rows]


def events(settings: SynthSettings = SETTINGS) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for file, lines in files(settings).items()
        if file.startswith("data/events")
        for line in lines
    ]


def test_the_same_seed_draws_the_same_block_and_another_seed_another() -> None:
    again = SETTINGS.model_copy()
    assert list(block_lines(Block(again, 1))) == list(block_lines(Block(SETTINGS, 1)))
    other = SETTINGS.model_copy(update={"seed": 12})
    assert files(other)["truth/person.csv"] != files()["truth/person.csv"]


def test_rates_chances_and_values_have_the_planted_distributions() -> None:
    traits = process.draw_traits(Block(SETTINGS, 0))
    gamma = stats.gamma(process.RATE_SHAPE, scale=1 / process.RATE_SCALE)
    assert stats.kstest(traits.rate, gamma.cdf).pvalue > 0.001
    assert stats.kstest(traits.leave, stats.beta(process.LEAVE_A, process.LEAVE_B).cdf).pvalue > 0.001
    assert (
        stats.kstest(traits.nu, stats.gamma(process.SPEND_Q, scale=1 / process.SPEND_GAMMA).cdf).pvalue
        > 0.001
    )
    kinds = np.bincount(traits.kind, minlength=4)
    assert stats.chisquare(kinds, np.array(process.TYPE_SHARES) * kinds.sum()).pvalue > 0.001
    assert stats.spearmanr(traits.nu, traits.leave).statistic > 0.2  # who spends little leaves sooner


def test_shares_of_faults_are_those_of_the_settings() -> None:
    everybody = draw_people(Block(SETTINGS, 0), process.draw_traits(Block(SETTINGS, 0)).joins)
    devices = draw_devices(Block(SETTINGS, 0), everybody)
    users = np.bincount(devices.of_person[1])
    assert (users > 1).mean() == pytest.approx(SETTINGS.shared_devices, abs=0.015)
    customers = {
        row["Satz"].split("-")[0][1:] for row in table("data/crm/customers.csv") if row["Satz"][0] == "R"
    }
    second = [
        row["Satz"].split("-")[0][1:] for row in table("data/crm/customers.csv") if row["Satz"][0] == "D"
    ]
    second += [row["Satz"][1:] for row in table("data/crm/club.csv")]
    assert set(second) <= customers and len(second) == int(BLOCK * SETTINGS.duplicate_records)
    assert (devices.skew_seconds != 0).mean() == pytest.approx(SETTINGS.skewed, abs=0.01)
    assert (everybody.phone_from > 0).mean() == pytest.approx(SETTINGS.recycled_phones, abs=0.001)
    assert (everybody.email_day < 10**6).mean() == pytest.approx(SETTINGS.changed_email, abs=0.02)
    ids = Counter(e["messageId"] for e in events())
    assert sum(n > 1 for n in ids.values()) / len(ids) == pytest.approx(SETTINGS.repeated, abs=0.003)


def is_share(found: int, of: int, share: float, least: float | None = None) -> bool:
    """Whether so many of so many fit a share, or one from `least` on; one lake in a thousand would not."""
    low = stats.binom.ppf(0.0005, of, share if least is None else least)
    return bool(low <= found <= stats.binom.ppf(0.9995, of, share))


def test_bots_make_their_share_of_the_visits_and_of_the_events_what_their_short_visits_hold() -> None:
    once = {str(event["messageId"]): event for event in events()}.values()
    bots = defaultdict(list)
    for event in once:
        if "Googlebot" in event["context"]["userAgent"]:  # type: ignore[index]
            assert "userId" not in event
            bots[str(event["anonymousId"])].append(_ms(event["originalTimestamp"]))
    visits = sum(1 + int((np.diff(np.sort(of)) > 1_800_000).sum()) for of in bots.values())
    people = table("truth/session.csv")
    assert is_share(visits, visits + len(people), SETTINGS.bots)
    # a page, a search now and then, products: sure to 5 % for 400 visits
    looks = 1 + 0.3 + 1 / 0.35
    mean = np.mean([int(visit["events"]) for visit in people])
    share = SETTINGS.bots * looks / (SETTINGS.bots * looks + (1 - SETTINGS.bots) * mean)
    assert sum(map(len, bots.values())) / len(once) == pytest.approx(share, rel=0.2)


def delays(settings: SynthSettings) -> dict[str, tuple[str, int]]:
    """When each event happened, and after how many milliseconds it was sent; by message."""
    return {
        str(e["messageId"]): (
            str(e["originalTimestamp"]),
            _ms(e["sentAt"]) - _ms(e["originalTimestamp"]),
        )
        for e in events(settings)
    }


def test_visits_to_look_follow_the_week_and_the_year_and_in_pure_mode_neither() -> None:
    for kind, weekend, winter in (("rich", 1.25 / 0.9, 1.0), ("pure", 1.0, 0.0)):
        settings = SynthSettings(persons=BLOCK, days=365, seed=5, process=kind)
        block = Block(settings, 0)
        history = process.simulate(block)
        people = draw_people(block, history.traits.joins)
        visits = draw_visits(block, people, draw_devices(block, people), history)
        looks = visits.time[(visits.order < 0) & (visits.person >= 0)]
        date = np.datetime64(settings.start) + np.floor(looks).astype("timedelta64[D]")
        weekday = (date.astype(int) + 3) % 7
        assert (weekday >= 5).mean() * 5 / ((weekday < 5).mean() * 2) == pytest.approx(weekend, rel=0.1)
        # two weeks of December beside those of the next month, while customers come and go a little
        before, after = (
            np.sum((date >= np.datetime64(d)) & (date < np.datetime64(d) + 14))
            for d in ("2023-12-04", "2024-01-22")
        )
        assert before / after == pytest.approx(1 + 0.7 * winter, rel=0.2)


def test_a_share_of_the_visits_arrives_late() -> None:
    """Those of the last 65 days stand aside: what is late there comes after the end, as 4 of 100 before them."""
    until, lost = str(np.datetime64(SETTINGS.as_of) - 65), (1 + 65 * 4) ** -0.6
    sent = delays(SETTINGS)
    whole = [sent[visit["first_event"]] for visit in table("truth/session.csv")]
    late = [delay > 4_000 for moment, delay in whole if moment < until]
    assert is_share(sum(late), len(late), SETTINGS.late, least=SETTINGS.late * (1 - lost))


def test_the_latest_events_come_after_400_days() -> None:
    """Of the late visits one in 84 would come later still, and is held to the bound."""
    settings = SynthSettings(persons=100, days=900, seed=11, late=0.5)
    latest = max(delay for _, delay in delays(settings).values())
    assert 400 * 86_400_000 <= latest < 400 * 86_400_000 + 4_000


def test_a_repeat_is_its_event_as_it_was_sent_and_received_again_later() -> None:
    deliveries = defaultdict(list)
    for file, rows in files().items():
        for line in rows if file.startswith("data/events") else ():
            event = json.loads(line)
            received = event.pop("receivedAt")
            assert file == f"data/events/{received[:10]}.json"
            deliveries[event["messageId"]].append((received, event))
    twice = [sorted(of, key=lambda d: str(d[0])) for of in deliveries.values() if len(of) > 1]
    assert len(twice) > 500
    for (first, event), (second, same) in twice:
        assert first < second and event == same
    assert sum(first[:10] < second[:10] for (first, _), (second, _) in twice) > len(twice) / 2


def test_one_record_in_a_hundred_has_an_address_and_a_telephone_that_mean_nobody() -> None:
    settings = SETTINGS.model_copy(update={"persons": 5 * BLOCK})
    first: dict[str, tuple[str, str]] = {}
    for number in range(settings.blocks):
        block = Block(settings, number)
        everybody = draw_people(block, process.draw_traits(block).joins)
        rows = [row for batch in records.customer_records(block, everybody) for row in batch.to_pylist()]
        for record, *cells in (r["line"].split(",") for r in rows if r["file"] == "data/crm/customers.csv"):
            if record[0] == "R":  # of a person's records the first: that of a new address has that
                first.setdefault(record.split("-")[0], (cells[-4], cells[-3]))
    junk = [contact for contact in first.values() if contact == (JUNK_EMAIL, JUNK_PHONE)]
    assert len(junk) == sum(JUNK_EMAIL in contact or JUNK_PHONE in contact for contact in first.values())
    assert is_share(len(junk), len(first), settings.junk)


def test_half_of_the_second_records_have_no_customer_number_and_half_are_the_other_systems() -> None:
    own, club = table("data/crm/customers.csv"), table("data/crm/club.csv")
    second = [row for row in own if row["Satz"][0] == "D"]
    assert len(second) == len(club) == BLOCK * SETTINGS.duplicate_records / 2
    assert all(bool(row["Kundennummer"]) == (row["Satz"][0] == "R") for row in own)
    first = {row["Satz"].split("-")[0][1:]: row for row in own if row["Satz"][0] == "R"}
    pairs = [(first[row["Satz"].split("-")[0][1:]], row) for row in (*second, *club)]
    assert all(a["Geburtsdatum"] == b["Geburtsdatum"] and a["Ort"] == b["Ort"] for a, b in pairs)
    initials = [b["Vorname"] == a["Vorname"][0] + "." and b["Nachname"] == a["Nachname"] for a, b in pairs]
    misspelt = [b["Nachname"] != a["Nachname"] and b["Vorname"] == a["Vorname"] for a, b in pairs]
    assert is_share(sum(initials), len(pairs), 0.25)
    assert is_share(sum(misspelt), len(pairs), 0.75)


def order_rows(settings: SynthSettings = SETTINGS) -> list[dict[str, str]]:
    return [
        line
        for file in files(settings)
        if file.startswith("data/orders/")
        for line in table(file, ";", settings)
    ]


def day_of(line: dict[str, str]) -> float:
    """Local days since the start of the lake."""
    moment = datetime.strptime(line["Datum"], "%d.%m.%Y %H:%M:%S")
    return (moment - datetime.combine(SETTINGS.start, time())) / timedelta(days=1)


def test_of_six_in_a_hundred_rich_orders_a_line_comes_back_and_of_pure_ones_none() -> None:
    ordered = {row["Bestellung"]: day_of(row) for row in order_rows() if row["Menge"][0] != "-"}
    back = {row["Bestellung"]: day_of(row) for row in order_rows() if row["Menge"][0] == "-"}
    assert all(3 <= day - ordered[number] < 20.001 for number, day in back.items())
    old = [number for number, day in ordered.items() if day < SETTINGS.days - 20]  # all of theirs is back
    assert is_share(sum(number in back for number in old), len(old), 0.06)
    pure = order_rows(SynthSettings(persons=200, days=200, process="pure"))
    assert len(pure) > 200 and all(row["Menge"][0] != "-" for row in pure)


def test_what_came_after_the_judged_day_is_what_the_files_of_the_orders_say() -> None:
    """The 91 days that the lake still covers: orders exactly, and spend but for the rounding of prices."""
    owner = {row["order_number"]: row["person"] for row in table("truth/order.csv")}
    numbers, spend, rows = defaultdict(set), Counter(), Counter()
    for row in order_rows():
        if day_of(row) >= SETTINGS.judged_day and row["Menge"][0] != "-":
            person = owner[row["Bestellung"]]
            price, off = (float(row[name].replace(",", ".")) for name in ("Einzelpreis", "Rabatt"))
            numbers[person].add(row["Bestellung"])
            spend[person] += (price * int(row["Menge"]) - off) / 1.19
            rows[person] += 1
    told = [row for row in table("truth/outcome.csv") if int(row["day"]) == SETTINGS.judged_day]
    assert len(told) == BLOCK and sum(map(len, numbers.values())) > 1_000
    for row in told:
        assert int(row["orders_91"]) == len(numbers[row["person"]])
        assert float(row["spend_91"]) == pytest.approx(
            spend[row["person"]], abs=0.01 + 0.02 * rows[row["person"]]
        )


def test_what_came_after_each_day_is_what_the_history_of_the_orders_says() -> None:
    """Beyond the end of the lake too, where no file tells."""
    history = process.simulate(Block(SETTINGS, 0))
    made = defaultdict(list)
    for person, moment, value in zip(
        history.person.tolist(), history.time.tolist(), history.value.tolist(), strict=True
    ):
        made[str(person)].append((moment, value))
    told = table("truth/outcome.csv")
    assert Counter(int(row["day"]) for row in told) == {SETTINGS.judged_day: BLOCK, SETTINGS.days: BLOCK}
    for row in told:
        for length in (91, 365):
            came = [v for t, v in made[row["person"]] if 0 <= t - int(row["day"]) < length]
            assert int(row[f"orders_{length}"]) == len(came)
            assert float(row[f"spend_{length}"]) == pytest.approx(sum(came), abs=0.006)


@pytest.mark.parametrize("kind", ["pure", "rich"])
def test_the_best_attainable_prediction_is_calibrated_and_ranks_better_than_recency(kind: str) -> None:
    settings = SynthSettings(persons=BLOCK, days=365, seed=3, process=kind)
    block = Block(settings, 0)
    history = process.simulate(block)
    everybody = draw_people(block, history.traits.joins)
    visits = draw_visits(block, everybody, draw_devices(block, everybody), history)
    day = settings.judged_day
    looks = (visits.order < 0) & (visits.person >= 0)
    known = seen(block, history, visits.person[looks], visits.time[looks], day)
    found = attainable(block, known)
    buyers = known.repeats >= 0
    later = (history.time >= day) & (history.time < day + 91)
    orders = np.bincount(history.person[later], minlength=block.size)[buyers]
    gone = orders == 0
    assert found.no_purchase[buyers].mean() == pytest.approx(gone.mean(), abs=0.04)
    assert found.alive[buyers].mean() == pytest.approx((history.left[buyers] >= day).mean(), abs=0.04)
    assert found.orders[buyers, 0].sum() == pytest.approx(orders.sum(), rel=0.12)
    fifths = np.argsort(np.argsort(found.no_purchase[buyers])) * 5 // buyers.sum()
    for fifth in range(5):
        of = fifths == fifth
        assert found.no_purchase[buyers][of].mean() == pytest.approx(gone[of].mean(), abs=0.08)
    assert roc_auc(gone, found.no_purchase[buyers]) > roc_auc(gone, known.days[buyers]) + 0.01


def test_a_telephone_number_is_on_records_of_whom_it_belonged_to_on_their_day_and_of_nobody_else() -> None:
    """A number that changes hands is never two persons' at once."""
    held = defaultdict(list)
    for row in table("truth/identifier.csv"):
        if row["id_type"] == "phone":
            held[row["value"]].append((row["valid_from"], row["valid_to"] or "9999-12-31", row["person"]))
    moved = [sorted(spans) for spans in held.values() if len(spans) > 1]
    assert moved and all(first[1] < second[0] for first, second in moved)
    seen = 0
    for record in table("data/crm/customers.csv"):
        day, number = record["KundeSeit"], record["Telefon"]
        if number in held:
            seen += 1
            [owner] = [who for first, last, who in held[number] if first <= day < last]
            assert record["Satz"][1:].split("-")[0] == owner
    assert seen > 500


def test_an_address_stands_only_where_it_is_still_or_already_its_persons() -> None:
    """Within a day, since files differ in whether they state days or instants."""
    held = {
        row["value"]: (np.datetime64(row["valid_from"]), np.datetime64(row["valid_to"] or "9999-12-31"))
        for row in table("truth/identifier.csv")
        if row["id_type"] == "email"
    }
    count = 0
    for file, address, moment in (
        ("data/crm/consents.csv", "Mail", "Zeit"),
        ("data/crm/club.csv", "Mail", "Stand"),
        ("data/service/surveys.csv", "email", "time"),
        ("data/service/cases.csv", "email", "opened"),
        ("data/service/referrals.csv", "friend", "time"),
        ("data/marketing/contacts.csv", "email", "time"),
        ("data/marketing/responses.csv", "email", "time"),
    ):
        for row in table(file):
            if row[address] in held:
                count += 1
                day = np.datetime64(row[moment][:10])
                first, end = held[row[address]]
                assert first - 1 <= day <= end + 1, (file, row)
    assert count > 1_000


def test_every_channel_has_campaigns_by_coin_and_by_choice_and_reaches_people_by_what_it_needs() -> None:
    campaigns = {
        row["campaign"]: (row["channel"], row["randomised"]) for row in table("data/marketing/campaigns.csv")
    }
    assert set(campaigns.values()) == {
        (c, r) for c in ("email", "push", "post", "ads") for r in ("true", "false")
    }
    contacts = table("data/marketing/contacts.csv")
    assert all(campaigns[row["campaign"]][0] == row["channel"] for row in contacts)
    assert all(bool(row["email"]) != bool(row["customer"]) for row in contacts)
    by_number = Counter(row["channel"] for row in contacts if row["customer"])
    assert set(by_number) == {"push", "post"}
    kind = {row["contact_id"]: row["channel"] for row in contacts}
    answers = {(row["type"], kind[row["contact_id"]]) for row in table("data/marketing/responses.csv")}
    assert ("opened", "post") not in answers and ("unsubscribed", "post") in answers


def test_the_effect_of_a_contact_is_what_it_adds_to_the_orders_of_its_week() -> None:
    """All orders of the week after a coin, contacted less held back, against the sum of the planted effects."""
    block = Block(SynthSettings(persons=BLOCK, days=365, seed=7), 0)
    found = process.simulate(block)
    made = found.contacts
    person, campaign, control, effect = (
        np.concatenate(parts) for parts in (made.person, made.campaign, made.control, made.effect)
    )
    tossed = process.is_randomised(campaign)
    day = campaign[tossed] * process.CONTACT_EVERY
    week = (found.time[:, None] >= np.unique(day)) & (
        found.time[:, None] < np.unique(day) + process.EFFECT_DAYS
    )
    column = np.searchsorted(np.unique(day), day)
    orders = np.zeros((BLOCK, np.unique(day).size))
    np.add.at(orders, (found.person[np.nonzero(week)[0]], np.nonzero(week)[1]), 1)
    own = orders[person[tossed], column]
    held = control[tossed]
    lift = own[~held].mean() - own[held].mean()
    error = np.sqrt(own[~held].var() / (~held).sum() + own[held].var() / held.sum())
    assert lift == pytest.approx(effect[tossed].mean(), abs=3 * error)


def test_every_order_line_has_a_true_owner_and_its_identifiers_are_the_owners() -> None:
    owner = {row["order_number"]: row["person"] for row in table("truth/order.csv")}
    belongs = defaultdict(set)
    for row in table("truth/identifier.csv"):
        belongs[row["value"]].add(row["person"])
    count = 0
    for file in files():
        if file.startswith("data/orders/"):
            for line in table(file, ";"):
                count += 1
                for value in filter(None, (line["Kunde"], line["Mail"])):
                    assert owner[line["Bestellung"]] in belongs[value]
    assert count > len(owner) > 1_000


def test_true_visits_are_whole_disjoint_and_half_an_hour_apart_on_a_device() -> None:
    sent: dict[str, tuple[str, int]] = {}
    for event in sorted(
        events(), key=lambda e: str(e["receivedAt"]), reverse=True
    ):  # the first receipt stays
        skew = _ms(event["receivedAt"]) - _ms(event["sentAt"])
        sent[str(event["messageId"])] = (str(event["anonymousId"]), _ms(event["originalTimestamp"]) + skew)
    by_visitor = defaultdict(list)
    for visitor, moment in sent.values():
        by_visitor[visitor].append(moment)
    gaps = {visitor: np.diff(np.sort(moments)) for visitor, moments in by_visitor.items()}
    visits = table("truth/session.csv")
    assert {visit["anonymous_id"] for visit in visits} <= set(by_visitor)
    per_visitor = Counter(visit["anonymous_id"] for visit in visits)
    for visitor, count in per_visitor.items():
        assert (gaps[visitor] > 1_800_000).sum() == count - 1
    assert sum(int(v["events"]) for v in visits) == sum(
        len(m) for v, m in by_visitor.items() if v in per_visitor
    )


def _ms(text: object) -> int:
    return int(np.datetime64(str(text).rstrip("Z"), "ms").astype(int))


def test_nothing_raw_comes_after_the_end_of_the_lake() -> None:
    end = np.datetime64(SETTINGS.as_of)
    assert max(np.datetime64(str(e["receivedAt"]).rstrip("Z")) for e in events()) < end
    last = sorted(file for file in files() if file.startswith("data/orders/"))[-1]
    assert last <= f"data/orders/{str(end)[:7]}.csv"


def test_a_hot_visitor_has_the_chosen_share_of_all_events() -> None:
    settings = SynthSettings(persons=400, days=150, hot_share=0.2)
    found = files(settings)
    lines = [line for file, rows in found.items() if file.startswith("data/events") for line in rows]
    assert sum('"messageId":"hot-' in line for line in lines) / len(lines) == pytest.approx(0.2, abs=0.02)
