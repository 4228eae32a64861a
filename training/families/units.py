"""Units, common and rare: each is known by its size in one unit of its kind, and code always goes through that."""

from __future__ import annotations

import random

from training.ask import Ask, family, python_ask, simple
from training.slots import real, whole

KINDS: dict[str, dict[str, str]] = {
    "length": {
        "metres|meters|m": "1", "kilometres|kilometers|km": "1000", "centimetres|centimeters|cm": "0.01",
        "millimetres|mm": "0.001", "miles|mi": "1609.344", "yards|yd": "0.9144", "feet|ft": "0.3048",
        "inches|in": "0.0254", "nautical miles": "1852", "furlongs": "201.168", "fathoms": "1.8288",
        "chains": "20.1168", "rods": "5.0292", "leagues": "4828.032", "hands": "0.1016", "cubits": "0.4572",
        "light-years|light years": "9.4607e15", "astronomical units|AU": "1.495978707e11", "parsecs": "3.0857e16",
        "micrometres|microns": "1e-6", "nanometres|nm": "1e-9", "angstroms": "1e-10", "points": "0.000352778",
    },
    "mass": {
        "kilograms|kilos|kg": "1", "grams|g": "0.001", "milligrams|mg": "1e-6", "tonnes|metric tons": "1000",
        "pounds|lbs|lb": "0.45359237", "ounces|oz": "0.028349523", "stones|stone": "6.35029318",
        "grains": "6.479891e-5", "carats": "0.0002", "troy ounces": "0.0311034768", "short tons": "907.18474",
        "long tons": "1016.0469", "slugs": "14.593903", "drams": "0.0017718452",
    },
    "volume": {
        "litres|liters|l": "1", "millilitres|ml": "0.001", "cubic metres": "1000", "gallons|US gallons": "3.785411784",
        "imperial gallons|UK gallons": "4.54609", "quarts": "0.946352946", "pints|US pints": "0.473176473",
        "imperial pints|UK pints": "0.56826125", "cups": "0.2365882365", "fluid ounces|fl oz": "0.0295735296",
        "tablespoons|tbsp": "0.0147867648", "teaspoons|tsp": "0.0049289216", "barrels|oil barrels": "158.987295",
        "cubic feet": "28.316846592", "cubic inches": "0.016387064", "bushels": "35.23907", "hogsheads": "238.48094",
    },
    "area": {
        "square metres|square meters|m2": "1", "square kilometres|km2": "1e6", "hectares|ha": "10000",
        "acres": "4046.8564224", "square feet|sq ft": "0.09290304", "square inches": "0.00064516",
        "square miles": "2589988.11", "square yards": "0.83612736", "ares": "100",
    },
    "speed": {
        "metres per second|m/s": "1", "kilometres per hour|km/h|kph": "0.27777777778", "miles per hour|mph": "0.44704",
        "knots": "0.51444444444", "feet per second": "0.3048", "mach": "340.29",
    },
    "energy": {
        "joules|J": "1", "kilojoules|kJ": "1000", "calories|cal": "4.184", "kilocalories|kcal": "4184",
        "kilowatt-hours|kWh": "3.6e6", "watt-hours|Wh": "3600", "BTU|BTUs": "1055.056", "electronvolts|eV": "1.602177e-19",
        "foot-pounds": "1.355818",
    },
    "power": {"watts|W": "1", "kilowatts|kW": "1000", "megawatts|MW": "1e6", "horsepower|hp": "745.6999", "metric horsepower|PS": "735.49875"},
    "pressure": {
        "pascals|Pa": "1", "kilopascals|kPa": "1000", "bar|bars": "100000", "millibars|mbar": "100",
        "psi|PSI": "6894.757", "atmospheres|atm": "101325", "torr|mmHg": "133.322", "inches of mercury": "3386.389",
    },
    "data": {
        "bytes|B": "1", "kilobytes|KB": "1e3", "megabytes|MB": "1e6", "gigabytes|GB": "1e9", "terabytes|TB": "1e12",
        "kibibytes|KiB": "1024", "mebibytes|MiB": "1048576", "gibibytes|GiB": "1073741824", "bits": "0.125",
        "megabits|Mbit": "125000", "gigabits|Gbit": "1.25e8",
    },
    "time": {
        "seconds|s": "1", "minutes|min": "60", "hours|h": "3600", "days": "86400", "weeks": "604800", "fortnights": "1209600",
        "years": "31557600", "decades": "315576000", "milliseconds|ms": "0.001", "microseconds": "1e-6",
    },
    "angle": {"degrees": "0.01745329252", "radians|rad": "1", "gradians|gon": "0.01570796327", "turns|revolutions": "6.283185307", "arcminutes": "0.000290888"},
    "force": {"newtons|N": "1", "kilonewtons|kN": "1000", "pounds-force|lbf": "4.448222", "dynes": "1e-5", "kilogram-force|kgf": "9.80665"},
}  # fmt: skip
"""Kind → names of a unit → how many of the kind's first unit it is."""

QUESTION = (
    "[Convert {n} {a} [to|into] {b}.|How many {b} are [there|] in {n} {a}?|How many {b} are {n} {a}?|What is {n} {a} in {b}?"
    "|{n} {a} in {b}|{n} {a} to {b}|How much is {n} {a} in {b}?|I have {n} {a}, how many {b} is that?"
    "|Express {n} {a} in {b}.|{n} {a} equals how many {b}?|Change {n} {a} into {b}.]"
)


COMMON = 8
"""The first this many units of a kind are three times as common as the others."""


def _two(rng: random.Random, units: list[tuple[str, str]]) -> tuple[tuple[str, str], tuple[str, str]]:
    weights = [3 if position < COMMON else 1 for position in range(len(units))]
    first = rng.choices(units, weights)[0]
    while (second := rng.choices(units, weights)[0]) == first:
        pass
    return first, second


def _conversions(kind: str) -> None:
    units = KINDS[kind]

    @family(f"convert {kind}")
    def make(rng: random.Random) -> Ask:
        (a, size_a), (b, size_b) = _two(rng, list(units.items()))
        amount = real(1, 900)(rng) if rng.random() < 0.6 else whole(1, 60)(rng)
        said = {"n": amount.said, "a": rng.choice(a.split("|")), "b": rng.choice(b.split("|"))}
        code = f"{amount.code} * {size_a} / {size_b}"
        return python_ask(rng, QUESTION, f"print(f'{{{code}:.7g}}')", "{n} {a} are {0} {b}.", said)

    del make


for _kind in KINDS:
    _conversions(_kind)

TEMPERATURE = "[Convert {n} degrees {a} to {b}.|What is {n} {a} in {b}?|{n} °{c} in {b}|How warm is {n} degrees {a} in {b}?|{n} {a} to {b}]"
FORMULAS = {
    ("Celsius", "Fahrenheit"): "{n} * 9 / 5 + 32", ("Fahrenheit", "Celsius"): "({n} - 32) * 5 / 9",
    ("Celsius", "Kelvin"): "{n} + 273.15", ("Kelvin", "Celsius"): "{n} - 273.15",
    ("Fahrenheit", "Kelvin"): "({n} - 32) * 5 / 9 + 273.15", ("Kelvin", "Fahrenheit"): "({n} - 273.15) * 9 / 5 + 32",
}  # fmt: skip


@family("convert temperature")
def temperature(rng: random.Random) -> Ask:
    (a, b), formula = rng.choice(list(FORMULAS.items()))
    amount = real(-40, 400, 1)(rng)
    said = {"n": amount.said, "a": a, "b": b, "c": a[0]}
    code = f"print(round({formula.replace('{n}', amount.code)}, 4))"
    return python_ask(rng, TEMPERATURE, code, "{n} degrees {a} are {0} degrees {b}.", said)


simple(
    "feet and inches",
    "[How many [cm|centimetres] are {a} feet {b} inches?|{a}'{b}\" in cm|I am {a} feet {b} inches tall. How many centimetres is that?]",
    "print(round({a} * 30.48 + {b} * 2.54, 4))",
    "{a} feet {b} inches are {0} cm.",
    a=whole(2, 8),
    b=whole(1, 11),
)
simple(
    "download",
    "[How long does it take to download {a} GB at {b} Mbit/s?|Download time of {a} gigabytes at {b} megabits per second?]",
    "print(round({a} * 8000 / {b}, 4))",
    "It takes {0} seconds.",
    a=whole(1, 90),
    b=whole(5, 900),
)
simple(
    "per 100 km",
    "[How many litres per 100 km are {a} miles per gallon?|Convert {a} mpg to l/100 km.]",
    "print(round(235.214583 / {a}, 4))",
    "{a} mpg are {0} litres per 100 km.",
    a=whole(12, 70),
)
simple(
    "pace",
    "[What is my pace per km if I run {a} km in {b} minutes?|{a} km in {b} minutes: minutes per km?]",
    "print(round({b} / {a}, 4))",
    "The pace is {0} minutes per km.",
    a=whole(3, 42),
    b=whole(15, 300),
)
