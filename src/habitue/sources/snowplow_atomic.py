"""The columns of Snowplow's atomic events, and how a file of them is written.

The enriched stream is TSV without header, 131 columns in a fixed order, never quoted. The
same without its three JSON columns is what the loader for Redshift writes. Exports of a
warehouse have a header and any quoting. (docs.snowplow.io: enriched TSV format, canonical
event.)
"""

from __future__ import annotations

import csv
import io
import re

from habitue.errors import InputError
from habitue.sources.format_options import separator
from habitue.sources.inputs import Dialect, Options

ENRICHED: tuple[str, ...] = tuple(
    re.findall(
        r"\w+",
        """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
    v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
    geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
    ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
    page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
    refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
    contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
    tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
    pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
    br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
    br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
    br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
    dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
    tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
    etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp
    event_vendor event_name event_format event_version event_fingerprint true_tstamp
    """,
    )
)
JSON_COLUMNS = ("contexts", "unstruct_event", "derived_contexts")
LOADED = (*(name for name in ENRICHED if name not in JSON_COLUMNS), "load_tstamp")
"""What a loader writes to a table whose contexts and self-describing events lie in tables of their own."""

TYPED = (
    *(
        "event",
        "event_id",
        "event_name",
        "event_vendor",
        "event_fingerprint",
        "platform",
        "app_id",
        "v_tracker",
    ),
    *("dvce_created_tstamp", "dvce_tstamp", "dvce_sent_tstamp", "collector_tstamp", "derived_tstamp"),
    *("true_tstamp", "load_tstamp", "user_id", "domain_userid", "network_userid", "domain_sessionid"),
    *(
        "page_url",
        "page_urlpath",
        "page_title",
        "page_referrer",
        "useragent",
        "dvce_type",
        "os_name",
        "os_family",
    ),
    *("br_family", "br_name", "br_lang", "os_timezone", "geo_timezone"),
    *("mkt_source", "mkt_medium", "mkt_campaign", "mkt_term", "mkt_content", "mkt_clickid"),
    *("se_category", "se_action", "tr_orderid", "tr_total", "tr_tax", "tr_shipping", "tr_currency"),
    *("ti_orderid", "ti_sku", "ti_category", "ti_price", "ti_quantity", "ti_currency"),
)
"""Columns that become columns of the contract. `dvce_tstamp` is the old name of the creation on the device."""

KEPT = (
    *(
        "app_id",
        "platform",
        "name_tracker",
        "v_tracker",
        "event_vendor",
        "event_version",
    ),
    *("geo_country", "geo_region", "geo_region_name", "geo_city", "refr_medium", "refr_source", "refr_term"),
    *(
        "mkt_network",
        "se_category",
        "se_action",
        "se_label",
        "se_property",
        "se_value",
        "tr_affiliation",
        "ti_name",
    ),
    *("pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max", "doc_width", "doc_height"),
    *("br_viewwidth", "br_viewheight", "dvce_screenwidth", "dvce_screenheight"),
)
"""Columns kept as properties. What the pipeline adds on the way and what names a person is not among them."""

KNOWN = frozenset(
    (*ENRICHED, *LOADED, *TYPED, *KEPT, "refr_dvce_tstamp", "domain_sessionidx", "geo_location")
)
"""Any other column is the project's own and becomes a property."""

_EVENT_AT = ENRICHED.index("event")
_EVENTS = {"page_view", "page_ping", "struct", "unstruct", "transaction", "transaction_item", "ue"}
_DELIMITERS = ("\t", ",", ";", "|")
_NO_QUOTE = "\u0000"


def dialect(text: str, options: Options) -> Dialect:
    """How a file is written, from its beginning; what `options` say is not guessed.

    A header names `event_id`. Without one the columns count: the enriched stream, or what a loader writes.
    Only exports of a warehouse have cells of several lines.
    """
    line = text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    stated = options.get("delimiter") or options.get("sep")
    delimiter = separator(str(stated)) if stated else _delimiter(line)
    cells = next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=delimiter), [])
    has_header = "event_id" in (cell.strip().lower() for cell in cells)
    written: Options = {"delimiter": delimiter, "header": has_header}
    if has_header:
        is_told = "multiline" in (name.lower() for name in options)
        if not is_told and delimiter != "\t" and _spans_lines(text, delimiter, len(cells)):
            written["multiLine"] = True
        return Dialect({**options, **written})
    bare = line.split(delimiter)
    # a quote in a file without quoting is a character like any other
    is_quoted = delimiter != "\t" or (len(cells) in _WIDTHS and len(bare) not in _WIDTHS) or _is_quoted(bare)
    names = _names([cell.strip() for cell in (cells if is_quoted else bare)])
    unquoted: Options = {} if is_quoted or "quote" in options else {"quote": "", "escape": _NO_QUOTE}
    return Dialect({**options, **written, **unquoted}, names)


def _spans_lines(text: str, delimiter: str, width: int) -> bool:
    """Whether a cell of a row that is whole has a line break: a quote that is none reaches over the ends of rows."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return any(len(row) == width and any("\n" in cell for cell in row) for row in rows)
    except csv.Error:  # such a quote, or the end of the sample
        return False


def _delimiter(line: str) -> str:
    """What parts the cells of a line. Its JSON may hold more commas than the stream has tabs."""
    by_tab = line.split("\t")
    if len(by_tab) > _EVENT_AT and by_tab[_EVENT_AT].strip(' "').lower() in _EVENTS:
        return "\t"
    return max(_DELIMITERS, key=line.count)


_WIDTHS = (len(ENRICHED), len(LOADED), len(LOADED) - 1)


def _is_quoted(cells: list[str]) -> bool:
    """Whether the kind of event or its id stands in quotes: they never do in the enriched stream."""
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells[_EVENT_AT : _EVENT_AT + 2])


_TIME = r"\d{4}-\d{2}-\d{2}[ T].*"
_FORMS = {
    **dict.fromkeys(JSON_COLUMNS, r"[{\[].*"),
    **dict.fromkeys(("derived_tstamp", "load_tstamp"), _TIME),
    "event_version": r"\d+-\d+-\d+",
}
"""What stands in some columns, if anything does: the stream and the table have them at other places."""
_NULLS = ("", "\\N", "NULL", "null")


def _names(cells: list[str]) -> tuple[str, ...]:
    """Names for a row without header: those of the stream, or of a table, whichever its cells have the form of.

    Older and newer pipelines write fewer or more columns at the end of the stream, and a project has columns of its
    own behind those of the table.
    """
    tables = [names for names in (LOADED, LOADED[:-1]) if len(cells) >= len(names)]
    by_width = [*tables, ENRICHED] if len(cells) in _WIDTHS[1:] else [ENRICHED, *tables]
    # one row of a known width may be faulty: it tells nothing of those behind it
    known = next((names for names in by_width if _fits(cells, names)), by_width[0])
    is_told = len(cells) in _WIDTHS or _fits(cells, known)
    if not is_told or len(cells) <= _EVENT_AT + 1 or cells[_EVENT_AT].lower() not in _EVENTS:
        widths = f"{_WIDTHS[0]} columns of the stream, or {_WIDTHS[2]} or {_WIDTHS[1]} of the table"
        raise InputError(
            "A file has neither a header nor the columns of Snowplow's enriched events.",
            [f"expected a header with event_id, or {widths}, found {len(cells)} columns of another form"],
            hint="Deliver the files with a header, or set options.delimiter of the source.",
        )
    return tuple(known[i] if i < len(known) else f"_c{i}" for i in range(len(cells)))


def _fits(cells: list[str], names: tuple[str, ...]) -> bool:
    """Whether a row has nothing of another form where these names have a column of a certain one.

    One that is wider than any table or stream must have something there: empty cells fit everywhere.
    """
    stated = {name: cell for name, cell in zip(names, cells, strict=False) if cell not in _NULLS}
    forms = [(stated[name], form) for name, form in _FORMS.items() if name in stated]
    is_shown = bool(forms) or len(cells) <= max(_WIDTHS)
    return is_shown and all(re.fullmatch(form, cell, re.DOTALL) for cell, form in forms)
