"""The report's words in German, by their English form."""

from __future__ import annotations

from dataclasses import dataclass

GERMAN = {
    "Customer report": "Kundenbericht",
    "as of the start of": "Stand zu Beginn des",
    "days are cut in": "Tage gelten in der Zone",
    "Persons": "Personen",
    "Buyers": "Käufer",
    "Orders": "Bestellungen",
    "Net revenue": "Nettoumsatz",
    "Audiences": "Zielgruppen",
    "Exportable": "Exportierbar",
    "From raw identifiers to exported members": "Von Kennungen zu exportierten Personen",
    "Every step names what it counts; what is lost on the way is listed below each audience.":
        "Jede Stufe sagt, was sie zählt; Verluste stehen bei jeder Zielgruppe.",
    "Size, arms, reach and change of each audience. A person can be in several.":
        "Größe, Testgruppen, Reichweite und Veränderung. Eine Person kann in mehreren sein.",
    "Audience": "Zielgruppe", "Members": "Mitglieder", "Holdout": "Kontrollgruppe", "Exported": "Exportiert",
    "Entered": "Neu", "Left": "Ausgeschieden", "Why not exportable": "Warum nicht exportierbar",
    "Overlap": "Überschneidung",
    "Share of the row's audience that is also in the column's.": "Anteil der Zielgruppe der Zeile, der auch in der der Spalte ist.",
    "Customer lifetime value": "Kundenwert (CLV)",
    "Mean value of the next 365 days by tenth of buyers, best first.": "Mittlerer Wert der nächsten 365 Tage je Zehntel der Käufer, beste zuerst.",
    "Tenth": "Zehntel", "Mean CLV": "Mittlerer CLV", "Share of value": "Anteil am Wert",
    "Assumptions": "Annahmen", "Predicted against actual": "Vorhersage gegen Wirklichkeit",
    "Spend in the test window by tenth of predicted spend: prediction (wide) and what came (thin).":
        "Ausgaben im Testfenster je Zehntel der Vorhersage: Vorhersage (breit) und Wirklichkeit (schmal).",
    "Who makes the revenue": "Wer den Umsatz macht",
    "Share of revenue of the last 365 days against share of buyers, best first.": "Umsatzanteil der letzten 365 Tage gegen Anteil der Käufer, beste zuerst.",
    "share of buyers": "Anteil der Käufer", "share of revenue": "Anteil am Umsatz",
    "Churn model": "Abwanderungsmodell",     "predicted probability": "vorhergesagte Wahrscheinlichkeit", "observed share": "beobachteter Anteil",
    "share of persons, most at risk first": "Anteil der Personen, gefährdetste zuerst", "share of churners found": "Anteil gefundener Abwanderer",
    "Calibration": "Kalibrierung", "Gains": "Trefferkurve", "Model": "Modell", "perfect": "ideal", "model": "Modell", "random": "zufällig", "equal shares": "gleiche Anteile",
    "Lifecycle": "Lebenszyklus",     "Where persons stand, and where they stood 90 days before.": "Wo Personen stehen und wo sie 90 Tage zuvor standen.",
    "from (row) to (column)": "von (Zeile) nach (Spalte)",
    "Data quality": "Datenqualität", "Source": "Quelle", "Entity": "Entität", "Read": "Gelesen", "Good": "Gut",
    "Repeated": "Wiederholt", "Quarantined": "In Quarantäne", "Known since": "Bekannt seit",
    "Rows read = good + repeated + quarantined, proven in every run.": "Gelesen = gut + wiederholt + Quarantäne, in jedem Lauf geprüft.",
    "Reasons of the quarantine": "Gründe der Quarantäne", "Filled profile columns by class": "Gefüllte Profilspalten je Klasse",
    "Findings": "Feststellungen", "Run": "Lauf", "Step": "Schritt", "Outcome": "Ergebnis", "Seconds": "Sekunden",
    "Table": "Tabelle", "Version": "Version", "Rows": "Zeilen", "Newest fact": "Neueste Tatsache",
    "Tables of this release": "Tabellen dieser Ausgabe", "Withheld exports": "Zurückgehaltene Exporte",
    "No churn model was judged in this project yet.": "Noch kein Abwanderungsmodell bewertet.",
    "No value model was judged in this project yet.": "Noch kein Wertmodell bewertet.",
    "This model did not beat the best baseline; the baseline is used.": "Dieses Modell schlug den besten Vergleichswert nicht; der Vergleichswert wird verwendet.",
    "This first model has weaknesses, which its training names; it serves until a better one is there.":
        "Dieses erste Modell hat Schwächen, die sein Training nennt; es dient, bis ein besseres da ist.",
    "trained on facts before": "trainiert mit Tatsachen vor", "version": "Version",
    "Expected and actual purchases": "Erwartete und tatsächliche Käufe",
    "Purchase days per customer by tenth of what was expected: expected (wide) and actual (thin).":
        "Kauftage je Kunde nach Zehntel der Erwartung: erwartet (breit) und tatsächlich (schmal).",
    "Visits": "Besuche", "Visits that began in the last 30 days.": "Besuche, die in den letzten 30 Tagen begannen.",
    "of visitors who were here before": "von Besuchern, die schon da waren", "with attention": "mit Aufmerksamkeit",
    "of bots, not counted here": "von Robotern, hier nicht gezählt", "Left without an order": "Ohne Bestellung verlassen",
    "Value as tracked": "Wert laut Messung", "Furthest step of visits": "Weitester Schritt der Besuche",
    "Identity": "Identität",
    "Which identifiers are one person; a link that would break a limit does not count.":
        "Welche Kennungen eine Person sind; eine Verbindung, die eine Grenze verletzen würde, zählt nicht.",
    "No identifier was resolved.": "Keine Kennung wurde aufgelöst.",
    "Persons by number of identifiers": "Personen nach Zahl der Kennungen",
    "Links that do not count, by reason": "Verbindungen, die nicht zählen, nach Grund", "Every link counts.": "Jede Verbindung zählt.",
    "Signs of too much merged": "Zeichen für zu viel Zusammengeführtes", "Signs of too little merged": "Zeichen für zu wenig Zusammengeführtes",
    "Largest and repaired persons": "Größte und reparierte Personen", "largest": "größte", "repaired": "repariert", "identifiers": "Kennungen",
    "Dots are identifiers by type, never values; lines are the rules that link them, dashed where a link was refused.":
        "Punkte sind Kennungen nach Art, nie Werte; Linien sind die Regeln der Verbindung, gestrichelt, wo sie abgelehnt wurde.",
}  # fmt: skip


VALUES = {
    "identifiers": "Kennungen", "persons": "Personen", "buyers": "Käufer", "with a churn score": "mit Abwanderungswert",
    "in an audience": "in einer Zielgruppe", "reachable in one": "dort erreichbar", "exported rows": "exportierte Zeilen",
    "anonymous": "anonym", "prospect": "Interessent", "evaluating": "prüfend", "first_buyer": "Erstkäufer", "active": "aktiv",
    "loyal": "treu", "at_risk": "gefährdet", "dormant": "ruhend", "lost": "verloren", "new": "neu",
    "suppressed": "gesperrt", "holdout": "in einer Kontrollgruppe", "in the global holdout": "in der allgemeinen Kontrollgruppe",
    "in the audience's own holdout": "in der Kontrollgruppe der Zielgruppe",
    "the audience is not for contact": "die Zielgruppe ist nicht für Kontakte", "no address for the channel": "keine Adresse für den Kanal",
    "no consent source": "keine Quelle für Einwilligungen", "no consent given": "keine Einwilligung",
    "same_record": "auf einem Datensatz", "login": "Anmeldung", "same_person": "Abgleich von Datensätzen", "manual": "von Hand",
    "refused": "abgelehnt", "two numbers of one source": "zwei Nummern einer Quelle", "limit of a person": "Grenze einer Person",
    "value of several owners": "Wert mehrerer Besitzer", "value that names nobody": "Wert, der niemanden nennt",
    "records that name two people": "Datensätze, die zwei Menschen nennen",
    "kept apart by a reviewer": "von Hand getrennt", "blocked by a reviewer": "von Hand gesperrt",
    "no consent to evidence": "keine Einwilligung in Angaben", "consent to evidence withdrawn": "Einwilligung widerrufen",
    "a decision has ended": "Entscheidung von Hand beendet", "device changed hands": "Gerät wechselte den Besitzer",
    "value went to another record": "Wert ging an einen anderen Datensatz",
    "persons with more than 50 identifiers": "Personen mit mehr als 50 Kennungen", "persons at the limit of a type": "Personen an der Grenze einer Art",
    "links by matching of records alone": "Verbindungen nur aus dem Abgleich", "persons with one identifier": "Personen mit einer Kennung",
    "links refused by a limit": "an einer Grenze abgelehnte Verbindungen", "pairs of records for review": "Datensatzpaare zur Prüfung",
    "visit": "Besuch", "browse": "Produkt angesehen", "form": "Formular", "cart": "Warenkorb", "checkout": "Kasse", "order": "Bestellung",
    "mapped column": "zugeordnete Spalte", "received time in the data": "Empfangszeit in den Daten",
    "time of ingest": "Zeit des Einlesens", "historical load": "historischer Bestand",
    "consent denied or withdrawn": "Einwilligung verweigert oder widerrufen", "unsubscribed from the channel": "vom Kanal abgemeldet",
}  # fmt: skip
"""Words of the facts: steps of the funnel, stages of the lifecycle, and why a person cannot be reached."""


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: str = "en"

    def __call__(self, english: str) -> str:
        """The word or sentence in the report's language."""
        return GERMAN[english] if self.language == "de" else english

    def value(self, english: str) -> str:
        """A word of a table in the report's language; as it is where it is a name of the project's own."""
        known, _, detail = english.partition(": ")
        if self.language != "de" or known not in VALUES:
            return english
        return f"{VALUES[known]}: {detail}" if detail else VALUES[known]
