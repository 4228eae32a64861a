"""Small stories with a number to find: the reckoning is in the words, not in signs."""

# fmt: off
from __future__ import annotations

from training.ask import simple
from training.slots import chosen, clock, day, digits, money, name, numbers, percent, real, whole

THINGS = chosen("apples|books|pencils|cups|tickets|stamps|chairs|tiles|bottles|candles|cookies|marbles|shirts|bricks|plates|flowers|coins|boxes|cards|lamps")
HOLDER = chosen("box|bag|shelf|basket|pack|carton|drawer|pallet|jar|case|truck|row|tray|bundle|room|bus")
MADE = chosen("machine|factory|baker|printer|worker|robot|team|press|farm|studio")
GOT = "[How many {t} is that [in total|altogether|overall|]?|What is the total?|How many {t} are there?|Total number of {t}?]"

simple("story product", f"[A {{h}} holds {{a}} {{t}}. [There are|I have|We ordered|They delivered] {{b}} of them. {GOT}|[There are|We have|I counted] {{b}} {{h}}s with {{a}} {{t}} [each|in each]. {GOT}|{{b}} {{h}}s, {{a}} {{t}} in every one: how many {{t}}?|How many {{t}} are in {{b}} {{h}}s if each [has|holds|contains] {{a}}?]",
       "print({a} * {b})", "That is {0} {t} [in total|altogether].", a=digits(4, 400), b=digits(3, 120), h=HOLDER, t=THINGS)
simple("story rate", "[A {m} makes {a} {t} [an hour|a day|per hour|per day]. How many [in|does it make in|after] {b} [hours|days]?|If a {m} makes {a} {t} a minute, how many are made in {b} minutes?|{a} {t} a day for {b} days: how many?]",
       "print({a} * {b})", "That is {0} {t}.", a=digits(3, 900), b=digits(2, 60), m=MADE, t=THINGS)
simple("story rate hours", "[Filling {a} {t} a minute, how many after {b} hours?|{a} {t} per minute, how many in {b} hours?]",
       "print({a} * {b} * 60)", "That is {0} {t}.", a=digits(2, 90), b=real(1, 12, 1), m=MADE, t=THINGS)
simple("story share", "[{a} {t} are [shared|divided|split] [equally|evenly|fairly|] among {b} [children|people|classes|teams|families]. How many does each get?|I have {a} {t} for {b} people. How many for each?|Put {a} {t} into {b} {h}s, the same in each. How many per {h}?|If {b} friends share {a} {t}, what does each get?]",
       "print(round({a} / {b}, 4))", "Each gets {0} {t}.", a=digits(50, 9000), b=whole(2, 60), h=HOLDER, t=THINGS)
simple("story left", "[There were {a} {t}, and {b} [were sold|broke|got lost|were given away|are missing]. How many are left?|{n} has {a} {t} and uses {b}. How many remain?|Of {a} {t}, {b} are damaged. How many are good?|From {a} {t} we take {b}; what is left?]",
       "print({a} - {b})", "{0} {t} are left.", a=digits(200, 9000), b=digits(3, 190), n=name, t=THINGS)
simple("story more", "[{n} had {a} {t} and [got|bought|found] {b} more. How many {t} has {n} now?|A shop has {a} {t} and receives another {b}. How many now?|We collected {a} {t} in the morning and {b} in the afternoon; how many together?]",
       "print({a} + {b})", "That makes {0} {t}.", a=digits(10, 9000), b=digits(10, 9000), n=name, t=THINGS)
simple("story product less", "[A ship carries {a} {h}s of {b} {t} and loses {c} {t} at sea. How many arrive?|{a} {h}s with {b} {t} each, but {c} {t} are missing. How many are there?|We order {a} {h}s of {b} {t} and return {c}. How many do we keep?]",
       "print({a} * {b} - {c})", "There are {0}.", a=digits(5, 90), b=digits(5, 150), c=digits(3, 400), h=HOLDER, t=THINGS)
simple("story product more", "[I have {a} {h}s of {b} {t} and {c} loose ones. How many {t}?|{a} {h}s with {b} {t} each plus {c} more: how many {t} are there?]",
       "print({a} * {b} + {c})", "There are {0} {t}.", a=digits(3, 60), b=digits(4, 90), c=digits(3, 90), h=HOLDER, t=THINGS)
simple("story bill", "[Total cost of {a} {t} ({p} each) and {b} {u} ({q} each)?|In my cart: {a} {t} at {p} apiece, {b} {u} at {q} apiece. Sum?|How much money for {a} {t} costing {p} and {b} {u} costing {q}?]",
       "print(round({a} * {p} + {b} * {q}, 4))", "The total is {0}.", a=whole(2, 30), b=whole(2, 30), p=money(1, 60), q=money(1, 60), t=chosen("shirts|chairs|lamps|plants|rugs|pans"), u=chosen("cups|hats|tables|maps|bulbs|pots"))
simple("story monthly", "[My [rent|phone|gym|insurance] costs {p} [a month|per month|monthly]. How much is [it|that] in {k} [years]?|{p} per month for {k} years, how much altogether?|I pay {p} every month. What have I paid after {k} years?]",
       "print(round({p} * 12 * {k}, 4))", "In {k} years it is {0}.", p=money(5, 1500), k=whole(2, 12))
simple("story weekly", "[I save {p} a week. How much [have I|do I have] after {k} weeks?|{p} every week for {k} weeks makes how much?|Saving {p} weekly, what do I have in {k} weeks?]",
       "print(round({p} * {k}, 4))", "After {k} weeks it is {0}.", p=money(2, 200), k=whole(3, 60))
simple("story goal", "[I save {p} a month. How many months until I have {g}?|How long do I have to save {p} a month to reach {g}?]",
       "import math\nprint(math.ceil({g} / {p}))", "It takes {0} months.", p=money(20, 400), g=money(900, 9000))
simple("story three days", "[Three trips of {a}, {b} and {c} km: total?|The legs of our tour are {a}, {b} and {c} km long. How long is the tour?|{a} km there, {b} km around and {c} km back, how far altogether?]",
       "print(round({a} + {b} + {c}, 4))", "The total is {0} km.", a=real(1, 60), b=real(1, 60), c=real(1, 60))
simple("story mean three", "[Scales showed {a}, then {b}, then {c}. Mean weight?|Three bids came in: {a}, {b}, {c}. What is the typical bid, I mean the average?|Average visitors if we had {a}, {b} and {c}?]",
       "print(round(({a} + {b} + {c}) / 3, 4))", "The average is {0}.", a=digits(3, 2000), b=digits(3, 2000), c=digits(3, 2000))
simple("story age", "[{n} is {a} years old and {m} is {b} years older. How old is {m}?|{m} is {b} years older than {n}, who is {a}. What is the age of {m}?]",
       "print({a} + {b})", "{m} is {0} years old.", n=chosen("Ada|Ben|Cleo|Dan|Eva|Finn"), m=chosen("Gus|Hope|Iris|Jack|Kim|Leo"), a=whole(4, 70), b=whole(2, 40))
simple("story percent fail", "[Out of {b} [parts|lamps|answers], {a} are [bad|new|right]. How many percent?|{a} out of {b} - as a percentage?|We checked {b} eggs and {a} were cracked; the share in percent?]",
       "print(round({a} / {b} * 100, 4))", "That is {0}%.", a=digits(3, 90), b=digits(91, 900))
simple("story percent people", "[In a forest of {b} trees, {p} [are oaks|are sick]. How many trees?|A library with {b} books lends {p} of them. How many are lent?|{p} among {b} guests eat no meat: how many guests?]",
       "print(round({b} * {p} / 100, 4))", "That is {0}.", p=percent, b=digits(100, 90000))
simple("story grew", "[{b} readers last year, {p} more this year: how many?|A flock of {b} birds becomes {p} larger. Its new size?|Output was {b} pieces and climbs {p}. What is the output then?]",
       "print(round({b} * (1 + {p} / 100), 4))", "Now it is {0}.", p=percent, b=digits(100, 90000))
simple("story shrank", "[Sales fell from {a} to {b}. What is that in percent?|From {a} down to {b}: how many percent less?|Stock was {a}, now {b}. The drop in percent?]",
       "print(round(({a} - {b}) / {a} * 100, 4))", "It is {0}% less.", a=digits(5000, 90000), b=digits(100, 4900))
simple("story raise", "[I earn {p} and get a raise of {k}. What do I earn after that?|Pay of {p} with {k} on top?|A pension of {p} is lifted by {k}; the new pension?]",
       "print(round({p} * (1 + {k} / 100), 4))", "Then it is {0}.", p=money(800, 6000), k=percent)
simple("story sale", "[The {t} cost {p}, now {k} less. New price?|There is {k} off the {t} listed at {p}. What do I pay?|Clearance: {t}, {p}, {k} off. Final price?]",
       "print(round({p} * (1 - {k} / 100), 4))", "The {t} costs {0} now.", t=chosen("coat|lamp|sofa|phone|tent|desk|guitar|pan|rug|monitor"), p=money(10, 2000), k=percent)
simple("story arrival", "[The [show|concert|match] begins at {h} and lasts {n} minutes. When is it over?|Depart {h}, {n} minutes of travel: arrival time?|I put the cake in at {h} for {n} minutes. When is it ready?]",
       "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {h}) + timedelta(minutes={n})).strftime('%H:%M'))", "At {0}.", h=clock, n=whole(10, 400))
simple("story deadline", "[If I start on {d} and need {n} days, when am I done?|A visa issued {d} is good for {n} days. Its last day?|Planted on {d}, ripe {n} days later: which date?]",
       "from datetime import date, timedelta\nprint(({d} + timedelta(days={n})).strftime('%d %B %Y'))", "It is {0}.", d=day(), n=whole(5, 300))
simple("story list above", "[I have the readings {l}. How many are [over|more than] {n}?|{l} - how many of these are bigger than {n}?|Scores {l}; the pass mark is {n}, count those above it.]",
       "print(sum(n > {n} for n in {l}))", "{0} are above {n}.", l=numbers(5, 10), n=whole(20, 60))
simple("story list mean", "[My [lap times|grades|bills] are {l}. Give me the mean.|average of my scores {l}|The nights were {l} degrees; mean temperature?]",
       "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "The average is {0}.", l=numbers())
simple("story list sum", "[I spent {l}. How much is that?|Donations came as {l}. The sum?|Prices on the receipt: {l}. Total them.]",
       "print(round(sum({l}), 4))", "The total is {0}.", l=numbers())
