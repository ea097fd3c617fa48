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


def _strongest(type_: str) -> str:
    own = f"list_filter(identifiers, lambda one: one.id_type = '{type_}')"
    return f"list_min(list_transform({own}, lambda one: one.id_key))"


def _visitor() -> str:
    """Who a visit belongs to: the device, else the strongest login, else the event alone."""
    has_device = "visitor_type IS NOT NULL AND visitor_key IS NOT NULL"
    logins = [(type_, _strongest(type_)) for type_ in SETTINGS.login_types]
    types = " ".join(f"WHEN {key} IS NOT NULL THEN '{type_}'" for type_, key in logins)
    keys = ", ".join(key for _, key in logins)
    return f"""CASE WHEN {has_device} THEN visitor_type {types} ELSE 'event' END AS visitor_type,
               CASE WHEN {has_device} THEN visitor_key ELSE coalesce({keys}, event_id) END AS visitor_key"""


def _held(lines: str) -> str:
    """Units of each product that are held after all lines, never fewer than none on the way, and the last price."""
    return f"""
        SELECT {_VISIT}, product, sum(units) - least(min(so_far), 0) AS units, arg_max(price, position) AS price
        FROM (SELECT {_VISIT}, product, units, price, position,
                     sum(units) OVER (PARTITION BY {_VISIT}, product ORDER BY position
                                      ROWS UNBOUNDED PRECEDING) AS so_far
              FROM {lines}) GROUP BY {_VISIT}, product"""


def _query(data: Path) -> str:
    s = SETTINGS
    return f"""
    WITH hit AS (
        SELECT {_visitor()}, event_id, event_time, epoch_us(event_time) AS us, known_time, is_bot,
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
                    coalesce('n' || source || ':' || "order".order_number, 'e' || event_id) END AS order_key,
               "order".order_number AS order_number, "order".value AS order_value,
               coalesce("order".currency, '') AS order_currency,
               CASE WHEN event_name = '{vocabulary.PRODUCT_VIEWED}' THEN product.price END AS viewed_price
        FROM {parquet(data)}
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
               max(position) FILTER (event_name = '{vocabulary.FORM_STARTED}') AS form_start,
               coalesce(max(position) FILTER (event_name = '{vocabulary.FORM_SUBMITTED}'), 0) AS form_end,
               arg_max(viewed_price, position) AS viewed_price,
               arg_max_null(order_value, position) FILTER (event_name = '{vocabulary.CHECKOUT_STARTED}')
                   AS checkout_value,
               min(event_time) FILTER (order_key IS NOT NULL) AS order_time,
               sum(tracked)::DOUBLE / 1000000.0 AS tracked,
               count(DISTINCT us // {s.heartbeat_seconds * 1_000_000})
                   FILTER (event_name = '{vocabulary.PAGE_PINGED}') AS pings,
               coalesce(sum(least(gap, {s.engaged_cap_micros})) FILTER (gap IS NOT NULL), 0)::DOUBLE / 1000000.0
                   AS attention,
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
        SELECT {_VISIT}, sum(units * price)::DECIMAL(18, 2) AS cart_value, true AS has_lines
        FROM ({_held("line")}) GROUP BY ALL
    ), left_over AS (
        SELECT {_VISIT}, bool_or(units > 0) AS is_filled, sum(units * price)::DECIMAL(18, 2) AS left_value
        FROM ({_held(f"line JOIN measured USING ({_VISIT}) WHERE position > last_order")}) GROUP BY ALL
    ), bought AS (
        SELECT {_VISIT}, count(*) AS order_count, sum(value) AS value,
               count(DISTINCT currency) AS currencies, max(currency) AS currency
        FROM (SELECT {_VISIT}, order_key, arg_min_null(order_value, position) AS value,
                     arg_min(order_currency, position) AS currency
              FROM numbered WHERE order_key IS NOT NULL GROUP BY ALL) GROUP BY ALL
    ), told AS (
        SELECT m.* EXCLUDE (logins, first_event),
               sha256(concat_ws('|', concat(length(visitor_type), ':', visitor_type),
                                concat(length(visitor_key), ':', visitor_key),
                                concat(length(first_event), ':', first_event), epoch_us(session_start)))
                   AS session_id,
               first_event AS first_event_id, session_start::DATE AS session_date,
               logins, cart_value, left_value, coalesce(is_filled, false) AS cart_abandoned,
               coalesce(last_checkout > last_order, false) AS checkout_abandoned,
               coalesce(form_start > greatest(form_end, last_order), false) AS form_abandoned,
               has_lines IS NULL AND last_checkout IS NULL AND last_order = 0 AND product_view_count > 0
                   AS browse_abandoned,
               CASE WHEN last_order > 0 THEN 'order' WHEN last_checkout IS NOT NULL THEN 'checkout'
                    WHEN has_lines THEN 'cart' WHEN form_start IS NOT NULL OR form_end > 0 THEN 'form'
                    WHEN product_view_count > 0 THEN 'browse' ELSE 'visit' END AS furthest_step,
               CASE WHEN checkout_abandoned THEN 'checkout' WHEN cart_abandoned THEN 'cart'
                    WHEN form_abandoned THEN 'form' WHEN browse_abandoned THEN 'browse' END AS abandoned_step,
               CASE abandoned_step WHEN 'checkout' THEN coalesce(CASE WHEN is_filled THEN left_value END, checkout_value)
                    WHEN 'cart' THEN left_value WHEN 'browse' THEN viewed_price END AS lost_value,
               coalesce(order_count, 0) AS order_count,
               CASE WHEN currencies = 1 THEN value::DECIMAL(18, 2) END AS net_revenue,
               CASE WHEN currencies = 1 THEN nullif(b.currency, '') END AS currency,
               session_number > 1 AS is_returning,
               CASE WHEN tracked IS NOT NULL THEN 'tracker' WHEN pings > 0 THEN 'pings' ELSE 'gaps' END
                   AS engaged_basis,
               CASE engaged_basis WHEN 'tracker' THEN tracked
                    WHEN 'pings' THEN ((pings - 1) * {s.heartbeat_seconds} + {s.ping_seconds})::DOUBLE
                    ELSE attention END AS engaged_seconds,
               engaged_seconds > {s.engaged_threshold_seconds} OR view_count >= {s.engaged_views}
                   OR coalesce(order_count, 0) > 0 AS is_engaged,
               NOT is_engaged AS is_bounce,
               CASE WHEN campaign IS NOT NULL AND coalesce(campaign.source, '') NOT IN ('(direct)', 'direct')
                    THEN {{'at': session_start, 'of': campaign}} END AS touch
        FROM measured m LEFT JOIN cart USING ({_VISIT}) LEFT JOIN left_over USING ({_VISIT})
             LEFT JOIN bought b USING ({_VISIT})
    ), followed AS (
        SELECT *, last_value(touch IGNORE NULLS) OVER so_far AS last_touch,
               first_value(touch IGNORE NULLS) OVER recent AS first_touch,
               first_value(order_time IGNORE NULLS) OVER later AS next_order
        FROM told
        WINDOW so_far AS (PARTITION BY visitor_key, visitor_type ORDER BY session_number
                          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
               recent AS (PARTITION BY visitor_key, visitor_type ORDER BY session_start
                          RANGE BETWEEN INTERVAL {s.campaign_days} DAYS PRECEDING AND CURRENT ROW),
               later AS (PARTITION BY visitor_key, visitor_type ORDER BY session_number
                         ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    ), ended AS (
        SELECT * EXCLUDE (first_touch, last_touch),
               CASE WHEN last_touch.at >= session_start - INTERVAL {s.campaign_days} DAYS THEN last_touch.of END
                   AS last_campaign,
               first_touch.of AS first_campaign,
               session_end + INTERVAL {s.abandoned_after_minutes} MINUTES AS passes,
               CASE WHEN abandoned_step IS NOT NULL AND coalesce(next_order > passes, true) THEN passes END
                   AS abandoned_at
        FROM followed
    )
    SELECT {", ".join(COLUMNS)} FROM ended
    """
