"""Scores, audiences, splits and releases: the gold tables that marketing acts on."""

from __future__ import annotations

from habitue.contracts.table import MONEY, Column, Personal, Table

_DAY = Column("as_of_date", "date", "Day.", nullable=False)
_PERSON = Column("person_id", "string", "Person.", nullable=False, personal=Personal.PSEUDONYM)

CUSTOMER_SCORE = Table(
    name="gold.customer_score",
    comment="What each person is predicted to do and to be worth.",
    stage="score",
    grain=("as_of_date", "person_id"),
    columns=(
        _DAY,
        _PERSON,
        Column(
            "p_churn",
            "double",
            "Probability of no purchase within churn_horizon_days; null for persons who never bought.",
        ),
        Column("churn_horizon_days", "int", "The horizon."),
        Column("p_alive", "double", "Probability of not having dropped out for good (MBG/NBD)."),
        Column("expected_orders_365d", "double", "Expected purchase days in the next 365 days."),
        Column("expected_spend", "double", "Expected net revenue per purchase day (Gamma-Gamma)."),
        Column("clv_90d", MONEY, "Net present value of contribution margin less costs, next 90 days."),
        Column("clv_365d", MONEY, "The same, 365 days."),
        Column("clv_1095d", MONEY, "The same, 1095 days."),
        Column("clv_365d_low", MONEY, "Lower end of the central interval as configured (default 80 %)."),
        Column("clv_365d_high", MONEY, "Upper end of the central interval as configured (default 80 %)."),
        Column("clv_historic", MONEY, "Contribution margin (or revenue) so far."),
        Column("clv_basis", "string", "margin, or revenue where no margin is known."),
        Column(
            "p_unsubscribe",
            "map<string,double>",
            "Probability of unsubscribing per channel; not computed yet: null.",
        ),
        Column("p_first_purchase", "double", "Probability of a first purchase; not computed yet: null."),
        Column(
            "expected_next_order_date",
            "date",
            "Last order day plus the person's own usual gap; null when overdue beyond it.",
        ),
        Column("urgency", "double", "How much is lost by waiting, 0 to 1."),
        Column("priority_score", "double", "Rank of value times urgency, 0 to 1."),
        Column("reason_1", "string", "Strongest reason for p_churn, as a field name with direction."),
        Column("reason_2", "string", "Second reason."),
        Column("reason_3", "string", "Third reason."),
        Column("score_note", "string", "Why a score is null."),
        Column("churn_model_version", "string", "Registered version of the churn model."),
        Column("clv_model_version", "string", "Registered version of the CLV model."),
        Column("batch_id", "string", "Run that scored this row.", nullable=False),
    ),
    checks=(
        ("p_churn_is_probability", "p_churn IS NULL OR (p_churn BETWEEN 0 AND 1 AND NOT isnan(p_churn))"),
        ("p_alive_is_probability", "p_alive IS NULL OR (p_alive BETWEEN 0 AND 1 AND NOT isnan(p_alive))"),
        ("interval_is_ordered", "clv_365d_low IS NULL OR clv_365d_low <= clv_365d_high"),
        ("finite", "coalesce(expected_orders_365d, 0) >= 0 AND NOT isnan(coalesce(expected_orders_365d, 0))"),
        ("null_has_note", "p_churn IS NOT NULL OR score_note IS NOT NULL"),
        ("priority_within_one", "priority_score BETWEEN 0 AND 1"),
    ),
    cluster_by=("person_id",),
)

AUDIENCE_MEMBER = Table(
    name="gold.audience_member",
    comment="Who is in which audience, in which arm of its test, reachable through which channels.",
    stage="target",
    grain=("as_of_date", "audience", "person_id"),
    columns=(
        _DAY,
        Column("audience", "string", "Audience.", nullable=False),
        _PERSON,
        Column("split_group", "string", "treatment or holdout.", nullable=False),
        Column("variant", "string", "Variant of the content; null in a holdout."),
        Column(
            "channels",
            "array<string>",
            "Channels with an address and a legal basis; empty: not exportable.",
            nullable=False,
        ),
        Column(
            "not_exportable_reason",
            "string",
            "Why channels is empty: suppressed, holdout, no consent, no address, ...",
        ),
        Column("priority_score", "double", "Rank within everybody, 0 to 1."),
        Column("entered_at", "date", "Day of the release in which the person entered.", nullable=False),
        Column("reason", "string", "Which clauses of the definition hold."),
    ),
    checks=(
        ("known_group", "split_group IN ('treatment', 'holdout')"),
        ("holdout_is_not_reached", "split_group <> 'holdout' OR size(channels) = 0"),
        ("unreachable_has_reason", "size(channels) > 0 OR not_exportable_reason IS NOT NULL"),
    ),
    partition_by=("as_of_date", "audience"),
)

AUDIENCE_CHANGE = Table(
    name="gold.audience_change",
    comment="Who entered and who left each audience since the last release.",
    stage="target",
    grain=("as_of_date", "audience", "person_id"),
    columns=(
        _DAY,
        Column("audience", "string", "Audience.", nullable=False),
        _PERSON,
        Column("change", "string", "entered, left.", nullable=False),
    ),
    checks=(("known_change", "change IN ('entered', 'left')"),),
)

SPLIT_ASSIGNMENT = Table(
    name="gold.split_assignment",
    comment="Holdout and variant of each person, drawn at first exposure and kept for good.",
    stage="target",
    grain=("person_id", "split"),
    columns=(
        _PERSON,
        Column(
            "split", "string", "OWNER/SALT: an audience's own test, or holdout_global/SALT.", nullable=False
        ),
        Column("split_group", "string", "treatment or holdout.", nullable=False),
        Column("variant", "string", "Variant; null in a holdout."),
        Column("assigned_at", "date", "Day of first exposure.", nullable=False),
    ),
    checks=(("known_group", "split_group IN ('treatment', 'holdout')"),),
)

AUDIENCE_FUNNEL = Table(
    name="gold.audience_funnel",
    comment="From members to exported persons per audience: how many are lost at each step, and why.",
    stage="target",
    grain=("as_of_date", "audience", "step", "channel", "reason"),
    columns=(
        _DAY,
        Column("audience", "string", "Audience.", nullable=False),
        Column(
            "step",
            "string",
            "members, suppressed, holdout, not_for_contact, no_address, no_consent, exportable.",
            nullable=False,
        ),
        Column("channel", "string", "Channel; empty text for all.", nullable=False),
        Column("reason", "string", "In words; empty text where the step says it.", nullable=False),
        Column("person_count", "bigint", "Persons.", nullable=False),
    ),
)

RELEASE = Table(
    name="gold.release",
    comment="One row per published run: the versions of all tables that belong together.",
    stage="publish",
    grain=("release_id",),
    columns=(
        Column("release_id", "string", "Release; sorts by time.", nullable=False),
        Column("published_at", "timestamp", "When.", nullable=False),
        Column("run_id", "string", "Run.", nullable=False),
        Column("as_of_date", "date", "Day of its dated tables.", nullable=False),
        Column("versions", "map<string,bigint>", "Version of each table.", nullable=False),
        Column("export_digests", "map<string,string>", "Digest of each export's manifest.", nullable=False),
        Column("fencing_token", "bigint", "Token of the lease under which it was published.", nullable=False),
        Column("rolled_back_to", "string", "Release whose tables this one restored; null for a run."),
    ),
)
