"""Visits in DuckDB: one script, the windows over narrow rows, materialised once."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contest import Task
from benchmarks.equality import connect, parquet
from benchmarks.sessionize import COLUMNS, SETTINGS
from habitue.events import vocabulary

_VISIT = "visitor_key, visitor_type, session_number"


def run(task: Task) -> None:
    """One COPY from Parquet to Parquet."""
    task.out.mkdir()
    with connect() as connection:
        connection.execute(f"COPY ({_query(task.data)}) TO '{task.out}/sessions.parquet' (FORMAT parquet)")


def plan(task: Task) -> str:
    """EXPLAIN of the same query."""
    with connect() as connection:
        return str(connection.execute(f"EXPLAIN {_query(task.data)}").fetchall()[0][1])


def _texts(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


def _query(data: Path) -> str:
    s = SETTINGS
    return f"""
    WITH hit AS (
        SELECT visitor_type, visitor_key, event_id, event_time, epoch_us(event_time) AS us, known_time, is_bot,
               channel, page.path AS path, device.type AS device_type, event_name,
               CASE WHEN coalesce(campaign.source, campaign.medium, campaign.name, campaign.term,
                                  campaign.content, campaign.click_id) IS NOT NULL THEN campaign END AS campaign,
               CASE WHEN engaged_seconds BETWEEN 0 AND 86400
                    THEN round(engaged_seconds * 1000000)::BIGINT END AS tracked,
               list_filter(identifiers, lambda one: one.id_type IN {_texts(s.login_types)}) AS logins,
               CASE event_name WHEN '{vocabulary.PRODUCT_ADDED}' THEN 1
                               WHEN '{vocabulary.PRODUCT_REMOVED}' THEN -1 END AS direction,
               CASE WHEN direction IS NOT NULL
                    THEN CASE WHEN product IS NOT NULL THEN [product] ELSE items END END AS changes,
               CASE WHEN event_name = '{vocabulary.ORDER_COMPLETED}' THEN
                    coalesce('n' || "order".order_number, 'e' || event_id) END AS order_key,
               "order".order_number AS order_number, "order".value AS order_value,
               coalesce("order".currency, '') AS order_currency
        FROM {parquet(data)}
        WHERE visitor_type IS NOT NULL AND visitor_key IS NOT NULL
    ), placed AS (
        SELECT *, us - lag(us) OVER visitor AS since, row_number() OVER visitor AS position FROM hit
        WINDOW visitor AS (PARTITION BY visitor_key, visitor_type ORDER BY event_time, event_id)
    ), numbered AS MATERIALIZED (
        SELECT *, CASE WHEN since <= {s.gap_micros} THEN since END AS gap,
               count_if(since IS NULL OR since > {s.gap_micros}) OVER (
                   PARTITION BY visitor_key, visitor_type ORDER BY position
                   ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::INT AS session_number
        FROM placed
    ), measured AS MATERIALIZED (
        SELECT {_VISIT}, arg_min(event_id, position) AS first_event, min(event_time) AS session_start,
               max(event_time) AS session_end, max(known_time) AS known_time, bool_or(is_bot) AS is_bot,
               count(*) AS event_count,
               count_if(event_name IN {_texts(vocabulary.VIEWS)})::BIGINT AS view_count,
               count_if(event_name = '{vocabulary.PRODUCT_VIEWED}')::BIGINT AS product_view_count,
               count_if(event_name = '{vocabulary.PRODUCTS_SEARCHED}')::BIGINT AS search_count,
               max(position) FILTER (event_name = '{vocabulary.CHECKOUT_STARTED}') AS last_checkout,
               coalesce(max(position) FILTER (order_key IS NOT NULL), 0) AS last_order,
               coalesce(sum(tracked), sum(least(gap, {s.engaged_cap_micros})) FILTER (gap IS NOT NULL), 0)::DOUBLE / 1000000.0
                   AS engaged_seconds,
               arg_min(path, position) AS landing_page, arg_max(path, position) AS exit_page,
               arg_min_null(channel, position) AS channel, arg_min(campaign, position) AS campaign,
               arg_min(device_type, position) AS device_type,
               coalesce(list_sort(list_distinct(flatten(list(logins) FILTER (len(logins) > 0)))), []) AS logins
        FROM numbered GROUP BY {_VISIT}
    ), line AS MATERIALIZED (
        SELECT {_VISIT}, position, coalesce(p.product_number, '') AS product, p.price AS price,
               direction * greatest(coalesce(p.quantity, 1), 0) AS units
        FROM (SELECT {_VISIT}, position, direction, unnest(changes) AS p FROM numbered WHERE direction IS NOT NULL)
    ), cart AS (
        SELECT {_VISIT}, sum(greatest(units, 0) * price)::DECIMAL(18, 2) AS cart_value
        FROM (SELECT {_VISIT}, product, sum(units) AS units, arg_max(price, position) AS price
              FROM line GROUP BY ALL) GROUP BY ALL
    ), left_over AS (
        SELECT {_VISIT}, bool_or(units > 0) AS is_filled
        FROM (SELECT {_VISIT}, product, sum(units) AS units FROM line JOIN measured USING ({_VISIT})
              WHERE position > last_order GROUP BY ALL) GROUP BY ALL
    ), bought AS (
        SELECT {_VISIT}, count(*) AS order_count, sum(value) AS value,
               count(DISTINCT currency) AS currencies, max(currency) AS currency
        FROM (SELECT {_VISIT}, order_key, arg_min_null(order_value, position) AS value,
                     arg_min(order_currency, position) AS currency
              FROM numbered WHERE order_key IS NOT NULL GROUP BY ALL) GROUP BY ALL
    ), told AS (
        SELECT m.* EXCLUDE (logins),
               sha256(concat_ws('|', concat(length(visitor_type), ':', visitor_type),
                                concat(length(visitor_key), ':', visitor_key),
                                concat(length(first_event), ':', first_event), epoch_us(session_start)))
                   AS session_id,
               logins, cart_value, coalesce(is_filled, false) AS cart_abandoned,
               coalesce(last_checkout > last_order, false) AS checkout_abandoned,
               coalesce(order_count, 0) AS order_count,
               CASE WHEN currencies = 1 THEN value::DECIMAL(18, 2) END AS net_revenue,
               CASE WHEN currencies = 1 THEN nullif(b.currency, '') END AS currency,
               session_number > 1 AS is_returning,
               engaged_seconds >= {s.engaged_threshold_seconds} OR view_count >= {s.engaged_views}
                   OR coalesce(order_count, 0) > 0 AS is_engaged,
               NOT is_engaged AS is_bounce
        FROM measured m LEFT JOIN cart USING ({_VISIT}) LEFT JOIN left_over USING ({_VISIT})
             LEFT JOIN bought b USING ({_VISIT})
    )
    SELECT {", ".join(COLUMNS)} FROM told
    """
