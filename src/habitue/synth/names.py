"""Names and places that people are given. They are common ones, in four languages; nobody in particular is meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Texts = NDArray[np.object_]

LANGUAGES = ("de", "en", "tr", "pl")
LANGUAGE_SHARES = (0.62, 0.14, 0.14, 0.10)

_WOMEN = {
    "de": "Anna Maria Sabine Petra Jule Käthe Lena Monika Ursula Birgit Heike Jana Grete Lisa Sophie Mia Emma Jördis",
    "en": "Emily Olivia Grace Charlotte Sarah Jane Rachel Amy Lucy Hannah Chloe Alice Megan Ruth Helen Kate",
    "tr": "Ayşe Fatma Zeynep Elif Emine Gülşen Şebnem Özlem Çiğdem Derya Esra Hülya İpek Nilüfer Sevgi Yıldız",
    "pl": "Agnieszka Małgorzata Katarzyna Zofia Łucja Żaneta Elżbieta Joanna Magda Grażyna Bożena Danuta Ewa Kinga Halina Iga",
}
_MEN = {
    "de": "Jürgen Hans Peter Björn Günther Klaus Uwe Jörg Stefan Thomas Lukas Finn Paul Max Jonas Kai Rüdiger Sören",
    "en": "Oliver George Harry Jack Thomas James William Henry Charles Daniel Samuel Adam Luke Ryan Simon Neil",
    "tr": "Mehmet Mustafa Ahmet Ömer Çağlar Şükrü Özgür Hüseyin Kemal Burak Emre Yiğit İbrahim Volkan Serkan Uğur",
    "pl": "Łukasz Paweł Krzysztof Wojciech Michał Grzegorz Stanisław Zbigniew Jan Piotr Adam Marek Tomasz Jerzy Rafał Józef",
}
_FAMILIES = {
    "de": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf "
    "Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Groß Jäger König Böhm Köhler Weiß Möller",
    "en": "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green "
    "Hall Wood Jackson Clarke O'Brien Patel Turner Hill Cooper Ward Morris Moore King Baker Harrison Lee",
    "tr": "Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt "
    "Özkan Şimşek Polat Korkmaz Çakır Erdoğan Güneş Bulut Ateş Aksoy Türk Ünal Güler Tekin",
    "pl": "Nowak Kowalska Wiśniewska Wójcik Kowalczyk Kamińska Lewandowska Zielińska Szymańska Woźniak Dąbrowska Kozłowska "
    "Jankowska Mazur Kwiatkowska Krawczyk Piotrowska Grabowska Pawłowska Michalska Król Wieczorek Jabłońska Wróbel Majewska "
    "Stępień Olszewska Jaworska Malinowska Dudek Adamczyk Górska",
}  # fmt: skip
STREETS = np.array(
    "Hauptstraße Bahnhofstraße Gartenweg Schulstraße Lindenallee Bergstraße Dorfstraße Mühlweg Kirchgasse Am_Markt "
    "Goethestraße Ringstraße Waldweg Seestraße Rosenweg Feldstraße".replace("_", " ").split(), dtype=object,
)  # fmt: skip
PLACES = np.array(
    ["10115 Berlin", "20095 Hamburg", "80331 München", "50667 Köln", "60311 Frankfurt", "70173 Stuttgart", "40213 Düsseldorf",
     "04109 Leipzig", "01067 Dresden", "30159 Hannover", "90402 Nürnberg", "28195 Bremen", "44135 Dortmund", "99084 Erfurt"],
    dtype=object,
)  # fmt: skip
DOMAINS = np.array(
    ["mail.synth", "post.synth", "brief.synth", "netz.synth", "poczta.synth", "eposta.synth"], dtype=object
)
"""Of a top level that is not given out: nobody can be written to."""

_PLAIN = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ş": "s", "ç": "c", "ğ": "g", "ı": "i", "ł": "l", "ż": "z", "ź": "z",
    "ę": "e", "ą": "a", "ó": "o", "ś": "s", "ć": "c", "ń": "n", "'": "", "-": "", "\u0307": "",
})  # fmt: skip


def given_names(language: int, is_woman: bool) -> Texts:
    """Given names of a language."""
    return np.array((_WOMEN if is_woman else _MEN)[LANGUAGES[language]].split(), dtype=object)


def family_names(language: int) -> Texts:
    """Family names of a language."""
    return np.array(_FAMILIES[LANGUAGES[language]].split(), dtype=object)


def plain(name: str) -> str:
    """As the name is written in an address."""
    return name.lower().translate(_PLAIN)


def misspelt(name: str, place: int, how: int) -> str:
    """A spelling variant: two letters swapped, one dropped, one doubled, or marks written out."""
    spot = 1 + place % max(len(name) - 2, 1)
    if how == 0:
        return name[:spot] + name[spot + 1 : spot + 2] + name[spot : spot + 1] + name[spot + 2 :]
    if how == 1:
        return name[:spot] + name[spot + 1 :]
    if how == 2:
        return name[:spot] + name[spot] + name[spot:] if spot < len(name) else name + name[-1]
    return plain(name).capitalize()
