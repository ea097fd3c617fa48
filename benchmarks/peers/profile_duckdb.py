"""The profile of a day as one DuckDB script: narrow tables per kind of fact, joined at the end."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import Task
from benchmarks.equality import connect, parquet
from benchmarks.profile import COLUMNS
from benchmarks.shop import AS_OF
from habitue.identity.settings import IdentitySettings
from habitue.profile.settings import ProfileSettings

_CUT = f"TIMESTAMPTZ '{AS_OF} 00:00:00+00'"
_DAY = f"DATE '{AS_OF}'"
_LEFT = """{'left_at': session_end, 'step': abandoned_step, 'value': lost_value,
               'closed_from': CASE WHEN order_count > 0 THEN session_end + to_microseconds(1)
                                   ELSE session_start END,
               'closed_at': CASE WHEN order_count = 0 THEN date_trunc('day', session_start) END}"""


def run(task: Task) -> None:
    """Statement by statement; the last one writes."""
    task.out.mkdir()
    with connect() as connection:
        for statement in _statements(task):
            connection.execute(statement)


def plan(task: Task) -> str:
    """EXPLAIN of every statement, each run after it was explained."""
    texts = []
    task.out.mkdir(exist_ok=True)
    with connect() as connection:
        for statement in _statements(task):
            texts.append(str(connection.execute(f"EXPLAIN {statement}").fetchall()[0][1]))
            connection.execute(statement)
    return "\n".join(texts)


def _statements(task: Task) -> Iterator[str]:
    for name in ("identity_map", "order_line", "product", "session", "attribution"):
        yield f"CREATE TEMP VIEW {name} AS SELECT * FROM {parquet(task.data / name)}"
    for name, query in _TABLES.items():
        yield f"CREATE TEMP TABLE {name} AS {query}"
    yield f"COPY ({_profile()}) TO '{task.out}/profile.parquet' (FORMAT parquet)"


def _texts(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


_IDENTITY = IdentitySettings()
_RANK = f"coalesce(list_position({_texts(_IDENTITY.priority)}, id_type), {len(_IDENTITY.priority) + 1})"


def _windows(measure: str, name: str, days: tuple[int, ...]) -> str:
    return ", ".join(f"{measure.format(days=d)} AS {name}_{d}d" for d in days)


_TABLES = {
    "valid_map": f"""
        SELECT id_type, id_key, person_id, valid_from FROM identity_map
        WHERE valid_from < {_CUT} AND (valid_to IS NULL OR valid_to >= {_CUT})
    """,
    "person": f"""
        SELECT person_id, list_sort(list_distinct(list(id_type))) AS identifier_types,
               bool_or(id_type NOT IN {tuple(_IDENTITY.anonymous_types)}) AS is_known,
               max(valid_from) AS identity_known_time
        FROM valid_map GROUP BY person_id
    """,
    "seen_line": f"""
        SELECT * FROM order_line WHERE order_time < {_CUT} AND known_time < {_CUT} AND len(identifiers) > 0
    """,
    "owner": f"""
        SELECT identifiers, arg_min(person_id, ({_RANK}, id_key, person_id)) AS person_id
        FROM (SELECT identifiers, one.id_type AS id_type, one.id_key AS id_key
              FROM (SELECT identifiers, unnest(identifiers) AS one FROM (SELECT DISTINCT identifiers FROM seen_line)))
        JOIN valid_map USING (id_type, id_key) GROUP BY identifiers
    """,
    "line": f"""
        SELECT o.person_id, l.* EXCLUDE (identifiers, discount), coalesce(discount, 0)::DECIMAL(18, 2) AS discount,
               discount IS NOT NULL AS states_discount,
               date_diff('day', order_time::DATE, {_DAY}) AS days_ago
        FROM seen_line l JOIN owner o USING (identifiers)
    """,
    "orders": """
        SELECT person_id, source, order_number, min(order_time) AS order_time, min(order_time)::DATE AS order_date,
               max(days_ago) AS days_ago, max(known_time) AS known_time,
               max({'channel': channel, 'store': store}) AS place,
               count(*) FILTER (NOT is_return) AS bought_lines, count(*) FILTER (is_return) AS returned_lines,
               coalesce(sum(net_revenue) FILTER (NOT is_return), 0)::DECIMAL(18, 2) AS bought_value,
               coalesce(sum(net_revenue) FILTER (is_return), 0)::DECIMAL(18, 2) AS returned_value,
               coalesce(sum(quantity) FILTER (NOT is_return), 0) AS units,
               coalesce(sum(net_revenue + discount) FILTER (NOT is_return), 0) AS list_value,
               coalesce(sum(discount) FILTER (NOT is_return), 0) AS discount_value,
               count(*) FILTER (NOT is_return AND discount > 0) AS discount_lines,
               count(*) FILTER (NOT is_return AND coupon IS NOT NULL) AS coupon_lines,
               coalesce(sum(net_revenue) FILTER (NOT is_return AND discount <= 0), 0) AS full_price_value,
               coalesce(sum(cost), 0) AS cost_value, count(cost) AS cost_lines,
               count(*) FILTER (NOT is_return AND states_discount) AS discount_stated_lines,
               bought_lines > 0 AS is_purchase, bought_value + returned_value AS net_value
        FROM line GROUP BY person_id, source, order_number
    """,
    "day_gap": """
        SELECT person_id, order_date, order_date - lag(order_date) OVER (PARTITION BY person_id ORDER BY order_date)
                   AS gap
        FROM (SELECT DISTINCT person_id, order_date FROM orders WHERE is_purchase)
    """,
    "rhythm": f"""
        SELECT person_id, count(*) AS purchase_day_count,
               {_windows(f"count_if({_DAY} - order_date <= {{days}})::BIGINT", "purchase_days", (30, 45, 90))},
               count(gap) AS gap_count, sum(gap) AS gap_sum, sum(gap * gap) AS gap_squares,
               quantile_cont(gap, 0.5) AS interpurchase_median_days, quantile_cont(gap, 0.9) AS own_gap_days
        FROM day_gap GROUP BY person_id
    """,
    "buyer": f"""
        SELECT person_id, count_if(is_purchase)::BIGINT AS order_count,
               min(order_date) FILTER (is_purchase) AS first_order_date,
               max(order_date) FILTER (is_purchase) AS last_order_date,
               max(order_time) FILTER (is_purchase) AS last_order_time,
               sum(net_value) AS net_revenue, sum(bought_value) AS bought_value,
               sum(returned_value) AS returned_value, count_if(returned_lines > 0)::BIGINT AS return_count,
               CASE WHEN sum(cost_lines) = sum(bought_lines + returned_lines)
                    THEN sum(net_value) - sum(cost_value) END AS contribution_margin,
               max(known_time) AS order_known_time,
               {_windows("count_if(is_purchase AND days_ago <= {days})::BIGINT", "orders", (30, 90, 365))},
               {_windows("sum(net_value) FILTER (days_ago <= {days})", "net_revenue", (30, 90, 365))},
               sum(units) AS units, sum(bought_lines)::BIGINT AS bought_lines,
               sum(bought_value * bought_value) FILTER (is_purchase) AS squared_value,
               sum(list_value) AS list_value, sum(discount_value) AS discount_value,
               sum(list_value) FILTER (days_ago <= 90) AS list_value_90d,
               sum(discount_value) FILTER (days_ago <= 90) AS discount_value_90d,
               sum(discount_lines)::BIGINT AS discount_lines, count_if(coupon_lines > 0)::BIGINT AS coupon_orders,
               sum(full_price_value) AS full_price_value,
               count(DISTINCT place.store) FILTER (is_purchase AND days_ago <= 365) AS store_count
        FROM orders GROUP BY person_id
    """,
    "stated": """
        SELECT bool_or(discount_stated_lines > 0) AS discounts, bool_or(coupon_lines > 0) AS coupons,
               bool_or(is_purchase AND place.store IS NOT NULL) AS stores FROM orders
    """,
    "later": """
        SELECT person_id, sum(net_value) AS later_value FROM orders JOIN buyer USING (person_id)
        WHERE orders.order_date > first_order_date GROUP BY person_id
    """,
    "channel": """
        WITH counted AS (
            SELECT person_id, place.channel AS name, count(*) AS amount FROM orders
            WHERE is_purchase AND days_ago <= 365 AND place.channel IS NOT NULL GROUP BY ALL)
        SELECT person_id, arg_min(name, (-amount, name)) AS preferred_purchase_channel,
               map_from_entries(list({'k': name, 'v': amount / total} ORDER BY name)) AS channel_shares
        FROM (SELECT *, sum(amount) OVER (PARTITION BY person_id) AS total FROM counted) GROUP BY person_id
    """,
    "store": """
        SELECT person_id, arg_min(name, (-amount, name)) AS home_store
        FROM (SELECT person_id, place.store AS name, count(*) AS amount FROM orders
              WHERE is_purchase AND days_ago <= 365 AND place.store IS NOT NULL GROUP BY ALL)
        GROUP BY person_id
    """,
    "category": """
        WITH summed AS (
            SELECT person_id, category AS name, greatest(sum(net_revenue), 0) AS amount
            FROM line JOIN product USING (source, product_number)
            WHERE category IS NOT NULL AND days_ago <= 365
            GROUP BY ALL HAVING count(*) FILTER (NOT is_return) > 0)
        SELECT person_id, count(*) AS category_breadth, any_value(total) AS category_total,
               arg_min(name, (-amount, name)) AS top_category, max(amount) AS top_amount,
               map_from_entries(list({'k': name, 'v': amount::DOUBLE / total::DOUBLE} ORDER BY name))
                   AS category_shares
        FROM (SELECT *, sum(amount) OVER (PARTITION BY person_id) AS total FROM summed) GROUP BY person_id
    """,
    "visits": f"""
        WITH visit AS (
            SELECT a.person_id, s.*, date_diff('day', session_start::DATE, {_DAY}) AS days_ago
            FROM session s JOIN attribution a USING (session_id)
            WHERE NOT is_bot AND session_end < {_CUT} AND known_time < {_CUT}
              AND valid_from < {_CUT} AND (valid_to IS NULL OR valid_to >= {_CUT}))
        SELECT person_id, count(*) AS session_count, min(days_ago) AS days_since_last_session,
               {_windows("count_if(days_ago <= {days})::BIGINT", "sessions", (7, 30, 45, 90))},
               sum(view_count) FILTER (days_ago <= 90)::BIGINT AS views_90d,
               sum(product_view_count) FILTER (days_ago <= 90)::BIGINT AS product_views_90d,
               sum(engaged_seconds::DECIMAL(18, 3)) FILTER (days_ago <= 90)::DOUBLE AS engaged_seconds_90d,
               max(known_time) AS session_known_time,
               count_if(cart_abandoned AND abandoned_at < {_CUT} AND days_ago <= 30)::BIGINT AS carts_abandoned_30d,
               max({_LEFT}) FILTER (abandoned_at < {_CUT} AND cart_abandoned) AS last_cart,
               max({_LEFT}) FILTER (abandoned_at < {_CUT}) AS last_left,
               bool_or(days_ago <= {ProfileSettings().lifecycle.evaluating_days}
                       AND (product_view_count > 0 OR coalesce(cart_value, 0) > 0)) AS is_evaluating
        FROM visit GROUP BY person_id
    """,
}


def _profile() -> str:
    """Everything joined per person, then what depends on all persons."""
    weights = ProfileSettings().engagement
    return f"""
        WITH usual AS (SELECT coalesce(median(own_gap_days), {ProfileSettings().rhythm.default_gap_days}) AS days
                       FROM rhythm WHERE gap_count >= 2),
        one AS ({_one_row()}),
        rhythmic AS (
            SELECT *, CASE WHEN purchase_day_count > 0 THEN {_expected_gap()} END AS expected_gap_days,
                   days_since_last_order / expected_gap_days AS overdue_ratio,
                   sessions_45d + purchase_days_45d AS late, sessions_90d + purchase_days_90d AS whole,
                   CASE WHEN whole > 0 THEN (2 * late - whole) / whole END AS trend_90d,
                   round({weights.visit} * sessions_90d + {weights.view} * views_90d
                         + {weights.product_view} * product_views_90d
                         + {weights.engaged_minute} * engaged_seconds_90d / 60, 6)::DOUBLE AS engagement_score
            FROM one, usual),
        scored AS (
            SELECT *, CASE WHEN order_count > 0 THEN {_score("recency_rank")} END AS rfm_recency,
                   CASE WHEN order_count > 0 THEN {_score("frequency_rank")} END AS rfm_frequency,
                   CASE WHEN order_count > 0 THEN {_score("monetary_rank")} END AS rfm_monetary,
                   CASE WHEN engagement_score > 0 THEN {_score("engagement_rank")} ELSE 1 END AS rfm_engagement,
                   concat(rfm_recency, rfm_frequency, rfm_monetary) AS cell
            FROM (SELECT *, {_places()} FROM rhythmic)),
        told AS (
            SELECT *, CASE WHEN order_count > 0 THEN cell END AS rfm_cell,
                   CASE WHEN net_revenue_365d > 0 THEN (revenue_all - revenue_below)::DOUBLE / revenue_all::DOUBLE
                        END AS pareto_share,
                   CASE WHEN net_revenue_365d > 0 THEN
                        CASE WHEN revenue_all - revenue_upto < revenue_all * 0.80 THEN 'A'
                             WHEN revenue_all - revenue_upto < revenue_all * 0.95 THEN 'B' ELSE 'C' END
                        END AS pareto_class,
                   {_stage()} AS lifecycle_stage
            FROM scored)
        SELECT {", ".join(COLUMNS)} FROM told
    """


def _one_row() -> str:
    return f"""
        SELECT {_DAY} AS as_of_date, p.person_id, identifier_types, is_known,
               list_contains(identifier_types, 'email') AS has_email,
               list_contains(identifier_types, 'phone') AS has_phone,
               'EUR' AS currency, first_order_date, last_order_date, first_order_date AS customer_since,
               ({_DAY} - last_order_date)::INT AS days_since_last_order,
               coalesce(order_count, 0) AS order_count, coalesce(purchase_day_count, 0) AS purchase_day_count,
               purchase_day_count - 1 AS frequency, (last_order_date - first_order_date)::INT AS recency_days,
               ({_DAY} - first_order_date)::INT AS age_days,
               CASE WHEN frequency > 0 THEN greatest(later_value, 0)::DOUBLE / frequency END AS monetary_value,
               {_zero("net_revenue", "net_revenue_30d", "net_revenue_90d", "net_revenue_365d")},
               {_zero("orders_30d", "orders_90d", "orders_365d", kind="BIGINT")},
               {_zero("purchase_days_30d", "purchase_days_45d", "purchase_days_90d", kind="BIGINT")},
               contribution_margin::DECIMAL(18, 2) AS contribution_margin,
               CASE WHEN b.order_count > 0 THEN bought_value::DOUBLE / b.order_count END AS aov,
               CASE WHEN b.order_count > 1 AND bought_value > 0 THEN
                    sqrt(greatest((b.order_count::DECIMAL(12, 0) * squared_value::DECIMAL(26, 4)
                                   - (bought_value::DECIMAL(18, 2) * bought_value::DECIMAL(18, 2)))::DOUBLE, 0.0)
                         / (b.order_count::DOUBLE * (b.order_count - 1))) / aov END AS aov_cv,
               CASE WHEN b.order_count > 0 THEN units::DOUBLE / b.order_count END AS items_per_order,
               CASE WHEN b.order_count > 0 THEN bought_lines / b.order_count END AS lines_per_order,
               CASE WHEN gap_count > 0 THEN gap_sum / gap_count END AS interpurchase_days,
               interpurchase_median_days, own_gap_days, gap_count,
               CASE WHEN gap_count > 1 THEN
                    sqrt((gap_count * gap_squares - gap_sum * gap_sum)::DOUBLE / (gap_count * (gap_count - 1)))
                    / interpurchase_days END AS regularity_cv,
               {_share_if("discounts", "discount_share", "discount_value", "list_value")},
               {_share_if("discounts", "discount_share_90d", "discount_value_90d", "list_value_90d")},
               {_share_if("discounts", "discount_line_share", "discount_lines", "bought_lines")},
               {_share_if("coupons", "coupon_order_share", "coupon_orders", "b.order_count")},
               {_share_if("discounts", "full_price_share", "full_price_value", "bought_value")},
               coalesce(return_count, 0) AS return_count, {_share("return_rate", "-returned_value", "bought_value")},
               CASE WHEN category_total > 0 THEN category_shares END AS category_shares,
               CASE WHEN category_total > 0 THEN top_category END AS top_category,
               CASE WHEN category_total > 0 THEN top_amount::DOUBLE / category_total::DOUBLE END
                   AS top_category_share,
               category_breadth, channel_shares, preferred_purchase_channel, home_store,
               CASE WHEN b.order_count > 0 AND stated.stores THEN store_count END AS store_count,
               {_zero("session_count", "sessions_7d", "sessions_30d", "sessions_45d", "sessions_90d", kind="BIGINT")},
               days_since_last_session::INT AS days_since_last_session,
               {_zero("views_90d", "product_views_90d", "carts_abandoned_30d", kind="BIGINT")},
               {_zero("engaged_seconds_90d", kind="DOUBLE")},
               {_open("last_cart", open_cart_value="value", open_cart_at="left_at")},
               {_open("last_left", abandoned_step="step", abandoned_value="value", abandoned_at="left_at")},
               coalesce(is_evaluating, false) AS is_evaluating,
               greatest(identity_known_time, order_known_time, session_known_time) AS last_known_time,
               map_from_entries(list_filter([('identifiers', identity_known_time), ('orders', order_known_time),
                   ('visits', session_known_time)], lambda entry: entry[2] IS NOT NULL)) AS freshness
        FROM person p LEFT JOIN buyer b USING (person_id) LEFT JOIN rhythm r USING (person_id)
             LEFT JOIN later USING (person_id) LEFT JOIN channel USING (person_id) LEFT JOIN store USING (person_id)
             LEFT JOIN category USING (person_id) LEFT JOIN visits v USING (person_id), stated
    """


def _open(left: str, **fields: str) -> str:
    """What a visit left and no order took up."""
    is_open = (
        f"(last_order_time IS NULL OR (last_order_time < {left}.closed_from"
        f" AND last_order_time IS DISTINCT FROM {left}.closed_at))"
    )
    return ", ".join(
        f"CASE WHEN {is_open} THEN {left}.{field} END AS {name}" for name, field in fields.items()
    )


def _zero(*names: str, kind: str = "DECIMAL(18, 2)") -> str:
    """What persons without facts have none of."""
    return ", ".join(f"coalesce({_TABLE_OF.get(name, '')}{name}, 0)::{kind} AS {name}" for name in names)


# where a name is computed anew, the table's column is meant
_TABLE_OF = {
    **dict.fromkeys(("net_revenue", "net_revenue_30d", "net_revenue_90d", "net_revenue_365d"), "b."),
    **dict.fromkeys(("orders_30d", "orders_90d", "orders_365d"), "b."),
    **dict.fromkeys(("purchase_days_30d", "purchase_days_45d", "purchase_days_90d"), "r."),
    **dict.fromkeys(
        ("session_count", "sessions_7d", "sessions_30d", "sessions_45d", "sessions_90d", "views_90d",
         "product_views_90d", "carts_abandoned_30d", "engaged_seconds_90d"),
        "v.",
    ),
}  # fmt: skip


def _share(name: str, part: str, whole: str) -> str:
    return f"CASE WHEN {whole} > 0 THEN ({part})::DOUBLE / {whole}::DOUBLE END AS {name}"


def _share_if(stated: str, name: str, part: str, whole: str) -> str:
    """Null where no line of anybody states it."""
    return f"CASE WHEN stated.{stated} AND {whole} > 0 THEN ({part})::DOUBLE / {whole}::DOUBLE END AS {name}"


def _expected_gap() -> str:
    prior = ProfileSettings().rhythm.prior_gaps
    own = f"(gap_count * own_gap_days + {prior} * usual.days) / (gap_count + {prior})"
    return f"CASE WHEN gap_count > 0 THEN {own} ELSE usual.days END"


def _places() -> str:
    """Ranks of all persons on the four axes, and the revenue below and up to each."""
    axes = {
        "recency": ("order_count > 0", "-days_since_last_order"),
        "frequency": ("order_count > 0", "purchase_day_count"),
        "monetary": ("order_count > 0", "net_revenue"),
        "engagement": ("engagement_score > 0", "engagement_score"),
    }
    ranks = [
        f"(rank() OVER (PARTITION BY {part} ORDER BY {value}) - 1 "
        f"+ count(*) OVER (PARTITION BY {part}, {value}) / 2) / count(*) OVER (PARTITION BY {part}) AS {axis}_rank"
        for axis, (part, value) in axes.items()
    ]
    positive = "PARTITION BY net_revenue_365d > 0"
    return ", ".join(
        [
            *ranks,
            f"sum(net_revenue_365d) OVER ({positive}) AS revenue_all",
            f"sum(net_revenue_365d) OVER ({positive} ORDER BY net_revenue_365d) AS revenue_upto",
            f"revenue_upto - sum(net_revenue_365d) OVER ({positive}, net_revenue_365d) AS revenue_below",
        ]
    )


def _score(rank: str) -> str:
    steps = ProfileSettings().rfm_scores
    return f"least(floor({rank} * {steps})::INT + 1, {steps})"


def _stage() -> str:
    limits = ProfileSettings().lifecycle
    waited = "days_since_last_order > floor(expected_gap_days * {ratio})"
    return f"""
        CASE WHEN purchase_day_count > 0 THEN
            CASE WHEN {waited.format(ratio=limits.lost_ratio)} THEN 'lost'
                 WHEN {waited.format(ratio=limits.dormant_ratio)} THEN 'dormant'
                 WHEN {waited.format(ratio=limits.at_risk_ratio)} THEN 'at_risk'
                 WHEN purchase_day_count >= {limits.loyal_purchase_days} THEN 'loyal'
                 WHEN purchase_day_count >= 2 THEN 'active' ELSE 'first_buyer' END
        ELSE CASE WHEN NOT is_known THEN 'anonymous' WHEN is_evaluating THEN 'evaluating' ELSE 'prospect' END
        END
    """
