"""What sources call the canonical columns, in German and English; compared in small letters without marks."""

from __future__ import annotations

import re

IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "customer_number": ("customernumber", "customerno", "customerid", "customer", "clientid", "householdid", "kundennummer",
                        "kundennr", "kundenid", "kunde", "kdnr", "debitor", "debitorennummer", "custid"),
    "loyalty_number": ("loyaltynumber", "loyaltyid", "cardnumber", "membernumber", "memberid", "kartennummer",
                       "mitgliedsnummer", "bonuskarte"),
    "user_id": ("userid", "accountid", "login", "benutzer", "benutzerid", "konto"),
    "email": ("email", "emailaddress", "mail", "mailadresse", "emailadresse"),
    "phone": ("phone", "phonenumber", "mobile", "telefon", "telefonnummer", "mobil", "handy", "tel"),
    "device_id": ("deviceid", "geraeteid"),
    "anonymous_id": ("anonymousid", "cookieid", "clientcookie", "visitorid", "fullvisitorid", "userpseudoid"),
}  # fmt: skip

SURELY_NET = ("netrevenue", "netamount", "nettoumsatz", "umsatznetto", "netto", "nettobetrag", "nettowert")
"""Names of revenue that say it is without VAT."""

_NO_MONEY, _MONEY = "%", "\u20ac$\u00a3"
_BARE_ID = "id"
"""In a warehouse's table of calls the message's; in the logs of shops it may be that of anything."""

COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "order_line": {
        "order_number": ("ordernumber", "orderid", "order", "invoiceno", "invoice", "invoicenumber", "basketid", "receipt",
                         "receiptnumber", "transactionid", "bestellung", "bestellnummer", "bestellnr", "auftragsnummer",
                         "auftragsnr", "rechnungsnummer", "rechnungsnr", "rechnung", "auftrag", "belegnummer", "belegnr",
                         "bonnummer"),
        "line_number": ("linenumber", "lineno", "position", "pos", "positionsnummer", "zeile", "posnr"),
        "order_time": ("ordertime", "orderdate", "invoicedate", "date", "datetime", "timestamp", "purchasedate",
                       "transactiondate", "transactiontimestamp", "createdat", "bestelldatum", "auftragsdatum",
                       "rechnungsdatum", "datum", "belegdatum", "zeit", "kaufdatum"),
        "product_number": ("productnumber", "productid", "sku", "stockcode", "item", "itemid", "articlenumber", "article",
                           "artikelnummer", "artikelnr", "artikel", "artnr", "ean", "gtin", "productcode"),
        "quantity": ("quantity", "qty", "units", "amountofitems", "menge", "anzahl", "stueck", "stueckzahl"),
        "unit_price": ("unitprice", "price", "einzelpreis", "preis", "stueckpreis", "vkpreis", "preisbrutto",
                       "bruttopreis", "einzelpreisbrutto", "verkaufspreis"),
        "net_revenue": (*SURELY_NET, "revenue", "salesvalue", "linetotal", "amount", "umsatz", "gesamtpreis",
                        "gesamtbetrag", "betrag", "zeilensumme", "positionssumme"),
        "gross_revenue": ("grossrevenue", "grossamount", "brutto", "bruttobetrag", "bruttoumsatz", "umsatzbrutto"),
        "vat": ("vat", "vatrate", "taxrate", "mwst", "mwstsatz", "ust", "steuersatz"),
        "discount": ("discount", "discountamount", "rabatt", "rabattbetrag", "nachlass"),
        "coupon": ("coupon", "couponcode", "voucher", "gutschein", "gutscheincode"),
        "cost": ("cost", "costofgoods", "cogs", "wareneinsatz", "kosten"),
        "currency": ("currency", "currencycode", "waehrung", "waehrungscode"),
        "channel": ("channel", "saleschannel", "kanal", "vertriebskanal"),
        "store": ("store", "storeid", "shop", "branch", "filiale", "filialnummer", "markt"),
        "payment": ("payment", "paymentmethod", "zahlart", "zahlungsart"),
        "is_return": ("isreturn", "return", "retoure", "istretoure", "storno"),
    },
    "customer_record": {
        "record_id": ("recordid", "id", *IDENTIFIERS["customer_number"]),
        "salutation": ("salutation", "anrede"),
        "gender": ("gender", "sex", "geschlecht"),
        "title": ("title", "titel"),
        "given_name": ("givenname", "firstname", "vorname"),
        "family_name": ("familyname", "lastname", "surname", "nachname", "name"),
        "birth_date": ("birthdate", "birthday", "dateofbirth", "dob", "geburtsdatum", "geburtstag", "geb"),
        "street": ("street", "address", "address1", "strasse", "adresse", "strassehausnummer"),
        "postal_code": ("postalcode", "zip", "zipcode", "postcode", "plz", "postleitzahl"),
        "city": ("city", "town", "ort", "stadt", "wohnort"),
        "country": ("country", "countrycode", "land", "laendercode"),
        "language": ("language", "lang", "sprache"),
        "customer_since": ("customersince", "registeredat", "createdat", "kundeseit", "anlagedatum", "registrierdatum"),
        "segment": ("segment", "kundensegment", "kundengruppe"),
        "is_blocked": ("blocked", "isblocked", "gesperrt", "werbesperre"),
        "is_deceased": ("deceased", "isdeceased", "verstorben"),
    },
    "product": {
        "product_number": ("productnumber", "productid", "sku", "stockcode", "articlenumber", "artikelnummer", "artikelnr",
                           "artnr", "ean", "gtin"),
        "name": ("name", "productname", "description", "bezeichnung", "artikelbezeichnung", "produktname", "beschreibung"),
        "category": ("category", "department", "maincategory", "warengruppe", "kategorie", "hauptkategorie", "abteilung"),
        "subcategory": ("subcategory", "productcategory", "unterkategorie", "warenuntergruppe"),
        "brand": ("brand", "manufacturer", "marke", "hersteller"),
        "price": ("price", "listprice", "preis", "verkaufspreis", "vk"),
        "margin": ("margin", "marge"),
        "introduced_on": ("introducedon", "launchdate", "eingefuehrtam"),
        "discontinued_on": ("discontinuedon", "auslaufdatum"),
    },
    "consent": {
        "purpose": ("purpose", "zweck"),
        "channel": ("channel", "kanal"),
        "status": ("status", "consent", "einwilligung", "optin"),
        "given_time": ("giventime", "consentdate", "date", "timestamp", "datum", "erteiltam", "zeitpunkt"),
        "basis": ("basis", "legalbasis", "rechtsgrundlage"),
        "text_version": ("textversion", "version"),
        "double_opt_in_time": ("doubleoptintime", "doitime", "bestaetigtam"),
    },
    "event": {
        "event_id": ("eventid", "messageid", _BARE_ID),
        "event_name": ("eventname", "event", "eventtype", "action", "ereignis"),
        "event_time": ("eventtime", "timestamp", "time", "eventtimestamp", "zeitstempel", "zeit"),
        "received_time": ("receivedtime", "receivedat"),
        "source_session_id": ("sessionid", "sourcesessionid", "usersession", "gasessionid", "contextsessionid"),
        "page.url": ("url", "pageurl", "pagelocation", "contextpageurl", "page", "seite"),
        "page.referrer": ("referrer", "referer", "pagereferrer", "contextpagereferrer"),
        "campaign.source": ("utmsource", "contextcampaignsource"),
        "campaign.medium": ("utmmedium", "contextcampaignmedium"),
        "campaign.name": ("utmcampaign", "contextcampaignname"),
        "device.user_agent": ("useragent", "contextuseragent"),
        "product.product_number": ("productid", "itemid", "sku", "artikelnummer"),
        "product.category": ("categorycode", "productcategory", "category", "kategorie"),
        "product.brand": ("brand", "marke"),
        "product.price": ("price", "productprice", "preis"),
        "product.quantity": ("quantity", "menge"),
        "order.order_number": ("transactionid", "orderid", "bestellnummer"),
        "search_term": ("searchterm", "query", "suchbegriff"),
    },
}  # fmt: skip


def plain(name: str) -> str:
    """`Rechnungs-Nr.` as `rechnungsnr`, `Straße` as `strasse`."""
    folded = name.casefold()
    for mark, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        folded = folded.replace(mark, letters)
    return re.sub(r"[^a-z0-9]", "", folded)


def find_columns(entity: str, names: list[str]) -> dict[str, str]:
    """Canonical column -> source column, each source column once; earlier synonyms are better."""
    found: dict[str, str] = {}
    is_tracked = any(plain(name) in IDENTIFIERS["anonymous_id"] for name in names)
    for canonical, synonyms in COLUMNS[entity].items():
        if canonical == "event_id" and not is_tracked:
            synonyms = tuple(s for s in synonyms if s != _BARE_ID)
        by_plain = {plain(name): name for name in reversed(names) if _may_hold(canonical, name)}
        fitting = (by_plain[s] for s in synonyms if s in by_plain)
        match = next((name for name in fitting if name not in found.values()), None)
        if match is not None:
            found[canonical] = match
    return found


def _may_hold(canonical: str, name: str) -> bool:
    """Whether a column with a sign in its name holds that: `MwSt €` is no rate, and `Rabatt %` no money."""
    if canonical == "vat":
        return not any(sign in name for sign in _MONEY)
    return _NO_MONEY not in name


def find_identifiers(names: list[str]) -> dict[str, str]:
    """Identifier type -> source column."""
    by_plain = {plain(name): name for name in reversed(names)}
    matches = {
        t: next((by_plain[s] for s in synonyms if s in by_plain), None) for t, synonyms in IDENTIFIERS.items()
    }
    return {id_type: name for id_type, name in matches.items() if name is not None}
