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
    "|Express {n} {a} in {b}.|{n} {a} equals how many {b}?|Change {n} {a} into {b}."
    "|[Turn|Switch|Translate|Rewrite] {n} {a} [into|to] {b}.|{n} {a}, [in|as] {b}?|{n} {a} = ? {b}|{n} {a} -> {b}|What [do|would] {n} {a} [come to|make|amount to] in {b}?"
    "|[My recipe|The label|The manual|The sign|A form] says {n} {a}. [How much is that|What is that|And that is] in {b}?|I only know {b}. What are {n} {a}?"
    "|If something [is|measures] {n} {a}, [how many {b} is it|what is it in {b}]?|[The value|The reading] is {n} {a}; give it in {b}|We need {b}, but we have {n} {a}. How many are they?"
    "|How many {b} [make up|make|correspond to|go into|equal] {n} {a}?|{n} {a} [correspond to|are the same as|are worth] how many {b}?|[The|What is the] equivalent of {n} {a} in {b}"
    "|{b} in {n} {a}?|{n} {a} [converted|expressed|measured|given] in {b}|[In|Using] {b}, how much is {n} {a}?|In {b}, {n} {a} would be what?|from {a} to {b}: {n}|{n} from {a} to {b}"
    "|[They|Americans|My friends] say {n} {a}, I say how many {b}?|unit conversion, {n} {a} in {b}|I measured {n} {a}, but I must write it down in {b}|Take {n} {a}. What is the same in {b}?"
    "|What number of {b} do I get out of {n} {a}?|convert: {n} {a}, {b}|Please do {n} {a} into {b} for me|It says {n} {a} here, which means nothing to me. In {b}?|how would I write {n} {a} in {b}]"
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

TEMPERATURE = (
    "[Convert {n} degrees {a} to {b}.|What is {n} {a} in {b}?|{n} °{c} in {b}|How warm is {n} degrees {a} in {b}?|{n} {a} to {b}"
    "|[The oven|The freezer|My thermometer|The weather report] says {n} {a}. How much would it be in {b}?|{n}°{c}, what is it in {b}?|If it is {n} degrees {a} outside, how many degrees {b} is that?"
    "|{n} degrees {a} as {b}|Turn {n} °{c} into {b}.|[Change|Translate] {n} degrees {a} into {b}.|It is {n} {a}; I think in {b}. What is it for me?|{b} for {n} degrees {a}?|{n}{c} to {b}"
    "|How many degrees {b} [are|make] {n} degrees {a}?|A fever of {n} {a}, what would it be in {b}?|{n} degrees {a} [correspond to|equal] how many degrees {b}?|Water at {n} {a}: how hot in {b}?"
    "|Which {b} temperature is the same as {n} {a}?|On the {b} scale, what are {n} degrees {a}?|{n} °{c} -> {b}|the {b} value of {n} degrees {a}]"
)
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
    "[How many [cm|centimetres] are {a} feet {b} inches?|{a}'{b}\" in cm|I am {a} feet {b} inches tall. How many centimetres is that?"
    "|{a} ft {b} in to cm|{a} feet and {b} inches in centimetres|My brother is {a} foot {b}. What is that in cm?|Height {a}'{b}\", in cm please|A door of {a} feet {b} inches: cm?|Turn {a} feet {b} inches into cm."
    "|In centimetres, how tall is {a} ft {b}?|{a} ft {b} in = ? cm|How tall, in cm, is somebody of {a} feet and {b} inches?|The shelf is {a} feet and {b} inches long. Centimetres?|what do {a} feet plus {b} inches make in cm]",
    "from pint import Quantity\nprint('%.7g' % (Quantity({a}, 'feet') + Quantity({b}, 'inches')).m_as('cm'))",
    "{a} feet {b} inches are {0} cm.",
    a=whole(2, 8),
    b=whole(1, 11),
)
simple(
    "download",
    "[How long does it take to download {a} GB at {b} Mbit/s?|Download time of {a} gigabytes at {b} megabits per second?"
    "|{a} GB over a {b} Mbit/s line, how many seconds?|My line does {b} Mbit/s. How long for a file of {a} GB?|A game of {a} GB, internet {b} Mbit/s: seconds to get it?|How many seconds until {a} GB are here at {b} Mbit per second?"
    "|{a} GB at {b} Mbps, time?|Copying {a} GB through {b} Mbit/s takes how long?|With {b} Mbit/s, when is a film of {a} GB loaded, in seconds?|seconds to upload {a} GB with {b} Mbit/s"
    "|We get {b} megabits a second. How long do {a} gigabytes need?|transfer of {a} gigabytes, speed {b} megabits per second, duration?|If I pull {a} GB at {b} Mbit/s, how long do I wait?]",
    "print(round({a} * 8000 / {b}, 4))",
    "It takes {0} seconds.",
    a=whole(1, 90),
    b=whole(5, 900),
)
simple(
    "per 100 km",
    "[How many litres per 100 km are {a} miles per gallon?|Convert {a} mpg to l/100 km."
    "|{a} mpg in litres per 100 km|{a} mpg, European style?|A car does {a} miles to the gallon. How many litres per 100 km?|{a} miles per gallon as l/100km|What is {a} mpg in litres on 100 km?"
    "|My American car makes {a} mpg. Litres per 100 km?|from {a} mpg to litres per hundred kilometres|fuel use of {a} mpg, metric|How thirsty is {a} mpg in l/100 km?|{a} mpg = ? l/100 km|If it says {a} mpg, what is that per 100 km in litres?]",
    "print(round(235.214583 / {a}, 4))",
    "{a} mpg are {0} litres per 100 km.",
    a=whole(12, 70),
)
simple(
    "pace",
    "[What is my pace per km if I run {a} km in {b} minutes?|{a} km in {b} minutes: minutes per km?"
    "|I ran {a} km in {b} minutes. How many minutes per km?|{b} minutes for {a} km, my pace?|How long did I need for each km if {a} km took {b} minutes?|pace: {a} km, {b} min|Minutes for one km when {a} km take {b} minutes?"
    "|She runs {a} km and needs {b} minutes. Her pace?|running pace for {a} km within {b} minutes|To do {a} km in {b} minutes, how fast must each km be?|Average minutes per km over {a} km in {b} minutes?"
    "|If I finish {a} km after {b} minutes, what was my pace?|{b} min / {a} km, pace per km|My watch shows {a} km and {b} minutes. Pace?]",
    "print(round({b} / {a}, 4))",
    "The pace is {0} minutes per km.",
    a=whole(3, 42),
    b=whole(15, 300),
)
