"""Units, common and rare: a library knows their sizes, so that a call only names them."""

from __future__ import annotations

import random

from training.ask import Ask, family, python_ask, simple
from training.slots import real, whole

KINDS: dict[str, str] = {
    "length": (
        "metres|meters|m, kilometres|kilometers|km, centimetres|centimeters|cm, millimetres|mm, miles|mi=mile, yards|yd, feet|ft, "
        "inches|in=inch, nautical miles=nautical_mile, furlongs, fathoms, chains=chain, rods, leagues=league, hands, "
        "light-years=light_year|light years=light_year, astronomical units=astronomical_unit|AU=astronomical_unit, parsecs, "
        "micrometres|microns, nanometres|nm, angstroms, points=point"
    ),
    "mass": (
        "kilograms|kilos=kg|kg, grams|g, milligrams|mg, tonnes|metric tons=metric_ton, pounds|lbs|lb, ounces|oz, stones|stone, "
        "grains=grain, carats=carat, troy ounces=troy_ounce, short tons=short_ton, long tons=long_ton, slugs, drams"
    ),
    "volume": (
        "litres|liters|l, millilitres|ml, cubic metres, gallons|US gallons=gallon, imperial gallons=imperial_gallon|UK "
        "gallons=imperial_gallon, quarts, pints|US pints=pint, imperial pints=imperial_pint|UK pints=imperial_pint, cups, fluid "
        "ounces=fluid_ounce|fl oz=fluid_ounce, tablespoons|tbsp, teaspoons|tsp, barrels=oil_barrel|oil barrels=oil_barrel, cubic "
        "feet, cubic inches, bushels=bushel, hogsheads=hogshead"
    ),
    "area": (
        "square metres|square meters|m2=m**2, square kilometres|km2=km**2, hectares=hectare|ha=hectare, acres=acre, square "
        "feet|sq ft=ft**2, square inches, square miles, square yards, ares=are"
    ),
    "speed": "metres per second|m/s, kilometres per hour|km/h|kph, miles per hour|mph, knots, feet per second",
    "energy": (
        "joules|J, kilojoules|kJ, calories|cal=calorie, kilocalories|kcal, kilowatt-hours=kWh|kWh, watt-hours=Wh|Wh, "
        "BTU|BTUs=BTU, electronvolts|eV, foot-pounds=foot_pound"
    ),
    "power": "watts|W, kilowatts|kW, megawatts|MW, horsepower|hp=horsepower, metric horsepower=metric_horsepower|PS=metric_horsepower",
    "pressure": (
        "pascals|Pa, kilopascals|kPa, bar|bars=bar, millibars|mbar, psi|PSI=psi, atmospheres=atm|atm, torr|mmHg, inches of "
        "mercury=inch_Hg"
    ),
    "data": (
        "bytes|B, kilobytes|KB=kB, megabytes|MB, gigabytes|GB, terabytes|TB, kibibytes|KiB, mebibytes|MiB, gibibytes|GiB, bits, "
        "megabits|Mbit, gigabits|Gbit"
    ),
    "time": "seconds|s, minutes|min, hours|h, days, weeks, fortnights, years, milliseconds|ms, microseconds",
    "angle": "degrees, radians|rad, gradians=grade|gon=grade, turns=turn|revolutions=revolution, arcminutes=arcminute",
    "force": "newtons|N, kilonewtons|kN, pounds-force=pound_force|lbf, dynes, kilogram-force=kilogram_force|kgf",
}
"""Kind → its units, each with the names people use; behind `=` what the library calls it, where that is something else."""

QUESTION = (
    "[Convert {n} {a} [to|into] {b}.|How many {b} are [there|] in {n} {a}?|How many {b} are {n} {a}?|What is {n} {a} in {b}?"
    "|{n} {a} in {b}|{n} {a} to {b}|How much is {n} {a} in {b}?|I have {n} {a}, how many {b} is that?"
    "|Express {n} {a} in {b}.|{n} {a} equals how many {b}?|Change {n} {a} into {b}.]"
)


COMMON = 8
"""The first this many units of a kind are three times as common as the others."""


def _two(rng: random.Random, units: list[str]) -> tuple[str, str]:
    weights = [3 if position < COMMON else 1 for position in range(len(units))]
    first = rng.choices(units, weights)[0]
    while (second := rng.choices(units, weights)[0]) == first:
        pass
    return first, second


def _converted(n: str, a: str, b: str) -> str:
    return f"from pint import Quantity\nprint('%.7g' % Quantity({n}, {a!r}).m_as({b!r}))"


def _conversions(kind: str) -> None:
    units = KINDS[kind].split(", ")

    @family(f"convert {kind}")
    def make(rng: random.Random) -> Ask:
        (a, _, code_a), (b, _, code_b) = (rng.choice(unit.split("|")).partition("=") for unit in _two(rng, units))
        amount = real(1, 900)(rng) if rng.random() < 0.6 else whole(1, 60)(rng)
        said = {"n": amount.said, "a": a, "b": b}
        return python_ask(
            rng, QUESTION, _converted(amount.code, code_a or a, code_b or b), "{n} {a} are {0} {b}.", said
        )

    del make


for _kind in KINDS:
    _conversions(_kind)

TEMPERATURE = "[Convert {n} degrees {a} to {b}.|What is {n} {a} in {b}?|{n} °{c} in {b}|How warm is {n} degrees {a} in {b}?|{n} {a} to {b}]"
DEGREES = {"Celsius": "degC", "Fahrenheit": "degF", "Kelvin": "kelvin"}


@family("convert temperature")
def temperature(rng: random.Random) -> Ask:
    a, b = rng.sample(list(DEGREES), 2)
    amount = real(-40, 400, 1)(rng) if rng.random() < 0.7 else whole(-40, 120)(rng)
    said = {"n": amount.said, "a": a, "b": b, "c": a[0]}
    code = _converted(amount.code, DEGREES[a], DEGREES[b])
    return python_ask(rng, TEMPERATURE, code, "{n} degrees {a} are {0} degrees {b}.", said)


simple(
    "feet and inches",
    "[How many [cm|centimetres] are {a} feet {b} inches?|{a}'{b}\" in cm|I am {a} feet {b} inches tall. How many centimetres is that?]",
    "from pint import Quantity\nprint('%.7g' % (Quantity({a}, 'feet') + Quantity({b}, 'inches')).m_as('cm'))",
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
