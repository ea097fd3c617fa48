"""What sources call the canonical columns, in German and English; compared in small letters without marks."""

from __future__ import annotations

import re

from habitue.sources.currencies import CURRENCIES

IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "customer_number": ("customernumber", "customerno", "customerid", "customer", "clientid", "householdid", "kundennummer",
                        "kundennr", "kundenid", "kunde", "kdnr", "debitor", "debitorennummer", "custid", "custno",
                        "customernr", "customercode", "customerreference", "customerreferenceid", "buyerid", "shopperid",
                        "kundenreferenz", "geschaeftspartner"),
    "loyalty_number": ("loyaltynumber", "loyaltyid", "cardnumber", "membernumber", "memberid", "kartennummer",
                       "mitgliedsnummer", "bonuskarte"),
    "user_id": ("userid", "accountid", "login", "benutzer", "benutzerid", "konto"),
    "email": ("email", "emailaddress", "mail", "mailadresse", "emailadresse", "customeremail", "useremail", "contactemail",
              "buyeremail", "billingemail"),
    "phone": ("phone", "phonenumber", "mobile", "telefon", "telefonnummer", "mobil", "handy", "tel", "telephone",
              "mobilephone", "mobilnummer", "handynummer", "rufnummer", "customerphone", "billingphone"),
    "device_id": ("deviceid", "geraeteid"),
    "anonymous_id": ("anonymousid", "cookieid", "clientcookie", "visitorid", "fullvisitorid", "userpseudoid"),
}  # fmt: skip

SURELY_NET = ("netrevenue", "netamount", "nettoumsatz", "umsatznetto", "netto", "nettobetrag", "nettowert")
"""Names of revenue that say it is without VAT."""

OF_WHOLE_ORDERS = ("total", "totalamount", "orderamount", "ordervalue", "ordertotal", "grandtotal", "bestellwert", "auftragswert",
                   "rechnungsbetrag", "gesamtsumme", "summe")  # fmt: skip
"""Names of what an order is worth as a whole: revenue of a line only where each order is one."""
SURELY_MONEY = ("discountamount", "rabattbetrag")
"""Names of discounts that are no share of the price."""
_OF_MONEY = ("unit_price", "net_revenue", "gross_revenue", "discount", "cost", "price", "product.price")
"""Columns that a name with a currency in it may stand for: `MwSt EUR` is no rate, and `voucher_eur` no code."""

_NO_MONEY, _MONEY = "%", "\u20ac$\u00a3"
_BARE_ID = "id"
"""In a warehouse's table of calls the message's; in the logs of shops it may be that of anything."""
_BARE_NAME, _BESIDE_IT = "name", "lineitemquantity"
"""Shopify calls an order's number its name; elsewhere it is that of a person or a product."""
_SIGNS = {"\u20ac": "EUR", "$": "USD", "\u00a3": "GBP"}
_CURRENCY = re.compile(
    r"[\s_]*(?:[(\[]\s*([A-Za-z]{3}|[\u20ac$\u00a3])\s*[)\]]|[\s_](?:in[\s_])?(EUR|USD|GBP|CHF|PLN|SEK|NOK|DKK|CZK)"
    r"|(?:[\s_]in[\s_])?([\u20ac$\u00a3]))\s*$",
    re.IGNORECASE,
)
"""The currency at the end of a column's name: `Amount (USD)`, `price_eur`, `Umsatz in \u20ac`; bare only what is no word."""

COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "order_line": {
        "order_number": ("ordernumber", "orderid", "order", "invoiceno", "invoice", "invoicenumber", "basketid", "receipt",
                         "receiptnumber", "transactionid", "bestellung", "bestellnummer", "bestellnr", "auftragsnummer",
                         "auftragsnr", "rechnungsnummer", "rechnungsnr", "rechnung", "auftrag", "belegnummer", "belegnr",
                         "bonnummer", "bonnr", "orderno", "orderreference", "receiptid", "transactionnumber", "incrementid",
                         "bestellid", "auftragsid", "vorgangsnummer"),
        "line_number": ("linenumber", "lineno", "position", "pos", "positionsnummer", "zeile", "posnr", "orderlinenumber",
                        "orderline", "orderitemid", "zeilennummer", "positionsnr"),
        "order_time": ("ordertime", "orderdate", "invoicedate", "date", "datetime", "timestamp", "purchasedate",
                       "transactiondate", "transactiontimestamp", "createdat", "bestelldatum", "auftragsdatum",
                       "rechnungsdatum", "datum", "belegdatum", "zeit", "kaufdatum", "verkaufsdatum", "bondatum", "bestellzeit",
                       "bestellzeitpunkt", "orderedat", "orderdatetime", "orderpurchasetimestamp", "placedat", "purchasedat",
                       "datepurchase", "dateofpurchase", "purchasetime", "transactiontime", "saledate", "salesdate", "tdat"),
        "product_number": ("productnumber", "productid", "sku", "stockcode", "item", "itemid", "articlenumber", "article",
                           "artikelnummer", "artikelnr", "artikel", "artnr", "ean", "gtin", "productcode", "articleid",
                           "articleno", "itemcode", "itemnumber", "itemsku", "productsku", "lineitemsku", "itempurchased",
                           "materialnummer", "materialnumber", "upc", "barcode", "asin"),
        "quantity": ("quantity", "qty", "units", "amountofitems", "menge", "anzahl", "stueck", "stueckzahl",
                     "qtyordered", "orderqty", "orderquantity", "quantityordered", "itemquantity", "lineitemquantity", "pieces"),
        "unit_price": ("unitprice", "price", "einzelpreis", "preis", "stueckpreis", "vkpreis", "preisbrutto",
                       "bruttopreis", "einzelpreisbrutto", "verkaufspreis", "priceinctax", "priceincltax", "priceeach",
                       "priceperunit", "itemprice", "lineitemprice", "productprice", "sellingprice", "saleprice"),
        "net_revenue": (*SURELY_NET, "revenue", "salesvalue", "linetotal", "amount", "umsatz", "gesamtpreis",
                        "gesamtbetrag", "betrag", "zeilensumme", "positionssumme", "zeilenwert", "positionswert", "warenwert",
                        "rowtotal", "lineamount", "linevalue", "itemtotal", "extendedprice", "sales", "salesamount",
                        "purchaseamount", "totalsales", "totalprice", *OF_WHOLE_ORDERS),
        "gross_revenue": ("grossrevenue", "grossamount", "brutto", "bruttobetrag", "bruttoumsatz", "umsatzbrutto"),
        "vat": ("vat", "vatrate", "taxrate", "taxpercent", "vatpercent", "mwst", "mwstsatz", "ust", "steuersatz"),
        "discount": ("discount", "discountamount", "rabatt", "rabattbetrag", "nachlass"),
        "coupon": ("coupon", "couponcode", "discountcode", "voucher", "vouchercode", "gutschein", "gutscheincode"),
        "cost": ("cost", "costofgoods", "cogs", "wareneinsatz", "kosten"),
        "currency": ("currency", "currencycode", "waehrung", "waehrungscode", "ordercurrency", "ordercurrencycode"),
        "channel": ("channel", "saleschannel", "saleschannelid", "kanal", "vertriebskanal"),
        "store": ("store", "storeid", "shop", "branch", "filiale", "filialnummer", "filialnr", "markt", "storenumber",
                  "storename"),
        "payment": ("payment", "paymentmethod", "paymenttype", "zahlart", "zahlungsart"),
        "is_return": ("isreturn", "return", "retoure", "istretoure", "storno"),
    },
    "customer_record": {
        "record_id": ("recordid", "id", *IDENTIFIERS["customer_number"]),
        "salutation": ("salutation", "anrede"),
        "gender": ("gender", "sex", "geschlecht"),
        "title": ("title", "titel"),
        "given_name": ("givenname", "firstname", "vorname", "forename", "rufname"),
        "family_name": ("familyname", "lastname", "surname", "nachname", "familienname", "name"),
        "birth_date": ("birthdate", "birthday", "dateofbirth", "dob", "geburtsdatum", "geburtstag", "geb", "gebdatum"),
        "street": ("street", "address", "address1", "strasse", "adresse", "strassehausnummer", "anschrift", "streetaddress",
                   "addressline1"),
        "postal_code": ("postalcode", "zip", "zipcode", "postcode", "plz", "postleitzahl"),
        "city": ("city", "town", "ort", "stadt", "wohnort", "suburb"),
        "country": ("country", "countrycode", "land", "laendercode"),
        "language": ("language", "lang", "sprache"),
        "customer_since": ("customersince", "registeredat", "createdat", "kundeseit", "anlagedatum", "registrierdatum",
                           "kundenseit", "erstelltam", "angelegtam", "signupdate", "registrationdate", "membersince",
                           "joindate", "dtcustomer"),
        "segment": ("segment", "kundensegment", "kundengruppe"),
        "is_blocked": ("blocked", "isblocked", "gesperrt", "werbesperre"),
        "is_deceased": ("deceased", "isdeceased", "verstorben"),
    },
    "product": {
        "product_number": ("productnumber", "productid", "sku", "stockcode", "articlenumber", "artikelnummer", "artikelnr",
                           "artnr", "ean", "gtin", "articleid", "itemid", "itemcode"),
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
        "event_time": ("eventtime", "timestamp", "time", "eventtimestamp", "zeitstempel", "zeit", "eventdate"),
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


def currency_of(name: str) -> str | None:
    """The code of the currency that a column's name ends with."""
    match = _CURRENCY.search(name)
    found = next((part for part in match.groups() if part), None) if match else None
    code = _SIGNS.get(found, found.upper()) if found else None
    return code if code in CURRENCIES else None


def find_columns(entity: str, names: list[str]) -> dict[str, str]:
    """Canonical column -> source column, each source column once; earlier synonyms are better."""
    found: dict[str, str] = {}
    is_tracked = any(plain(name) in IDENTIFIERS["anonymous_id"] for name in names)
    is_shopify = any(plain(name) == _BESIDE_IT for name in names)
    for canonical, synonyms in COLUMNS[entity].items():
        if canonical == "event_id" and not is_tracked:
            synonyms = tuple(s for s in synonyms if s != _BARE_ID)
        if canonical == "order_number" and is_shopify:
            synonyms = (_BARE_NAME, *synonyms)
        fit = [name for name in reversed(names) if _may_hold(canonical, name)]
        # a name without a currency goes before the same one with it
        by_plain = {bare(name): name for name in fit} | {plain(name): name for name in fit}
        fitting = (by_plain[s] for s in synonyms if s in by_plain)
        match = next((name for name in fitting if name not in found.values()), None)
        if match is not None:
            found[canonical] = match
    return found


def bare(name: str) -> str:
    """The plain name without its currency: `Amount (USD)` as `amount`."""
    return plain(_CURRENCY.sub("", name) if currency_of(name) else name)


def _may_hold(canonical: str, name: str) -> bool:
    """Whether a column with a sign in its name holds that: `MwSt €` is no rate, and `Rabatt %` no money."""
    if canonical == "vat":
        return currency_of(name) is None and not any(sign in name for sign in _MONEY)
    return _NO_MONEY not in name and (canonical in _OF_MONEY or currency_of(name) is None)


def find_identifiers(names: list[str]) -> dict[str, str]:
    """Identifier type -> source column."""
    by_plain = {plain(name): name for name in reversed(names)}
    matches = {
        t: next((by_plain[s] for s in synonyms if s in by_plain), None) for t, synonyms in IDENTIFIERS.items()
    }
    return {id_type: name for id_type, name in matches.items() if name is not None}
