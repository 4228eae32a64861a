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
dated_family("days since", "[How many days [are there|is it|have passed|] [from|since] {d} [to|until|till] [today|now]?|How many days ago was {d}?|How many days have passed since {d}?|Days between {d} and today?|days since {d}"
             "|How long ago is {d}, in days?|It all began on {d}. How many days is that by today?|I stopped smoking on {d}. How many days without a cigarette?"
             "|We moved in on {d}. For how many days have we lived here?|[number|count] of days since {d}|How many days lie between {d} and now?|from {d} until today in days"
             "|{d} is how many days back?|I have had my dog since {d}. How many days is that?|{d} to now, days?|Since {d}, how many days went by?"
             "|My last day off was {d}. How far back is that in days?|count the days that passed after {d}]",
             DATE + "print((date.today() - {d}).days)", "[From {d} to today it is {0} days.|{0} days have passed since {d}.]", d=past)
dated_family("days until", "[How many days [are left|is it|remain|are there] until {d}?|How many days from today [to|until] {d}?|Days until {d}?|Count the days to {d}.|how long until {d}, in days"
             "|How far off is {d}, in days?|Our wedding is on {d}. How many days do we have to wait?|The deadline is {d}. How many days have I got?|[number|count] of days until {d}"
             "|from today to {d} in days|{d}: how many days from now?|My passport expires on {d}. How many days is it still good?|countdown to {d} in days|How many more days before {d}?"
             "|In how many days is {d}?|how many times must I sleep until {d}|We fly on {d}. Days from now?|{d} is how many days away?]",
             DATE + "print(({d} - date.today()).days)", "[It is {0} days until {d}.|There are {0} days until {d}.]", d=future)
dated_family("weeks since", "[How many [full|] weeks [have passed|is it] since {d}?|{d} was how many weeks ago?"
             "|{d}: how many weeks ago?|How many weeks lie between {d} and today?|In weeks, how long ago is {d}?|The baby was born on {d}. How many weeks old is it?"
             "|Since {d}, how many whole weeks went by?|I started the diet on {d}. How many weeks am I at it?|weeks since {d}|[number|count] of weeks from {d} to now"
             "|She left on {d}. How many weeks is she gone?|from {d} until today in full weeks|{d} to now, weeks?|For how many weeks has the shop been closed if it shut on {d}?]", DATE + "print((date.today() - {d}).days // 7)", "{0} weeks have passed since {d}.", d=past)
dated_family("christmas", "[How many days [until|to|till] [Christmas|Xmas]?|How long is it until Christmas?|days left to Christmas"
             "|How many more days before Christmas?|Christmas: how many days away?|In how many days is Christmas [Day|]?|days to Christmas"
             "|When Santa comes on the 25th of December, how many days is that from now?|How many days until December 25?|countdown to Christmas in days"
             "|is it long until christmas? how many days|My kids ask how many days Christmas is away|number of days from today to Christmas|How far away is Christmas, in days?"
             "|How many nights until Christmas Day?]", DATE + "today = date.today()\nnext_one = date(today.year + (today > date(today.year, 12, 25)), 12, 25)\nprint((next_one - today).days)", "It is {0} days until Christmas.")
dated_family("new year", "[How many days [are left|remain] [this year|in this year]?|How many days until [New Year|the end of the year]?"
             "|Days until December 31?|How many days does this year still have?|days left in this year|In how many days is the year over?|How many more days before the year ends?"
             "|number of days from today to the last day of the year|How much of the year is left, in days?|days until 31 December|the rest of this year in days"
             "|New Year's Eve is in how many days?|How many days remain before the year is done?|countdown to the last day of the year]", DATE + "today = date.today()\nprint((date(today.year, 12, 31) - today).days)", "{0} days are left this year.")
dated_family("today", "[What [is the date today|day is it today|is today's date]?|What is today?|today's date please|Which date is it?|What's the date?|Tell me today's date."
             "|[Do|Would] you know the date?|What's today?|today is what date|I forgot the date, which one is it?|What date do I write on a letter I sign now?|the current date|date?"
             "|I need the date of today.|Give me today's date.|Which day, month and year do we have?|What is the calendar showing today?|what day of what month is it]", DATE + f"print(date.today().{SHOWN})", "Today is {0}.")
dated_family("weekday today", "[What day of the week is [it|it today|today]?|Which weekday is today?|Is today Monday?|Is it the weekend?"
             "|Is it a weekday or the weekend? Which day?|what weekday do we have|today's weekday|What day is it, Monday, Tuesday ...?|name of today's day of the week"
             "|Which day of the week is this?|Do we have Friday already? Tell me the weekday.|I lost track, what weekday is it?|day of the week, today|Is today a Sunday?"
             "|The bins go out on Tuesdays; which weekday is today?|Tell me the weekday we have today.]", DATE + "print(date.today().strftime('%A'))", "Today is {0}.")
dated_family("this year", "[What year is it?|Which year are we in?|what is the current year"
             "|current year|the year, please|In which year do we live?|What year do we have?|tell me the year|Which year is on the calendar now?|what year is this|year now?"
             "|I woke from a long sleep. What year is it?|The number of this year|Do you know the current year?|year as of today]", DATE + "print(date.today().year)", "It is {0}.")
dated_family("this month", "[What month is it?|Which month are we in?|current month?"
             "|What month do we have?|name of the current month|this month is called?|Which month is on the calendar now?|tell me the month|In which month are we right now?"
             "|the month, please|is it summer already? which month is it|month as of today|What's the current month?|Do you know which month we are in?"
             "|Which month of the year is it now?]", DATE + "print(date.today().strftime('%B'))", "It is {0}.")
dated_family("week number", "[What [calendar week|week number|week of the year] is it?|Which calendar week is this?"
             "|Which week of the year is this?|current week number|ISO week today?|number of this week|calendar week now|What's the number of the current week?"
             "|Are we in an odd or even week? Give its number.|In which calendar week are we?|KW today, I mean the calendar week|tell me the week number"
             "|How many weeks into the year are we, by ISO number?|The week we are in has which number?]", DATE + "print(date.today().isocalendar().week)", "It is week {0}.")
dated_family("tomorrow", "[What is tomorrow's date?|What date is tomorrow?|Which day is tomorrow?|date of tomorrow"
             "|What date will it be tomorrow?|tomorrow's date please|the date of the next day|The parcel comes tomorrow. Which date is that?|After today comes which date?"
             "|What date do we have tomorrow?|I have an exam tomorrow. The date?|day after today, full date|date tomorrow|Which date will we write tomorrow?"
             "|If today is over, what is the date?|Give me the date for tomorrow.]", SPAN + f"print((date.today() + timedelta(days=1)).{SHOWN})", "Tomorrow is {0}.")
dated_family("yesterday", "[What was yesterday's date?|Which date was yesterday?|What date did we have yesterday?"
             "|yesterday's date|the date of the day before today|What date did we write yesterday?|It happened yesterday. Which date was that?|date yesterday"
             "|Which day was it yesterday, as a date?|day before today, full date|The invoice came yesterday. Its date?|Give me the date for yesterday.|one day ago, what date"
             "|Before today came which date?|I need yesterday as a date]", SPAN + f"print((date.today() - timedelta(days=1)).{SHOWN})", "Yesterday was {0}.")
dated_family("in days", "[What [date|day] is it in {n} days?|What is the date {n} days from [now|today]?|Which date is {n} days from today?|{n} days from now is which date?"
             "|{n} days from today|today plus {n} days|If I count {n} days from today, where do I land?|The results come in {n} days. Which date?"
             "|What will the date be [after|in] {n} more days?|My visa ends in {n} days. On what date?|Add {n} days to today.|in {n} days, the date?|the date {n} days ahead"
             "|{n} days later than today|I must pay within {n} days. What is the last date?|Let {n} days go by; what date is it then?]", SPAN + f"print((date.today() + timedelta(days={{n}})).{SHOWN})", "In {n} days it is {0}.", n=whole(2, 400))
dated_family("days ago", "[What [date|day] was it {n} days ago?|Which date was {n} days ago?|{n} days before today is which date?"
             "|{n} days back from today|today minus {n} days|If I count back {n} days from today, where do I land?|{n} days ago|It broke {n} days ago. Which date?"
             "|Subtract {n} days from today.|the date {n} days earlier than today|What was the date {n} days back?|We met {n} days ago. On what date?|go back {n} days, date?"
             "|I sent it {n} days ago; what date was it?|Which date lies {n} days behind us?]", SPAN + f"print((date.today() - timedelta(days={{n}})).{SHOWN})", "{n} days ago it was {0}.", n=whole(2, 900))
dated_family("in weeks", "[What date is it in {n} weeks?|Which date is {n} weeks from [now|today]?"
             "|today plus {n} weeks|{n} weeks from today|In {n} weeks, what will the date be?|My next check is in {n} weeks. Which date?|Add {n} weeks to today."
             "|If I count {n} weeks from today, where do I land?|the date {n} weeks ahead|The holidays start in {n} weeks; on what date?|{n} weeks later than today"
             "|what date comes after {n} more weeks|We get the keys in {n} weeks. The date?|Let {n} weeks go by; what date is it then?]", SPAN + f"print((date.today() + timedelta(weeks={{n}})).{SHOWN})", "In {n} weeks it is {0}.", n=whole(2, 60))
dated_family("weekday in days", "[What weekday is it in {n} days?|Which day of the week will it be in {n} days?"
             "|In {n} days, is it a Monday, a Tuesday or what?|which weekday comes {n} days from now|{n} days from today is what day of the week?|weekday in {n} days"
             "|The party is in {n} days. Which weekday?|On which weekday do I land {n} days from today?|What day of the week comes {n} days after today?|today + {n} days, weekday"
             "|Count {n} days on from today and name the weekday.|Exam in {n} days, on what day of the week?|name of the day {n} days from today"
             "|I must see the dentist in {n} days, what weekday is that]", SPAN + "print((date.today() + timedelta(days={n})).strftime('%A'))", "In {n} days it is a {0}.", n=whole(2, 400))
dated_family("age", "[How old is [someone|a person] born on {d}?|I was born on {d}. How old am I?|My birthday is {d}. What is my age?|age of a person born {d}"
             "|Born {d}, how old now?|Somebody has the birth date {d}. Age?|My son was born on {d}. What is his age?|age today if born on {d}"
             "|With {d} as the birthday, how many years old is one?|She came into the world on {d}. How old is she?|birth date {d}, age in years?|The actor, born {d}, is how old?"
             "|My passport says born {d}. How many years old am I?|How many birthdays have I had if I was born on {d}?|how old would somebody born {d} be today"
             "|{d} is my date of birth; my age?|Date of birth: {d}. Is the person of age? Give the age.]", DATE + "born, today = {d}, date.today()\nprint(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))", "The age is {0} years.", d=past)
dated_family("age by year", "[How old is someone [who was|] born in {y}?|If {p} was born in {y}, how old is {p} this year?"
             "|Born in {y}, how old this year?|{p} was born in {y}. Age this year?|What age does {p} reach this year, born in {y}?|year of birth {y}, age?"
             "|{p}, born {y}, turns how old this year?|How old will {p} be at the end of this year if born in {y}?|someone from {y} is how old this year"
             "|birth year {y}: which birthday this year?|My uncle {p} was born in {y}. How old does he get this year?|{p} came into the world in {y}. How many years is that this year?"
             "|With {y} as birth year, the age reached this year?|age in this year of a person of the year {y}]", DATE + "print(date.today().year - {y})", "Born in {y}, the age this year is {0}.", y=plain(1930, 2020), p=name)
dated_family("years since", "[How many years ago was {y}?|How many years have passed since {y}?|{y} was how long ago?"
             "|{y}: how many years ago?|From {y} until now, how many years?|The house was built in {y}. How many years has it stood?|years since {y}"
             "|A painting from {y} is how many years old?|How long, in years, is {y} in the past?|Since {y}, how many years went by?|number of years from {y} to this year"
             "|Our firm was founded in {y}. How many years has it existed?|The bridge opened in {y}; it is how many years old?|{y} lies how many years back?"
             "|We have known each other since {y}, how many years is that?]", DATE + "print(date.today().year - {y})", "{y} was {0} years ago.", y=plain(1500, 2020))
dated_family("day alive", "[How many days old is [someone|a child|a person] born on {d}?|I was born {d}. How many days have I lived?"
             "|Born on {d}: age in days?|my age in days, born {d}|{d} is my birthday, how many days old am I?|The baby came on {d}. How many days old is it?"
             "|How many days has a person born on {d} been alive?|days lived since birth on {d}|If I was born on {d}, on which day of my life am I, counted in days?"
             "|Count my days: born {d}|How old in days is my cat, born {d}?|someone born {d} is how many days of age|From birth on {d} until today, days lived?"
             "|Age not in years but in days for {d}?]", DATE + "print((date.today() - {d}).days)", "That is {0} days.", d=past)
dated_family("leap this year", "[Is this year a leap year?|Is it a leap year?"
             "|Does February have 29 days this year?|Do we have a leap year now?|leap year this year?|Is there a 29 February this year?|Has this year 366 days?|Are we in a leap year?"
             "|tell me whether this year is a leap year|current year a leap year or not?|Is the year we are in a leap year?|365 or 366 days this year? Leap year or not?|this year, leap?"
             "|Will we get a leap day this year?]", "import calendar\n" + DATE + "year = date.today().year\nprint(year, 'is' if calendar.isleap(year) else 'is not')", "{0} a leap year.")
dated_family("time now", "[What time is it?|What's the time?|current time please|Tell me the time.|do you have the time?"
             "|time?|How late is it?|the time, please|What does the clock say?|current time|Can you tell me how late it is?|time right now|Which time do we have?"
             "|clock time now, hours and minutes|My watch stopped. What time is it?|Give me the current time.|at what time are we right now]", TIME + "print(datetime.now().strftime('%H:%M'))", "It is {0}.")

simple("days between", "[How many days are [there|] between {a} and {b}?|How many days is it from {a} to {b}?|Number of days between {a} and {b}.|Count the days between {a} and {b}.|difference in days: {a}, {b}"
       "|{a} to {b}: how many days?|A trip from {a} until {b} is how many days long?|It began on {a} and ended on {b}. Its length in days?|days from {a} until {b}"
       "|How far apart in days are {a} and {b}?|how many days fit between {a} and {b}|She left on {a} and came back on {b}. She was away for how many days?|{a} - {b}, days?"
       "|Between {a} and {b}, how many days passed?|The building site opened {a} and closed {b}; days?|the gap from {a} to {b} in days"
       "|If I rent from {a} to {b}, for how many days do I pay?|span in days, first {a}, last {b}]", DATE + "print(abs(({b} - {a}).days))", "[Between {a} and {b} are {0} days.|It is {0} days from {a} to {b}.]", a=day(1980, 2010), b=day(2011, 2030))
simple("weeks between", "[How many [full|] weeks are between {a} and {b}?|weeks from {a} to {b}?"
       "|{a} to {b}: how many weeks?|full weeks from {a} until {b}|It began on {a} and ended on {b}. How many weeks did it last?|How far apart in weeks are {a} and {b}?"
       "|number of whole weeks between {a} and {b}|The course ran from {a} to {b}. For how many weeks?|{a} - {b}, weeks?|In weeks, how long is it from {a} to {b}?"
       "|Between {a} and {b}, how many weeks passed?|She was abroad from {a} till {b}. How many weeks is that?|the gap from {a} to {b} in weeks|count the weeks between {a} and {b}]", DATE + "print(abs(({b} - {a}).days) // 7)", "Between {a} and {b} are {0} weeks.", a=day(1980, 2010), b=day(2011, 2030))
simple("weekday of", "[What day of the week [was|is|will be] {d}?|Which weekday [was|is] {d}?|On which weekday [was|does] {d}[ fall|]?|What weekday is {d}?|weekday of {d}"
       "|{d} - what day of the week?|Was {d} a Monday or which day?|[Name|Tell me] the weekday of {d}.|My grandmother was born on {d}. On what weekday?|day of the week for {d}"
       "|The concert is on {d}. Which weekday is that?|{d}, weekday?|I married on {d}. What weekday was that?|on what kind of day did {d} fall, Monday, Tuesday ..."
       "|Did {d} fall on a weekend? Give the weekday.|Which day of the week belongs to {d}?|look up the weekday: {d}|{d} is what weekday]", DATE + "print({d}.strftime('%A'))", "{d} is a {0}.", d=day())
simple("add days", "[What [date|day] is {n} days after {d}?|Add {n} days to {d}.|{d} plus {n} days|Which date follows {n} days after {d}?"
       "|{n} days on from {d}|Start at {d} and go {n} days forward.|If today were {d}, what would the date be in {n} days?|{n} days later than {d}|{d} + {n} days"
       "|Count {n} days forward from {d}.|the date {n} days past {d}|A bill from {d} is due after {n} days. Due on?|{d}, then {n} days more: which date?"
       "|Which date do I get when I add {n} days to {d}?|We land on which date if we leave on {d} and travel {n} days?|Milk from {d} keeps {n} days. Until which date?"
       "|from {d}, wait {n} days, date?]", SPAN + f"print(({{d}} + timedelta(days={{n}})).{SHOWN})", "{n} days after {d} is {0}.", n=whole(3, 900), d=day())
simple("minus days", "[What [date|day] [is|was] {n} days before {d}?|Subtract {n} days from {d}.|{d} minus {n} days"
       "|{n} days back from {d}|Start at {d} and go {n} days back.|{n} days sooner than {d}|{d} - {n} days|Count {n} days back from {d}."
       "|the date {n} days ahead of {d}, so earlier|The party is on {d} and the invitations go out {n} days before. On which date?"
       "|Which date do I get when I take {n} days off {d}?|We must book {n} days before {d}. By which date?|{n} days prior to {d}"
       "|If it ended on {d} after {n} days, when did it start?|exam on {d}, I want to begin learning {n} days before, date?|Take {n} days from {d}.]", SPAN + f"print(({{d}} - timedelta(days={{n}})).{SHOWN})", "{n} days before {d} is {0}.", n=whole(3, 900), d=day())
simple("add weeks", "[What date is {n} weeks after {d}?|Add {n} weeks to {d}.|{n} weeks from {d} is which date?"
       "|{n} weeks later than {d}|{d} + {n} weeks|{d} plus {n} weeks|Count {n} weeks forward from {d}.|If today were {d}, what would the date be in {n} weeks?"
       "|The plaster was put on at {d} and stays {n} weeks. Off on which date?|Which date do I get when I add {n} weeks to {d}?|A course of {n} weeks starts {d}. Its end?"
       "|{d}, then {n} weeks more: which date?|the date {n} weeks past {d}|Start at {d} and go {n} weeks forward.|we leave {d} and are back {n} weeks later, date?]", SPAN + f"print(({{d}} + timedelta(weeks={{n}})).{SHOWN})", "{n} weeks after {d} is {0}.", n=whole(2, 60), d=day())
simple("day of year", "[Which day of the year is {d}?|What number is {d} in its year?|day number of {d}"
       "|{d}: which day of the year, as a number?|How many days into its year is {d}?|number of the day {d} in the year|If January 1 is day 1, what is {d}?|day of year for {d}"
       "|Counting from New Year, the how-manieth day is {d}?|{d} as a day number, 1 to 366|the ordinal day of {d} within its year|What day of the year does {d} fall on?"
       "|position of {d} in the year|julian day number within the year for {d}|With 1 January as the first, {d} has which number?]", DATE + "print({d}.timetuple().tm_yday)", "{d} is day {0} of its year.", d=day())
simple("week of", "[Which calendar week is {d} in?|What is the week number of {d}?"
       "|{d}: which calendar week?|ISO week of {d}|In which week of the year does {d} fall?|calendar week for {d}|week number of {d}|What number has the week of {d}?"
       "|{d} is in week number what|The delivery is on {d}. Which calendar week is that?|week of the year with {d} in it|Find the ISO week for {d}."
       "|Which week do I book if I want {d}?|{d}, week?]", DATE + "print({d}.isocalendar().week)", "{d} is in week {0}.", d=day())
simple("leap year", "[Is {y} a leap year?|Was {y} a leap year?|Check if {y} is a leap year.|leap year {y}?"
       "|Does {y} have 366 days?|Did or does February have 29 days in {y}?|{y}: leap year or not?|Is there a 29 February in {y}?|Does the year {y} have a leap day?"
       "|Tell me if {y} is a leap year.|is the year {y} leap|Would {y} count as a leap year?|{y}, leap?|Has February 29 days in {y}?|leap or common year: {y}"
       "|[Am I right|Is it right] that {y} is a leap year?]", "import calendar\nprint('is' if calendar.isleap({y}) else 'is not')", "{y} {0} a leap year.", y=plain(1600, 2400))
simple("leap years between", "[How many leap years are [there|] between {a} and {b}?|Count the leap years from {a} to {b}."
       "|number of leap years from {a} to {b}|{a} to {b}: how many leap years?|How many times was there a 29 February from {a} through {b}?"
       "|How often did a leap year come between {a} and {b}?|leap years between {a} and {b}|How many years with 366 days are there from {a} through {b}?"
       "|From {a} up to {b}, leap years?|How many leap days fell in the years {a} to {b}?|count of leap years, {a}-{b}"
       "|In the time from {a} to {b}, how many leap years do you find?|how many of the years {a} to {b} are leap years|Between {a} and {b}, how many Februaries had 29 days?]", "import calendar\nprint(calendar.leapdays({a}, {b} + 1))", "There are {0} leap years from {a} to {b}.", a=plain(1600, 1900), b=plain(1901, 2100))
simple("days in month", "[How many days [has|does|are in] {m} {y}[ have|]?|Number of days in {m} {y}?"
       "|{m} {y}, number of days?|What is the last day of {m} {y}, by number?|How long is {m} in {y}, in days?|days in {m} {y}|Does {m} {y} have 30 days, or how many?"
       "|{m} in the year {y}: how many days?|How many days long is {m} of {y}?|I work every day of {m} {y}. How many days is that?|in {y}, {m} has how many days"
       "|length of {m} {y} in days|Until which number do the days of {m} {y} go?|rent is by the day; how many days do I pay in {m} {y}]", "import calendar\nprint(calendar.monthrange({y}, {m})[1])", "{m} {y} has {0} days.", m=chosen("January|February|March|April|May|June|July|August|September|October|November|December", "1|2|3|4|5|6|7|8|9|10|11|12"), y=plain(1900, 2100))
simple("time between", "[How [long|many minutes] is it from {a} to {b}?|How many minutes [are|lie] between {a} and {b}?|minutes from {a} to {b}"
       "|{a} to {b}: how many minutes?|I start at {a} and stop at {b}. How many minutes is that?|The lesson goes from {a} to {b}. Its length in minutes?"
       "|minutes between {a} and {b}|from {a} until {b}, minutes?|The bus leaves {a} and arrives {b}. Minutes on the bus?"
       "|I came at {a} and left at {b}. How many minutes was I there?|How many minutes pass from {a} till {b}?|{a} - {b} in minutes"
       "|A shop closes from {a} to {b} for lunch; how many minutes?|it is {a}, the train goes at {b}; minutes to wait?|slept from {a} to {b}, how many minutes]", TIME + "print(int((datetime(2000, 1, 1, {b}) - datetime(2000, 1, 1, {a})).total_seconds()) % 86400 // 60)", "From {a} to {b} it is {0} minutes.", a=clock, b=clock)
simple("add minutes", "[What time is it {n} minutes after {a}?|Add {n} minutes to {a}.|{a} plus {n} minutes|A film starts at {a} and takes {n} minutes. When does it end?"
       "|{a} + {n} minutes|{n} minutes later than {a}|[What|Which] time is {n} minutes past {a}?|If it is {a} now, what time will it be in {n} minutes?"
       "|The clock shows {a}. What does it show {n} minutes later?|Start {a}, duration {n} minutes, end?|I get on at {a} and ride {n} minutes. When do I get off?"
       "|My shift begins at {a} and lasts {n} minutes. It ends when?|I set a timer of {n} minutes at {a}. It rings when?|{a} and {n} minutes more"
       "|the pasta goes in at {a}, done after {n} minutes, so when|Count {n} minutes on from {a}.|At {a} someone says: back in {n} minutes. When is that?]", "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {a}) + timedelta(minutes={n})).strftime('%H:%M'))", "{n} minutes after {a} it is {0}.", n=whole(5, 400), a=clock)
simple("minus hours", "[What time was it {n} hours before {a}?|{a} minus {n} hours|Subtract {n} hours from {a}."
       "|{a} - {n} hours|{n} hours earlier than {a}|Which time is {n} hours ahead of {a}, so earlier?|If it is {a} now, what time was it {n} hours ago?"
       "|The clock shows {a}. What did it show {n} hours before?|It ended at {a} after {n} hours. When did it start?|go back {n} hours from {a}|Take {n} hours away from {a}."
       "|I must take the pill {n} hours before {a}. At what time?|arrived {a} after a trip of {n} hours, left when?|{n} hours before {a}"
       "|Where I am it is {a}; there it is {n} hours earlier. What time is it there?]", "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {a}) - timedelta(hours={n})).strftime('%H:%M'))", "{n} hours before {a} it was {0}.", n=whole(2, 40), a=clock)
simple("minutes to hours", "[How many hours and minutes are {n} minutes?|{n} minutes in hours and minutes|Convert {n} minutes to hours."
       "|{n} min in h and min|Write {n} minutes as hours and minutes.|A film of {n} minutes is how many hours and minutes long?|Break {n} minutes into hours and minutes."
       "|How long is {n} minutes in hours and minutes?|{n} minutes, so how many hours and how many minutes?|The flight takes {n} minutes. In hours and minutes?"
       "|turn {n} minutes into hours + minutes|I worked {n} minutes. How many hours and minutes?|{n} minutes make how many hours and what rest of minutes?"
       "|express {n} minutes with hours|the battery lasts {n} minutes, hours and minutes please]", "print({n} // 60, 'hours and', {n} % 60, 'minutes')", "{n} minutes are {0}.", n=whole(61, 3000))
simple("seconds to clock", "[How many hours, minutes and seconds are {n} seconds?|Write {n} seconds as h:mm:ss."
       "|{n} seconds as hours, minutes, seconds|{n} s in h:m:s|Turn {n} seconds into a clock reading.|A race time of {n} seconds is how many hours, minutes and seconds?"
       "|Break {n} seconds into hours, minutes and seconds.|The timer says {n} seconds. As hours:minutes:seconds?|how long is {n} seconds in h, min and s"
       "|format {n} seconds like 1:23:45|{n} seconds on a clock|The video has {n} seconds. Show it in hours, minutes and seconds."
       "|Express {n} seconds in hours, minutes and seconds.|what do {n} seconds look like as hh:mm:ss]", "import datetime\nprint(datetime.timedelta(seconds={n}))", "{n} seconds are {0}.", n=whole(3600, 80000))
simple("seconds in", "[How many seconds are [there|] in {n} {u}?|{n} {u} in seconds|Convert {n} {u} to seconds."
       "|{n} {u}: how many seconds?|number of seconds in {n} {u}|{n} {u} to seconds|How many seconds do {n} {u} have?|seconds of {n} {u}|Turn {n} {u} into seconds."
       "|If I wait {n} {u}, how many seconds do I wait?|express {n} {u} as seconds|{n} {u} make how many seconds?|In seconds, how long are {n} {u}?"
       "|a timer takes only seconds; what do I type for {n} {u}?|How many ticks of a second fit in {n} {u}?]", "print({n} * {u})", "{n} {u} are {0} seconds.", n=whole(2, 60), u=chosen("minutes|hours|days|weeks", "60|3600|86400|604800"))
simple("minutes in", "[How many minutes are [there|] in {n} {u}?|{n} {u} in minutes"
       "|{n} {u}: how many minutes?|number of minutes in {n} {u}|{n} {u} to minutes|How many minutes do {n} {u} have?|Turn {n} {u} into minutes."
       "|If I wait {n} {u}, how many minutes do I wait?|express {n} {u} as minutes|{n} {u} make how many minutes?|In minutes, how long are {n} {u}?|Convert {n} {u} to minutes."
       "|what are {n} {u} when counted in minutes|the battery holds {n} {u}, in minutes?]", "print({n} * {u})", "{n} {u} are {0} minutes.", n=whole(2, 60), u=chosen("hours|days|weeks", "60|1440|10080"))
simple("hours in", "[How many hours are [there|] in {n} {u}?|{n} {u} in hours"
       "|{n} {u}: how many hours?|number of hours in {n} {u}|{n} {u} to hours|How many hours do {n} {u} have?|Turn {n} {u} into hours.|If I wait {n} {u}, how many hours do I wait?"
       "|express {n} {u} as hours|{n} {u} make how many hours?|In hours, how long are {n} {u}?|Convert {n} {u} to hours.|what are {n} {u} when counted in hours"
       "|we were away {n} {u}, hours?]", "print({n} * {u})", "{n} {u} are {0} hours.", n=whole(2, 60), u=chosen("days|weeks|years", "24|168|8760"))
simple("days in weeks", "[How many days are [there|] in {n} weeks?|{n} weeks in days"
       "|{n} weeks: how many days?|number of days in {n} weeks|{n} weeks to days|How many days do {n} weeks have?|Turn {n} weeks into days."
       "|If I wait {n} weeks, how many days do I wait?|express {n} weeks as days|{n} weeks make how many days?|In days, how long are {n} weeks?|Convert {n} weeks to days."
       "|a cruise of {n} weeks, days?|The pills are for {n} weeks, one a day. How many pills?]", "print({n} * 7)", "{n} weeks are {0} days.", n=whole(3, 200))
simple("earlier date", "[Which [date|day] [is|comes] [earlier|first]: {a} or {b}?|Is {a} before {b}?"
       "|{a} or {b}, which was earlier?|Which comes before the other, {a} or {b}?|{a} and {b}: the earlier one?|What was first, {a} or {b}?|the earlier of {a} and {b}"
       "|Two letters are dated {a} and {b}. Which date is the older one?|Of the dates {a} and {b}, which one comes first?|earliest: {a}, {b}|Does {a} or {b} come first?"
       "|min of the dates {a} and {b}|One was born on {a}, the other on {b}. The birth date of the older one?|compare the dates {a} and {b}: which is sooner?]", DATE + f"print(min({{a}}, {{b}}).{SHOWN})", "{0} comes first.", a=day(), b=day())
simple("friday 13", "[How many Friday the 13ths [are|were] there in {y}?|Friday 13th in {y}: how many?"
       "|number of Friday the 13ths in {y}|How often is the 13th a Friday in {y}?|How many unlucky Fridays, the 13th, has {y}?|In {y}, how many months have a Friday the 13th?"
       "|{y}: count the Fridays on a 13th|How many times did or does Friday fall on the 13th in {y}?|Friday the 13th, year {y}, how often?"
       "|I am superstitious. How many Friday the 13ths has {y}?|count of Fridays that are the 13th, {y}|in how many months of {y} is the 13th a Friday"
       "|How many Friday 13ths does the calendar of {y} show?|Fridays falling on the thirteenth in {y}?]", DATE + "print(sum(date({y}, month, 13).weekday() == 4 for month in range(1, 13)))", "There are {0} in {y}.", y=plain(1950, 2050))
simple("unix time", "[What date is the Unix timestamp {n}?|Convert the timestamp {n} to a date."
       "|Unix time {n} as a date|{n} seconds since 1 January 1970, which date?|epoch {n} is what date?|The log says {n}, a Unix timestamp. Which date is that?"
       "|Turn the epoch seconds {n} into a date.|timestamp {n} -> date|On which date was Unix time {n}?|decode Unix time {n}|What day does the Unix time {n} fall on?"
       "|date for epoch value {n}|A file was changed at Unix time {n}. On what date?|{n} as Unix seconds is which calendar date]", "from datetime import datetime, timezone\nprint(datetime.fromtimestamp({n}, timezone.utc).strftime('%d %B %Y'))", "It is {0}.", n=plain(100000000, 1900000000))
simple("workdays", "[How many [weekdays|working days] are [there|] from {a} to {b}?|Count the working days between {a} and {b}."
       "|number of workdays from {a} to {b}|Monday to Friday only: {a} to {b}, how many days?|{a} to {b}, working days?|Not counting weekends, {a} until {b} has how many days?"
       "|business days between {a} and {b}|Without Saturdays and Sundays, how many days are there from {a} to {b}?"
       "|I work Monday to Friday. How many days do I work from {a} until {b}?|weekdays from {a} until {b}, how many|Leaving out weekends, how many days lie from {a} to {b}?"
       "|How many office days are there between {a} and {b}?|the contract runs {a} to {b}; count the working days|count Mondays to Fridays between {a} and {b}]", SPAN + "day, end, count = {a}, {b}, 0\nwhile day < end:\n    count += day.weekday() < 5\n    day += timedelta(days=1)\nprint(count)", "There are {0} working days.", a=day(2020, 2022), b=day(2023, 2025))


@family("first weekday")
def first_weekday(rng: random.Random) -> Ask:
    year, month = rng.randint(1950, 2040), rng.randint(1, 12)
    said = dated(rng, date(year, month, 1))
    name_of_month = date(year, month, 1).strftime("%B")
    question = (
        "[What weekday is the first of {m}?|On which day of the week does {m} begin?|Which weekday starts {m}?"
        "|{m}: weekday of the first?|The 1st of {m} is a Monday or which day?|first day of {m}, which weekday|weekday on the 1st of {m}"
        "|My job starts on the first of {m}. What weekday is it?|Does {m} begin on a Sunday? Name the weekday.|I draw a calendar for {m}. Under which weekday do I put the 1?"
        "|The rent is due on the first of {m}. Name that weekday.|With what weekday does {m} start?|{m} opens on what day of the week?]"
    )
    values = {"m": Value(f"{name_of_month} {year}", said.code)}
    code = DATE + f"print({said.code}.strftime('%A'))"
    return python_ask(rng, question, code, "The first of {m} is a {0}.", {"m": values["m"].said})
