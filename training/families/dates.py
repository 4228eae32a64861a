"""Dates and times; what day it is, only Python knows."""

# fmt: off
from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

from training.ask import Ask, family, python_ask, simple
from training.phrases import filled
from training.slots import Maker, Value, chosen, clock, dated, day, drawn, name, plain, whole

DATE = "from datetime import date\n"
SPAN = "from datetime import date, timedelta\n"
TIME = "from datetime import datetime\n"
SHOWN = "strftime('%d %B %Y')"
UNITS = chosen("days|days|days|weeks|months|years", "days|days|days|weeks|months|years")


def dated_family(name: str, question: str, code: str, answer: str, **slots: Maker) -> None:
    """As `simple`, on a day of its own: answers must come from the clock, never from memory."""

    @family(name)
    def make(rng: random.Random) -> Ask:
        values = drawn(rng, slots)
        code_ = filled(code, {k: v.code for k, v in values.items()})
        ask = python_ask(rng, question, code_, answer, {k: v.said for k, v in values.items()})
        return replace(ask, today=date(2024, 6, 1) + timedelta(days=rng.randrange(1900)))

    del make


past, future = day(1950, 2024), day(2030, 2036)
dated_family("days since", "[How many days [are there|is it|have passed|] [from|since] {d} [to|until|till] [today|now]?|How many days ago was {d}?|How many days have passed since {d}?|Days between {d} and today?|days since {d}]",
             DATE + "print((date.today() - {d}).days)", "[From {d} to today it is {0} days.|{0} days have passed since {d}.]", d=past)
dated_family("days until", "[How many days [are left|is it|remain|are there] until {d}?|How many days from today [to|until] {d}?|Days until {d}?|Count the days to {d}.|how long until {d}, in days]",
             DATE + "print(({d} - date.today()).days)", "[It is {0} days until {d}.|There are {0} days until {d}.]", d=future)
dated_family("weeks since", "[How many [full|] weeks [have passed|is it] since {d}?|{d} was how many weeks ago?]", DATE + "print((date.today() - {d}).days // 7)", "{0} weeks have passed since {d}.", d=past)
dated_family("christmas", "[How many days [until|to|till] [Christmas|Xmas]?|How long is it until Christmas?|days left to Christmas]", DATE + "today = date.today()\nnext_one = date(today.year + (today > date(today.year, 12, 25)), 12, 25)\nprint((next_one - today).days)", "It is {0} days until Christmas.")
dated_family("new year", "[How many days [are left|remain] [this year|in this year]?|How many days until [New Year|the end of the year]?]", DATE + "today = date.today()\nprint((date(today.year, 12, 31) - today).days)", "{0} days are left this year.")
dated_family("today", "[What [is the date today|day is it today|is today's date]?|What is today?|today's date please|Which date is it?|What's the date?|Tell me today's date.]", DATE + f"print(date.today().{SHOWN})", "Today is {0}.")
dated_family("weekday today", "[What day of the week is [it|it today|today]?|Which weekday is today?|Is today Monday?|Is it the weekend?]", DATE + "print(date.today().strftime('%A'))", "Today is {0}.")
dated_family("this year", "[What year is it?|Which year are we in?|what is the current year]", DATE + "print(date.today().year)", "It is {0}.")
dated_family("this month", "[What month is it?|Which month are we in?|current month?]", DATE + "print(date.today().strftime('%B'))", "It is {0}.")
dated_family("week number", "[What [calendar week|week number|week of the year] is it?|Which calendar week is this?]", DATE + "print(date.today().isocalendar().week)", "It is week {0}.")
dated_family("tomorrow", "[What is tomorrow's date?|What date is tomorrow?|Which day is tomorrow?|date of tomorrow]", SPAN + f"print((date.today() + timedelta(days=1)).{SHOWN})", "Tomorrow is {0}.")
dated_family("yesterday", "[What was yesterday's date?|Which date was yesterday?|What date did we have yesterday?]", SPAN + f"print((date.today() - timedelta(days=1)).{SHOWN})", "Yesterday was {0}.")
dated_family("in days", "[What [date|day] is it in {n} days?|What is the date {n} days from [now|today]?|Which date is {n} days from today?|{n} days from now is which date?]", SPAN + f"print((date.today() + timedelta(days={{n}})).{SHOWN})", "In {n} days it is {0}.", n=whole(2, 400))
dated_family("days ago", "[What [date|day] was it {n} days ago?|Which date was {n} days ago?|{n} days before today is which date?]", SPAN + f"print((date.today() - timedelta(days={{n}})).{SHOWN})", "{n} days ago it was {0}.", n=whole(2, 900))
dated_family("in weeks", "[What date is it in {n} weeks?|Which date is {n} weeks from [now|today]?]", SPAN + f"print((date.today() + timedelta(weeks={{n}})).{SHOWN})", "In {n} weeks it is {0}.", n=whole(2, 60))
dated_family("weekday in days", "[What weekday is it in {n} days?|Which day of the week will it be in {n} days?]", SPAN + "print((date.today() + timedelta(days={n})).strftime('%A'))", "In {n} days it is a {0}.", n=whole(2, 400))
dated_family("age", "[How old is [someone|a person] born on {d}?|I was born on {d}. How old am I?|My birthday is {d}. What is my age?|age of a person born {d}]", DATE + "born, today = {d}, date.today()\nprint(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))", "The age is {0} years.", d=past)
dated_family("age by year", "[How old is someone [who was|] born in {y}?|If {p} was born in {y}, how old is {p} this year?]", DATE + "print(date.today().year - {y})", "Born in {y}, the age this year is {0}.", y=plain(1930, 2020), p=name)
dated_family("years since", "[How many years ago was {y}?|How many years have passed since {y}?|{y} was how long ago?]", DATE + "print(date.today().year - {y})", "{y} was {0} years ago.", y=plain(1500, 2020))
dated_family("day alive", "[How many days old is [someone|a child|a person] born on {d}?|I was born {d}. How many days have I lived?]", DATE + "print((date.today() - {d}).days)", "That is {0} days.", d=past)
dated_family("leap this year", "[Is this year a leap year?|Is it a leap year?]", "import calendar\n" + DATE + "year = date.today().year\nprint(year, 'is' if calendar.isleap(year) else 'is not')", "{0} a leap year.")
dated_family("time now", "[What time is it?|What's the time?|current time please|Tell me the time.|do you have the time?]", TIME + "print(datetime.now().strftime('%H:%M'))", "It is {0}.")

simple("days between", "[How many days are [there|] between {a} and {b}?|How many days [is it|] from {a} to {b}?|Number of days between {a} and {b}.|Count the days from {a} to {b}.|difference in days: {a}, {b}]", DATE + "print(abs(({b} - {a}).days))", "[Between {a} and {b} are {0} days.|It is {0} days from {a} to {b}.]", a=day(1980, 2010), b=day(2011, 2030))
simple("weeks between", "[How many [full|] weeks are between {a} and {b}?|weeks from {a} to {b}?]", DATE + "print(abs(({b} - {a}).days) // 7)", "Between {a} and {b} are {0} weeks.", a=day(1980, 2010), b=day(2011, 2030))
simple("weekday of", "[What day of the week [was|is|will be] {d}?|Which weekday [was|is] {d}?|On which [weekday|day of the week] [was|does] {d}[ fall|]?|What weekday is {d}?|weekday of {d}]", DATE + "print({d}.strftime('%A'))", "{d} is a {0}.", d=day())
simple("add days", "[What [date|day] is {n} days after {d}?|Add {n} days to {d}.|{d} plus {n} days|Which date comes {n} days after {d}?]", SPAN + f"print(({{d}} + timedelta(days={{n}})).{SHOWN})", "{n} days after {d} is {0}.", n=whole(3, 900), d=day())
simple("minus days", "[What [date|day] [is|was] {n} days before {d}?|Subtract {n} days from {d}.|{d} minus {n} days]", SPAN + f"print(({{d}} - timedelta(days={{n}})).{SHOWN})", "{n} days before {d} is {0}.", n=whole(3, 900), d=day())
simple("add weeks", "[What date is {n} weeks after {d}?|Add {n} weeks to {d}.|{n} weeks from {d} is which date?]", SPAN + f"print(({{d}} + timedelta(weeks={{n}})).{SHOWN})", "{n} weeks after {d} is {0}.", n=whole(2, 60), d=day())
simple("day of year", "[Which day of the year is {d}?|What number is {d} in its year?|day number of {d}]", DATE + "print({d}.timetuple().tm_yday)", "{d} is day {0} of its year.", d=day())
simple("week of", "[Which calendar week is {d} in?|What is the week number of {d}?]", DATE + "print({d}.isocalendar().week)", "{d} is in week {0}.", d=day())
simple("leap year", "[Is {y} a leap year?|Was {y} a leap year?|Check if {y} is a leap year.|leap year {y}?]", "import calendar\nprint('is' if calendar.isleap({y}) else 'is not')", "{y} {0} a leap year.", y=plain(1600, 2400))
simple("leap years between", "[How many leap years are [there|] between {a} and {b}?|Count the leap years from {a} to {b}.]", "import calendar\nprint(calendar.leapdays({a}, {b} + 1))", "There are {0} leap years from {a} to {b}.", a=plain(1600, 1900), b=plain(1901, 2100))
simple("days in month", "[How many days [has|does|are in] {m} {y}[ have|]?|Number of days in {m} {y}?]", "import calendar\nprint(calendar.monthrange({y}, {m})[1])", "{m} {y} has {0} days.", m=chosen("January|February|March|April|May|June|July|August|September|October|November|December", "1|2|3|4|5|6|7|8|9|10|11|12"), y=plain(1900, 2100))
simple("time between", "[How [long|many minutes] is it from {a} to {b}?|How many minutes [are|lie] between {a} and {b}?|minutes from {a} to {b}]", TIME + "print(int((datetime(2000, 1, 1, {b}) - datetime(2000, 1, 1, {a})).total_seconds()) % 86400 // 60)", "From {a} to {b} it is {0} minutes.", a=clock, b=clock)
simple("add minutes", "[What time is it {n} minutes after {a}?|Add {n} minutes to {a}.|{a} plus {n} minutes|A film starts at {a} and takes {n} minutes. When does it end?]", "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {a}) + timedelta(minutes={n})).strftime('%H:%M'))", "{n} minutes after {a} it is {0}.", n=whole(5, 400), a=clock)
simple("minus hours", "[What time was it {n} hours before {a}?|{a} minus {n} hours|Subtract {n} hours from {a}.]", "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {a}) - timedelta(hours={n})).strftime('%H:%M'))", "{n} hours before {a} it was {0}.", n=whole(2, 40), a=clock)
simple("minutes to hours", "[How many hours and minutes are {n} minutes?|{n} minutes in hours and minutes|Convert {n} minutes to hours.]", "print({n} // 60, 'hours and', {n} % 60, 'minutes')", "{n} minutes are {0}.", n=whole(61, 3000))
simple("seconds to clock", "[How many hours, minutes and seconds are {n} seconds?|Write {n} seconds as h:mm:ss.]", "import datetime\nprint(datetime.timedelta(seconds={n}))", "{n} seconds are {0}.", n=whole(3600, 80000))
simple("seconds in", "[How many seconds are [there|] in {n} {u}?|{n} {u} in seconds|Convert {n} {u} to seconds.]", "print({n} * {u})", "{n} {u} are {0} seconds.", n=whole(2, 60), u=chosen("minutes|hours|days|weeks", "60|3600|86400|604800"))
simple("minutes in", "[How many minutes are [there|] in {n} {u}?|{n} {u} in minutes]", "print({n} * {u})", "{n} {u} are {0} minutes.", n=whole(2, 60), u=chosen("hours|days|weeks", "60|1440|10080"))
simple("hours in", "[How many hours are [there|] in {n} {u}?|{n} {u} in hours]", "print({n} * {u})", "{n} {u} are {0} hours.", n=whole(2, 60), u=chosen("days|weeks|years", "24|168|8760"))
simple("days in weeks", "[How many days are [there|] in {n} weeks?|{n} weeks in days]", "print({n} * 7)", "{n} weeks are {0} days.", n=whole(3, 200))
simple("earlier date", "[Which [date|day] [is|comes] [earlier|first]: {a} or {b}?|Is {a} before {b}?]", DATE + f"print(min({{a}}, {{b}}).{SHOWN})", "{0} comes first.", a=day(), b=day())
simple("friday 13", "[How many Friday the 13ths [are|were] there in {y}?|Friday 13th in {y}: how many?]", DATE + "print(sum(date({y}, month, 13).weekday() == 4 for month in range(1, 13)))", "There are {0} in {y}.", y=plain(1950, 2050))
simple("unix time", "[What date is the Unix timestamp {n}?|Convert the timestamp {n} to a date.]", "from datetime import datetime, timezone\nprint(datetime.fromtimestamp({n}, timezone.utc).strftime('%d %B %Y'))", "It is {0}.", n=plain(100000000, 1900000000))
simple("workdays", "[How many [weekdays|working days] are [there|] from {a} to {b}?|Count the working days between {a} and {b}.]", SPAN + "day, end, count = {a}, {b}, 0\nwhile day < end:\n    count += day.weekday() < 5\n    day += timedelta(days=1)\nprint(count)", "There are {0} working days.", a=day(2020, 2022), b=day(2023, 2025))


@family("first weekday")
def first_weekday(rng: random.Random) -> Ask:
    year, month = rng.randint(1950, 2040), rng.randint(1, 12)
    said = dated(rng, date(year, month, 1))
    name_of_month = date(year, month, 1).strftime("%B")
    question = "[What weekday is the first of {m}?|On which day of the week does {m} begin?|Which weekday starts {m}?]"
    values = {"m": Value(f"{name_of_month} {year}", said.code)}
    code = DATE + f"print({said.code}.strftime('%A'))"
    return python_ask(rng, question, code, "The first of {m} is a {0}.", {"m": values["m"].said})
