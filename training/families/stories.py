"""Small stories with a number to find: the reckoning is in the words, not in signs."""

# fmt: off
from __future__ import annotations

from training.ask import simple
from training.slots import chosen, clock, day, digits, money, name, numbers, percent, real, whole

THINGS = chosen("apples|books|pencils|cups|tickets|stamps|chairs|tiles|bottles|candles|cookies|marbles|shirts|bricks|plates|flowers|coins|boxes|cards|lamps|eggs|pens|oranges|letters|toys|spoons|muffins|socks|screws|batteries|balloons|potatoes|stickers|seeds|glasses|towels|pears|crayons|photos|keys|beads|rolls|lemons|magazines|buttons|nails|masks")
HOLDER = chosen("box|bag|shelf|basket|pack|carton|drawer|pallet|jar|case|truck|row|tray|bundle|room|bus|crate|bucket|sack|chest|tin|folder|van|trolley|locker|bin|album")
MADE = chosen("machine|factory|baker|printer|worker|robot|team|press|farm|studio|bakery|workshop|company|plant|mill")
GOT = "[How many {t} is that [in total|altogether|overall|]?|What is the total?|How many {t} are there?|Total number of {t}?]"

simple("story product", f"[A {{h}} holds {{a}} {{t}}. [There are|I have|We ordered|They delivered] {{b}} of them. {GOT}|[There are|We have|I counted] {{b}} {{h}}s with {{a}} {{t}} [each|in each]. {GOT}|{{b}} {{h}}s, {{a}} {{t}} in every one: how many {{t}}?|How many {{t}} are in {{b}} {{h}}s if each [has|holds|contains] {{a}}?"
       "|I have {b} {h}s with {a} {t} in each. [How many {t} do I have?|How many {t} have I got?]|Every {h} takes {a} {t}. We fill {b} {h}s. How many {t} do we need?"
       "|{n} owns {b} {h}s. In each are {a} {t}. How many {t} does {n} own?|{a} {t} go into one {h}. How many go into {b} {h}s?|{a} {t} per {h}, {b} {h}s"
       "|The [cellar|attic|garage] has {b} {h}s, each with {a} {t}. Number of {t}?|One {h} contains {a} {t}; what about {b} {h}s?"
       "|{n} bought {b} {h}s of {a} {t}. How many {t} did {n} buy?|We need {a} {t} for each {h} and there are {b} {h}s. How many {t} must we get?"
       "|For the [party|fair|school] we got {b} {h}s of {t}, {a} to a {h}. How many {t} have we got?|If you get {a} {t} with every {h}, how many {t} come with {b} {h}s?"
       "|[Count|Reckon] with me: {b} {h}s, {a} {t} in each one, {t} altogether?|{b} {h}s full of {t}, and every {h} has {a}. So how many {t}?"
       "|a delivery of {b} {h}s at {a} {t} a {h}, how many {t} came?]",
       "print({a} * {b})", "That is {0} {t} [in total|altogether].", a=digits(4, 400), b=digits(3, 120), h=HOLDER, t=THINGS, n=name)
simple("story rate", "[A {m} makes {a} {t} [an hour|a day|per hour|per day]. How many [in|does it make in|after] {b} [hours|days]?|If a {m} makes {a} {t} a minute, how many are made in {b} minutes?|{a} {t} a day for {b} days: how many?"
       "|{a} {t} [are made|leave the line|are sold] every hour. How many in {b} hours?|The {m} turns out {a} {t} per hour. How many {t} in {b} hours?"
       "|{n} packs {a} {t} an hour and works for {b} hours. How many {t} is that?|At {a} {t} a day, how many are there after {b} days?"
       "|We use {a} {t} every week. How many do we use in {b} weeks?|{a} {t} each day; over {b} days?|Every month the {m} needs {a} {t}. How many are needed in {b} months?"
       "|A {m} puts out {a} {t} an hour. It runs {b} hours. Output?|How many {t} does a {m} with {a} an hour make in {b} hours?"
       "|{n} makes {a} {t} a day. How many {t} are ready after {b} days?|a shop sells {a} {t} daily, how many within {b} days"
       "|The {m} is good for {a} {t} a minute, so {b} minutes give how many?|If {a} {t} get sold per day, what are the sales of {b} days?|{b} days, {a} {t} on each day, in all?]",
       "print({a} * {b})", "That is {0} {t}.", a=digits(3, 900), b=digits(2, 60), m=MADE, t=THINGS, n=name)
simple("story rate hours", "[Filling {a} {t} a minute, how many after {b} hours?|{a} {t} per minute, how many in {b} hours?"
       "|A {m} makes {a} {t} [a|per|every] minute. How many {t} in {b} hours?|{a} {t} come off the belt each minute. What do {b} hours give?"
       "|How many {t} does the {m} make in {b} hours at {a} per minute?|The {m} runs for {b} hours, {a} {t} a minute. How many {t}?"
       "|Every minute {a} {t} go by. How many go by in {b} hours?|{b} hours at {a} {t} per minute|With {a} {t} each minute, what is the output of {b} hours?"
       "|In one minute we pack {a} {t}. In {b} hours?"
       "|If {a} {t} are done per minute, how many are done when {b} hours are over?"
       "]",
       "print({a} * {b} * 60)", "That is {0} {t}.", a=digits(2, 90), b=real(1, 12, 1), m=MADE, t=THINGS)
simple("story share", "[{a} {t} are [shared|divided|split] [equally|evenly|fairly|] among {b} [children|people|classes|teams|families]. How many does each get?|I have {a} {t} for {b} people. How many for each?|Put {a} {t} into {b} {h}s, the same in each. How many per {h}?|If {b} friends share {a} {t}, what does each get?"
       "|{b} [children|friends|sisters] share {a} {t} [fairly|equally]. How many {t} does each one get?"
       "|[Share|Divide|Split|Deal out] {a} {t} [among|between] {b} [people|players|kids]. How many each?|{a} {t}, {b} people, everybody the same number: how many?"
       "|{n} hands out {a} {t} to {b} friends in equal parts. How many per friend?|We fill {b} {h}s with {a} {t} evenly. How many {t} are in a {h}?"
       "|How many {t} does one get when {a} are dealt out to {b}?|There are {a} {t} for {b} tables. How many {t} on each table?"
       "|{n} wants to give {b} guests {a} {t}, all the same number. How many for one guest?|{a} {t} are spread over {b} {h}s, equally many in each. How many in one?"
       "|A teacher has {a} {t} for {b} pupils; each pupil gets how many?|[Among|Between] {b} of us, {a} {t}. What is my share?"
       "|everyone of {b} workers carries the same part of {a} {t}, how many is that?|{a} {t} on {b} shelves, the same on every shelf. {t} per shelf?]",
       "print(round({a} / {b}, 4))", "[Each gets {0} {t}.|That is {0} {t} each.]", a=digits(50, 9000), b=whole(2, 60), h=HOLDER, t=THINGS, n=name)
simple("story left", "[There were {a} {t}, and {b} [were sold|broke|got lost|were given away|are missing]. How many are left?|{n} has {a} {t} and uses {b}. How many remain?|Of {a} {t}, {b} are damaged. How many are good?|From {a} {t} we take {b}; what is left?"
       "|{n} had {a} {t} and gave {b} of them to a friend. How many has {n} now?|A shop has {a} {t} and sells {b}. How many {t} are still there?"
       "|{b} of the {a} {t} are gone. How many are there still?|We started with {a} {t}. {b} were used up. What remains?"
       "|[Out of|From] {a} {t}, {b} were thrown away. How many did we keep?|{a} {t} in the store, {b} go out today. How many stay?"
       "|There are {a} {t}; take {b} away. How many {t} stay?|Somebody stole {b} of our {a} {t}. How many have we got now?"
       ""
       "|{a} {t} minus the {b} that we [lost|sold|lent out]|Of the {a} {t} in the {h}, {n} took {b}. How many are in it now?"
       "|after selling {b} {t} from {a}, how many have I in stock"
       "]",
       "print({a} - {b})", "{0} {t} are left.", a=digits(200, 9000), b=digits(3, 190), n=name, t=THINGS, h=HOLDER)
simple("story more", "[{n} had {a} {t} and [got|bought|found] {b} more. How many {t} has {n} now?|A shop has {a} {t} and receives another {b}. How many now?|We collected {a} {t} in the morning and {b} in the afternoon; how many together?"
       "|{n} has {a} {t} and gets {b} more. How many {t} are that?|There are {a} {t} in one {h} and {b} in another. How many in both?|{a} {t} here, {b} {t} there. Altogether?"
       "|We had {a} {t} and {b} came on top. Now we have?|{n} picked {a} {t} and I picked {b}. How many did we pick together?|To {a} {t} we add {b} more. How many {t}?"
       "|Yesterday {a} {t} were sold, today {b}. How many on both days?|My brother has {a} {t}, my sister {b}. How many have they together?"
       "|a store gets {b} {t} and had {a} before; how many are in stock?|{n} owned {a} {t} and was given {b} as a present. How many {t} now?"
       "|[First|At first] there were {a} {t}, [then|later] another {b} arrived. How many?|The left {h} has {a} {t} and the right one {b}; both together?"
       "|If I put {b} {t} to the {a} that are there, how many are there?|{a} red {t} and {b} blue ones, all in all?]",
       "print({a} + {b})", "That makes {0} {t}.", a=digits(10, 9000), b=digits(10, 9000), n=name, t=THINGS, h=HOLDER)
simple("story product less", "[A ship carries {a} {h}s of {b} {t} and loses {c} {t} at sea. How many arrive?|{a} {h}s with {b} {t} each, but {c} {t} are missing. How many are there?|We order {a} {h}s of {b} {t} and return {c}. How many do we keep?"
       "|{n} buys {a} {h}s of {b} {t} and gives {c} {t} away. How many {t} has {n} left?|We had {a} {h}s, {b} {t} in each, and used {c} {t}. How many {t} are there still?"
       "|{a} {h}s with {b} {t} each come in. {c} {t} are broken. How many are whole?|I have {a} {h}s of {b} {t} and sold {c} of the {t}. How many {t} have I now?"
       "|Each of {a} {h}s has {b} {t}; {c} {t} in all were stolen. What is left?|A baker bakes {a} trays of {b} rolls, {c} rolls burn. How many can be sold?"
       "|There are {a} rows of {b} seats in the hall and {c} seats are taken. How many seats are free?|{c} {t} fell out of {a} {h}s that had {b} each. How many are in them now?"
       "|{n} plants {a} rows of {b} trees. {c} trees die. How many live?|From {a} {h}s ({b} {t} in each) {c} {t} were taken out. Now?"
       "|Out of {a} packs of {b} {t}, {c} {t} have been eaten or lost. How many remain?|{a} times a {h} of {b} {t}, but {c} {t} go to the neighbours. How many stay here?"
       "|{n} saved {b} coins a week for {a} weeks, then spent {c} coins. Coins left?|{a} teams of {b} start the race and {c} runners give up. How many finish?"
       "|a photographer takes {b} pictures a day for {a} days and deletes {c}; pictures kept?]",
       "print({a} * {b} - {c})", "There are {0}.", a=digits(5, 90), b=digits(5, 150), c=digits(3, 400), h=HOLDER, t=THINGS, n=name)
simple("story product more", "[I have {a} {h}s of {b} {t} and {c} loose ones. How many {t}?|{a} {h}s with {b} {t} each plus {c} more: how many {t} are there?"
       "|{n} has {a} {h}s of {b} {t} and finds {c} more {t}. How many {t} has {n}?|{a} full {h}s with {b} {t}, and {c} {t} on the floor. How many {t} are there?"
       "|There are {c} {t} on the table and {b} in each of {a} {h}s. How many altogether?|{n} buys {a} {h}s of {b} {t}. {c} {t} were at home already. How many now?"
       "|We got {a} {h}s with {b} {t} each and {c} single {t}. Total of {t}?|{c} {t} to start with, then {a} {h}s of {b} {t} arrive. How many?"
       "|{a} rows of {b} chairs and {c} chairs along the wall: how many chairs?|{n} reads {b} pages a day for {a} days and another {c} on the last evening. How many pages is it?"
       "|{a} buses with {b} people and {c} people in cars. How many people come?|If each of {a} {h}s holds {b} {t} and {c} more are outside, how many are there?"
       "|{b} {t} in a {h}, {a} {h}s, plus {c}|An album has {a} pages with {b} photos each and {c} loose photos. How many photos?"
       "|I gave {a} friends {b} {t} each and still have {c}. How many {t} did I have at first?|in stock: {a} {h}s of {b} {t}, and {c} {t} without a {h}. How many {t}?]",
       "print({a} * {b} + {c})", "[There are {0}.|That makes {0}.|The total is {0}.]", a=digits(3, 60), b=digits(4, 90), c=digits(3, 90), h=HOLDER, t=THINGS, n=name)
simple("story bill", "[Total cost of {a} {t} ({p} each) and {b} {u} ({q} each)?|In my cart: {a} {t} at {p} apiece, {b} {u} at {q} apiece. Sum?|How much money for {a} {t} costing {p} and {b} {u} costing {q}?"
       "|{a} {t} at {p} each and {b} {u} at {q} each[: total?|, what do I pay?|. How much altogether?]|I buy {a} {t} for {p} apiece and {b} {u} for {q} apiece. What is the total?"
       "|What do {a} {t} and {b} {u} cost together if {t} are {p} and {u} {q} each?|The {t} cost {p} each, the {u} {q} each. I take {a} {t} and {b} {u}. What must I pay?"
       "|One of the {t} is {p}, one of the {u} {q}. What do {a} and {b} of them cost?|Shopping list: {a} {t} ({p} a piece), {b} {u} ({q} a piece). How much money do I need?"
       "|We ordered {b} {u} at {q} and {a} {t} at {p}. How high is the bill?|{n} sells {a} {t} for {p} each and {b} {u} for {q} each. How much does {n} take in?"
       "|{a} x {p} for {t} and {b} x {q} for {u}, total?|Invoice: {a} {t}, {p} each; {b} {u}, {q} each. The sum?"
       "|if {t} are {p} and {u} are {q}, what will {a} {t} plus {b} {u} come to?"
       "|{n} needs {a} {t} and {b} {u}. Prices: {p} for one of the {t}, {q} for one of the {u}. Total price?"
       "|For the new office: {a} {t}, each {p}, also {b} {u}, each {q}. What does it cost?|at the market {a} {t} for {p} each, {b} {u} for {q} each; how much did I spend]",
       "print(round({a} * {p} + {b} * {q}, 4))", "The total is {0}.", a=whole(2, 30), b=whole(2, 30), p=money(1, 60), q=money(1, 60), t=chosen("shirts|chairs|lamps|plants|rugs|pans"), u=chosen("cups|hats|tables|maps|bulbs|pots"), n=name)
simple("story monthly", "[My [rent|phone|gym|insurance] costs {p} [a month|per month|monthly]. How much is [it|that] in {k} [years]?|{p} per month for {k} years, how much altogether?|I pay {p} every month. What have I paid after {k} years?"
       "|{p} a month for {k} years|What do {k} years of {p} a month come to?|A [subscription|lease|contract] is {p} monthly. What does it cost over {k} years?"
       "|{n} pays {p} every month for {k} years. How much is that altogether?|How much do I spend in {k} years if it is {p} per month?"
       "|The [car|flat|garage] costs me {p} each month. The cost of {k} years?|{p} monthly, {k} years: sum?"
       "|I put {p} aside every month. How much is it after {k} years, without interest?|Each month {p} goes to the [club|school|nursery]. After {k} years how much has gone there?"
       "|For {k} years {n} gets {p} a month. How much money is it all in all?|[streaming|internet|insurance] at {p} a month adds up to what over {k} years?"
       "|If the fee is {p} a month and I stay {k} years, what do I pay in total?|paying {p} monthly during {k} years, whole amount?]",
       "print(round({p} * 12 * {k}, 4))", "In {k} years it is {0}.", p=money(5, 1500), k=whole(2, 12), n=name)
simple("story weekly", "[I save {p} a week. How much [have I|do I have] after {k} weeks?|{p} every week for {k} weeks makes how much?|Saving {p} weekly, what do I have in {k} weeks?"
       "|{n} gets {p} pocket money a week. How much in {k} weeks?|Every week {p} goes into the jar. What is in it after {k} weeks?|{p} a week for {k} weeks"
       "|How much do {k} weeks at {p} a week make?|I spend {p} weekly on lunch. What do I spend in {k} weeks?|{n} puts {p} away each week. After {k} weeks it is how much?"
       "|The course is {p} per week and takes {k} weeks. What does the course cost?|If I lay aside {p} per week, what do I have when {k} weeks are over?"
       "|A room costs {p} a week. {n} stays {k} weeks. How much is it?|{k} weeks, {p} each week, total|My bus pass costs {p} a week; cost for {k} weeks?"
       "|{p} per week - how much is it within {k} weeks?|what comes together in {k} weeks with {p} weekly?]",
       "print(round({p} * {k}, 4))", "After {k} weeks it is {0}.", p=money(2, 200), k=whole(3, 60), n=name)
simple("story goal", "[I save {p} a month. How many months until I have {g}?|How long do I have to save {p} a month to reach {g}?"
       "|{n} wants a bike for {g} and saves {p} a month. How many months does it take?|I need {g} and can put aside {p} monthly. After how many months do I have it?"
       "|Saving {p} every month, when have I got {g}? In months.|goal {g}, {p} a month, how many months?|How many months of {p} does it take to have {g}?"
       "|The trip costs {g}. If I save {p} each month, how many months must I save?|I owe {g} and pay back {p} a month. In how many months am I free of debt?"
       "|{n} pays off {g} at {p} per month. Number of months?|With {p} a month, how many months until {g} are together?"
       "|A {g} laptop paid in parts of {p} a month, how many months is that?|{g} in monthly parts of {p}: how many parts?"
       "|how long until {g} if {p} goes into my savings every month|We collect {p} a month for a {g} roof. How many months will we collect?]",
       "import math\nprint(math.ceil({g} / {p}))", "It takes {0} months.", p=money(20, 400), g=money(900, 9000), n=name)
simple("story three days", "[Three trips of {a}, {b} and {c} km: total?|The legs of our tour are {a}, {b} and {c} km long. How long is the tour?|{a} km there, {b} km around and {c} km back, how far altogether?"
       "|Monday {a} km, Tuesday {b} km, Wednesday {c} km: how far in the three days?|{n} ran {a}, {b} and {c} km. How many km is that altogether?"
       "|I rode {a} km, then {b} km and at last {c} km. How far did I ride?|Stages of {a} km, {b} km and {c} km; the whole way?"
       "|First we hiked {a} km, later {b} km, in the evening {c} km. What is the distance in total?|the sum of the three ways {a} km, {b} km and {c} km"
       "|From home to the shop {a} km, on to the office {b} km, back home {c} km. How far do I drive?|{n} swam {a} km, cycled {b} km and ran {c} km. Total distance?"
       "|A truck drove {a}, {b} and {c} km on three days. How many km are on the meter?|three walks: {a} km, {b} km, {c} km. Together?"
       "|My runs this week were {a}, {b} and {c} km. How far did I run this week?|how many km are {a} km plus {b} km plus {c} km"
       "|A river flows {a} km in the hills, {b} km in the plain and {c} km to the sea. Its length?]",
       "print(round({a} + {b} + {c}, 4))", "The total is {0} km.", a=real(1, 60), b=real(1, 60), c=real(1, 60), n=name)
simple("story mean three", "[Scales showed {a}, then {b}, then {c}. Mean weight?|Three bids came in: {a}, {b}, {c}. What is the typical bid, I mean the average?|Average visitors if we had {a}, {b} and {c}?"
       "|We had {a}, {b} and {c} guests. How many on average?|{a}, {b}, {c}: what is that on average per day?|{n} scored {a}, {b} and {c}. What is the average?"
       "|On three days I walked {a}, {b} and {c} steps. Average per day?|The three of them weigh {a}, {b} and {c} kg. The mean weight?"
       "|Sales were {a}, {b}, {c} in three months. Sales in an average month?|How much is it on average if it was {a}, {b} and {c}?"
       "|three measurements, {a}, {b} and {c}; their mean?|mean of the three values {a}, {b} and {c}"
       "|{a} on the first day, {b} on the second, {c} on the third. What is the daily average?|Three jars have {a}, {b} and {c} beans. If I level them out, how many are in each?"
       "|The bills were {a}, {b} and {c}. What was a bill on average?|My last three games: {a}, {b}, {c} points. Points per game?]",
       "print(round(({a} + {b} + {c}) / 3, 4))", "The average is {0}.", a=digits(3, 2000), b=digits(3, 2000), c=digits(3, 2000), n=name)
simple("story age", "[{n} is {a} years old and {m} is {b} years older. How old is {m}?|{m} is {b} years older than {n}, who is {a}. What is the age of {m}?"
       "|{n} is {a}, {m} is {b} years older. {m}'s age?|{n} is {a}. {m} is older by {b} years. How old is {m}?|How old is {m}, who is {b} years older than {n} ({a})?"
       "|{m} was born {b} years before {n}, who is {a} now. How old is {m}?|When {n} was born {m} was {b}. Now {n} is {a}. How old is {m} now?"
       "|{n} just turned {a}. {m} has {b} years more. {m} is how old?|If {n} is {a} and {m} {b} years older, what is {m}'s age?"
       "|{m}'s age is {n}'s age plus {b}. {n} is {a}. And {m}?|age of {m}: {b} more than {n}, and {n} is {a}|{m} is {b} years ahead of {n}, aged {a}. How many years old is {m}?"
       "|{n}, {a}, has a cousin {m}, {b} years older. How old is the cousin?|My aunt {m} is {b} years older than my uncle {n}. He is {a}. And she?]",
       "print({a} + {b})", "{m} is {0} years old.", n=chosen("Ada|Ben|Cleo|Dan|Eva|Finn"), m=chosen("Gus|Hope|Iris|Jack|Kim|Leo"), a=whole(4, 70), b=whole(2, 40))
simple("story percent fail", "[Out of {b} [parts|lamps|answers], {a} are [bad|new|right]. How many percent?|{a} out of {b} - as a percentage?|We checked {b} eggs and {a} were cracked; the share in percent?"
       "|{a} of {b} [people|students|tests|flights] [failed|were late|said no]. What percentage is that?|We tested {b} and {a} failed. How many percent failed?"
       "|Of {b} letters {a} came back. What percentage came back?|{b} visitors, {a} of them children. Percentage of children?|{a} out of {b} - how many percent?"
       "|{b} seeds sown, {a} came up. What percent is it?|{a} [eggs|cups|bulbs] of {b} are broken; what is that in percent?"
       "|In a village of {b}, {a} have a dog. How many percent have one?|what share in percent are {a} of {b} voters?|{n} hit the target {a} times in {b} shots. Percent?"
       "|{a} days of rain in {b} days, as a percentage?|From {b} emails {a} are spam. Share of spam in percent?|Among {b} trees {a} are sick. What part is sick, in percent?"
       "|The team won {a} of {b} games. How many percent of the games?]",
       "print(round({a} / {b} * 100, 4))", "That is {0}%.", a=digits(3, 90), b=digits(91, 900), n=name)
simple("story percent people", "[In a forest of {b} trees, {p} [are oaks|are sick]. How many trees?|A library with {b} books lends {p} of them. How many are lent?|{p} among {b} guests eat no meat: how many guests?"
       "|A school has {b} pupils, {p} of them [walk|cycle|sing in the choir]. How many pupils is that?|{p} of {b} [people|voters|guests|workers] - how many is that?"
       "|Of {b} tickets {p} are sold. How many tickets are sold?|{b} people live here and {p} are over sixty. How many people are over sixty?"
       "|There are {b} seats and {p} are taken. How many seats are taken?|A survey asked {b} people; {p} said yes. How many said yes?|If {p} of {b} plants die, how many die?"
       "|{b} phones were made, {p} have a fault. How many have a fault?|We mailed {b} people and {p} answered. How many answers came?"
       "|in a town of {b}, {p} have a car, how many have one?|{p} of our {b} members came. How many came?|The hall seats {b} and is {p} full. How many people are in it?"
       "|Out of {b} fish {p} are trout. How many trout?|how many are {p} of a herd of {b}]",
       "print(round({b} * {p} / 100, 4))", "That is {0}.", p=percent, b=digits(100, 90000))
simple("story grew", "[{b} readers last year, {p} more this year: how many?|A flock of {b} birds becomes {p} larger. Its new size?|Output was {b} pieces and climbs {p}. What is the output then?"
       "|A town had {b} people and grew by {p}. How many people live there now?|We had {b} members. Now it is {p} more. How many members are there?"
       "|{b} visitors last month and {p} more this month. How many this month?|Production was {b} and went up {p}. What is it now?|The herd of {b} grew {p}. How large is it?"
       "|{n} had {b} followers and gained {p}. How many followers now?|Last year we sold {b}, this year {p} more. How many this year?"
       "|A club with {b} members gets {p} bigger. How many members then?|From {b} it climbed {p}. What is it?|the number of bees was {b}; it rose by {p}; how many bees?"
       "|School started with {b} children; now there are {p} more. How many now?|population {b}, growth {p}, new population?"
       "|Bookings rose {p} from {b}. How many bookings are there?]",
       "print(round({b} * (1 + {p} / 100), 4))", "Now it is {0}.", p=percent, b=digits(100, 90000), n=name)
simple("story shrank", "[Sales fell from {a} to {b}. What is that in percent?|From {a} down to {b}: how many percent less?|Stock was {a}, now {b}. The drop in percent?"
       "|It dropped from {a} to {b}. By how many percent?|{a} last year and only {b} this year. How many percent fewer?"
       "|The town shrank from {a} to {b} people. What percentage did it lose?|{n} cut the cost from {a} to {b}. What is saved, in percent?"
       "|What is the decrease in percent from {a} to {b}?|By what percentage did it fall from {a} to {b}?|We had {a} readers and have {b}. The loss in percent?"
       "|How many percent lower is {b} than {a}?|{a} bees in spring, {b} in autumn: how many percent have died?|the price sank from {a} to {b}, percent?"
       "|Members went down from {a} to {b}. How many percent left?|{a} down to {b}, percentage decrease?|I reduced my steps from {a} to {b}. Reduction in percent?]",
       "print(round(({a} - {b}) / {a} * 100, 4))", "It is {0}% less.", a=digits(5000, 90000), b=digits(100, 4900), n=name)
simple("story raise", "[I earn {p} and get a raise of {k}. What do I earn after that?|Pay of {p} with {k} on top?|A pension of {p} is lifted by {k}; the new pension?"
       "|{n} makes {p} a month and gets {k} more. What does {n} make now?|My salary of {p} goes up {k}. The new salary?|Wage {p}, raise {k}. New wage?"
       "|The rent was {p} and rises by {k}. What is the rent now?|If I earn {p} and they add {k}, what do I get?|{k} more on {p}, what is the pay then?"
       "|My boss raises my {p} by {k}. How much do I get from now on?|After a raise of {k} on {p} I earn how much?|{p} plus a bonus of {k}: how much is paid out?"
       "|The insurance of {p} becomes {k} dearer. What will it cost?|Fees of {p} go up by {k}. What are the new fees?|from {p}, up {k}, what is my new pay"
       "|I used to get {p}; since May it is {k} more. How much is it since May?]",
       "print(round({p} * (1 + {k} / 100), 4))", "Then it is {0}.", p=money(800, 6000), k=percent, n=name)
simple("story sale", "[The {t} cost {p}, now {k} less. New price?|There is {k} off the {t} listed at {p}. What do I pay?|Clearance: {t}, {p}, {k} off. Final price?"
       "|The {t} is {p}. With a coupon I get {k} off. What does it cost me?|{k} off a {t} priced {p}|A {t} at {p} is reduced by {k}. What is its price now?"
       "|The shop lowers the {t} from {p} by {k}. How much is it?|I want the {t} for {p}. Today everything is {k} off. What do I pay?|What does the {p} {t} cost at {k} less?"
       "|Sale! {t}: {p} minus {k}. Price?|{n} buys a {t} for {p} with {k} off. How much does {n} pay?|Old price of the {t} {p}, {k} discount, new price?"
       "|If the {t} was {p} and is {k} cheaper now, what is the price?|How much is a {t} after {k} comes off {p}?|{t} {p}, students get {k} off. What do students pay?"
       "|a used {t} is sold at {k} below its {p}. For how much?]",
       "print(round({p} * (1 - {k} / 100), 4))", "The {t} costs {0} now.", t=chosen("coat|lamp|sofa|phone|tent|desk|guitar|pan|rug|monitor"), p=money(10, 2000), k=percent, n=name)
simple("story arrival", "[The [show|concert|match] begins at {h} and lasts {n} minutes. When is it over?|Depart {h}, {n} minutes of travel: arrival time?|I put the cake in at {h} for {n} minutes. When is it ready?"
       "|[We leave|I leave|The bus leaves|The ferry leaves] at {h} and [need|take|travel] {n} minutes. When do we get there?|It is {h}. What time is it in {n} minutes?"
       "|The lesson starts at {h} and takes {n} minutes. When does it end?|A meeting of {n} minutes begins at {h}. Until when does it go?"
       "|If I set off at {h} and drive {n} minutes, what time do I arrive?|Train leaves {h}, ride {n} minutes. It arrives at?|start {h}, {n} minutes long, end?"
       "|The game starts at {h}. {n} minutes later it is over. What time is that?|The washing machine runs {n} minutes from {h}. When is it done?"
       "|{n} minutes after {h}, the clock shows?|I lie down at {h} for a nap of {n} minutes. When do I wake up?|A flight takes off at {h} and lasts {n} minutes; landing time?"
       "|bread goes in at {h}, bakes {n} minutes, comes out when?|Parked at {h} with a ticket for {n} minutes. Until what time may I stay?]",
       "from datetime import datetime, timedelta\nprint((datetime(2000, 1, 1, {h}) + timedelta(minutes={n})).strftime('%H:%M'))", "At {0}.", h=clock, n=whole(10, 400))
simple("story deadline", "[If I start on {d} and need {n} days, when am I done?|A visa issued {d} is good for {n} days. Its last day?|Planted on {d}, ripe {n} days later: which date?"
       "|A parcel sent on {d} takes {n} days. When do I hold it in my hands?|I got the bill on {d} and have {n} days to pay. By when?"
       "|The course starts on {d} and its exam is {n} days later. When is the exam?|{d}, and {n} days after that: date?"
       "|Rent a car on {d} for {n} days; which day do I give it back?|The guarantee of {n} days began on {d}. When does it end?"
       "|The eggs were laid on {d} and hatch {n} days later. When do they hatch?|We move in {n} days after {d}. On which date is that?"
       "|From {d} count {n} days on. What is the date?|I ordered on {d}; delivery takes {n} days. When will it arrive?"
       "|If the contract was signed {d} and ends {n} days later, when does it end?|trial period {n} days from {d}, ends when?"
       "|My leave begins {d} and I am back {n} days later. Which date?|The library book from {d} is due {n} days later. Due date?]",
       "from datetime import date, timedelta\nprint(({d} + timedelta(days={n})).strftime('%d %B %Y'))", "It is {0}.", d=day(), n=whole(5, 300))
simple("story list above", "[I have the readings {l}. How many are [over|more than] {n}?|{l} - how many of these are bigger than {n}?|Scores {l}; the pass mark is {n}, count those above it."
       "|How many times in {l} was it more than {n}?|Our sales: {l}. On how many days did we sell more than {n}?|Temperatures {l}. How many days were hotter than {n}?"
       "|{l} - count those greater than {n}|[Of|Among] these ages, {l}, how many are over {n}?|My scores were {l}. How often did I get more than {n}?"
       "|The parcels weigh {l} kg. How many weigh more than {n}?|In the list {l}, how many go beyond {n}?|How many are higher than {n}: {l}"
       "|Everyone with more than {n} points wins. Points: {l}. How many win?|count how many of {l} lie above {n}|Speeds measured: {l}. The limit is {n}. How many were too fast?]",
       "print(sum(n > {n} for n in {l}))", "{0} are above {n}.", l=numbers(5, 10), n=whole(20, 60))
simple("story list mean", "[My [lap times|grades|bills] are {l}. Give me the mean.|average of my scores {l}|The nights were {l} degrees; mean temperature?"
       "|My monthly costs were {l}. What do I spend on average?|We sold {l}. Average?|The children are {l} years old. Their mean age?|Rainfall was {l}. How much on average?"
       "|{n} scored {l} in the games. Points on average?|The waiting times were {l} minutes. How long did people wait on average?|My heights in the jump were {l}. On average?"
       "|The hens laid {l} eggs. How many a day on average?|What is my average if my results are {l}?|times: {l}, mean time?|Steps per day: {l}. What is the daily average?"
       "|If the bills are {l}, what is the mean bill?|the runners needed {l} seconds, average time]",
       "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "The average is {0}.", l=numbers(), n=name)
simple("story list sum", "[I spent {l}. How much is that?|Donations came as {l}. The sum?|Prices on the receipt: {l}. Total them."
       "|My expenses are {l}. What do they add up to?|We collected {l}. How much is it altogether?|The hours I worked: {l}. How many hours in all?"
       "|I bought things for {l}. What did I pay?|The shelves hold {l} books. How many books are there?|On these days I ran {l} km. How far was that together?"
       "|{n} earned {l}. What has {n} earned altogether?|Goals per game: {l}. How many goals in the season?|Add my savings: {l}|What do I have in total if my accounts hold {l}?"
       "|The classes have {l} pupils. Pupils in the school?|Points in each round were {l}. The final score?|bills of {l}, how much do I owe in all]",
       "print(round(sum({l}), 4))", "The total is {0}.", l=numbers(), n=name)
