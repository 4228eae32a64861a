"""Numbers: sums, powers, number theory, equations, chance."""

# fmt: off
from __future__ import annotations

from training.ask import simple
from training.slots import Value, chosen, digits, plain, real, same, whole

WHAT = "[What is|What's|Calculate|Compute|Work out|How much is|Tell me|Find|Evaluate|Can you calculate|I need]"
IT_IS = "[{e} is {0}.|The result is {0}.|{e} = {0}.]"
small, mid, big = whole(2, 99), digits(10, 999), digits(100, 99999)

simple("product", f"[{WHAT} {{a}} [times|multiplied by|*|x] {{b}}?|Multiply {{a}} by {{b}}.|{{a}} * {{b}}"
       "|What comes out [if|when] I multiply {a} [by|with] {b}?|Please work out {a} [by|times] {b} for me|the product of {a} and {b}"
       "|[{b}|Exactly {b}] lots of {a} [make|give|come to] how much?|{a} taken {b} times gives which number?|Take the number {a} and multiply it by {b}."
       "|[If|Say] every one of {b} rows has {a} seats, how many seats does the hall have?|{b} pallets, {a} bricks on each of them. Number of bricks?|I need the result of {a}×{b}"
       "|[My calculator is broken|No calculator here]: {a} times {b}?|What number is {b} times as [large|big] as {a}?|how much would {b} groups of {a} be"
       "|A book with {b} pages has {a} letters on every page; how many letters is that?|[solve|compute] {a}*{b}|multiplying {a} with {b} gives?]",
       "print({a} * {b})", "[{a} times {b} is {0}.|{a} × {b} = {0}.]", a=digits(11, 9999), b=digits(3, 999))
simple("sum two", f"[{WHAT} {{a}} [plus|+|and also] {{b}}?|Add {{a}} and {{b}}.|{{a}}+{{b}}=?|sum of {{a}} and {{b}}"
       "|What [do {a} and {b} add up|does {a} and {b} come] to?|[{a} and {b} together|{a} and {b} combined|{a} and {b} in total], [how much|what] is that?"
       "|Put {a} and {b} together.|Add {b} [to|on top of] {a}.|If I add {b} to {a}, what comes out?|The total of {a} and {b}[, please|?|]"
       "|[One|The first] shelf holds {a} books and the [other|second] {b}. Books on both?|{a} visitors came on Saturday and {b} on Sunday. How many came that weekend?"
       "|Increase the number {a} by another {b}.|which number is {b} more than {a}?|{a} with {b} added[ to it|] is what?|first {a}, then {b} on top: the sum?"
       "|[We drove|I cycled] {a} metres and then {b} more. How far [altogether|in all]?|What would {a} and {b} be when [added|summed]?]",
       "print({a} + {b})", "[{a} + {b} = {0}.|The sum of {a} and {b} is {0}.]", a=big, b=big)
simple("difference", f"[{WHAT} {{a}} [minus|-|less] {{b}}?|Subtract {{b}} from {{a}}.|Take {{b}} away from {{a}}.|{{a}} - {{b}}"
       "|How much [more|bigger|larger|higher] is {a} than {b}?|By how much does {a} exceed {b}?|What is the difference between {a} and {b}?"
       "|{a} [reduced by|take away|without|lowered by] {b}|If I [take|subtract|remove] {b} from {a}, what remains?|Start with {a} and [subtract|take off|deduct] {b}."
       "|How far apart are the numbers {a} and {b}?|From {a} I take {b}. How much stays?|Of {a} litres in the tank {b} were used. How many litres are in it now?"
       "|[My account has|I had] {a} points and I spend {b} of them; how many do I still have?|[What|Which number] is {b} less than {a}?|{b} subtracted from {a} gives?"
       "|How many must I add to {b} to [get|reach] {a}?|{b} taken off {a}|One town has {a} people, another {b}. How many more live in the first?"
       "|{a} seats, {b} of them taken. Free seats?]",
       "print({a} - {b})", "[{a} - {b} = {0}.|{a} minus {b} is {0}.]", a=digits(1000, 99999), b=digits(10, 9999))
simple("quotient", f"[{WHAT} {{a}} [divided by|/|over] {{b}}?|Divide {{a}} by {{b}}.|{{a}}/{{b}}|How often does {{b}} go into {{a}}?"
       "|How many times does {b} fit into {a}?|What [do I get|comes out] when {a} is divided by {b}?|{a} split into {b} equal parts: how big is one part?"
       "|one part of {a} if there are {b} equal parts|{a} shared by {b}|What is {a} over {b} as a decimal number?"
       "|[If|When] I cut {a} metres of rope into {b} equal pieces, how long is each piece?|the quotient of {a} and {b}|{a} ÷ {b}|{a} : {b}"
       "|Please divide the number {a} into {b} equal shares.|Spread {a} [evenly|equally] over {b} days: how much per day?|[dividing|division of] {a} by {b}"
       "|{a} kilometres in {b} days, how much a day on average?|Which number times {b} makes {a}?|{a} pages are to be read in {b} evenings. Pages per evening?]",
       "print(round({a} / {b}, 4))", "[{a} divided by {b} is {0}.|{a} / {b} = {0}.]", a=big, b=whole(3, 97))
simple("decimals", f"[{WHAT} {{a}} [times|*|x] {{b}}?|multiply {{a}} and {{b}}|{{a}} × {{b}}?"
       "|What comes out if I multiply {a} by {b}?|the product of {a} and {b}|{a} multiplied with {b}|{a} taken {b} times|How much is {b} times {a}?"
       "|{b} kg at {a} [per|a] kilo cost how much?|{a} metres long and {b} metres wide, how many square metres?|If one litre weighs {a} kg, what do {b} litres weigh?"
       "|{b} hours at {a} km each hour: distance?|One unit is worth {a}. What are {b} units worth?|scale {a} by [a factor of|factor] {b}|{a}*{b}|Please work out {b} × {a}."
       "|Every metre of this cable weighs {a} grams; weight of {b} metres?]",
       "print(round({a} * {b}, 4))", "{a} times {b} is {0}.", a=real(0.5, 200), b=real(0.1, 50))
simple("sum decimals", f"[{WHAT} {{a}} + {{b}} + {{c}}?|Add up {{a}}, {{b}} and {{c}}.|total of {{a}}, {{b}}, {{c}}"
       "|What [do {a}, {b} and {c} add up to|does {a} plus {b} plus {c} make]?|{a} + {b} + {c}|{a}, {b} and {c} together|Sum of these three: {a}, {b}, {c}"
       "|[The receipt|My receipt|The note] says {a}, {b} and {c}; what is the total?|If I put {a}, {b} and {c} together, how much is it?"
       "|three parcels weigh {a}, {b} and {c} kg. What do they weigh together?|I paid {a} for bread, {b} for milk and {c} for fruit. How much did I spend?"
       "|Friday {a} km, Saturday {b} and Sunday {c}, all on foot. The whole distance?|{a} and {b} and {c} makes what?|Combine {a}, {b} and {c} into one total."
       "|total up {a} + {b} + {c} for me|pieces of {a}, {b} and {c} metres laid end to end, how long?|Please sum {a}, {b}, {c}]",
       "print(round({a} + {b} + {c}, 4))", "The [sum|total] is {0}.", a=real(1, 500), b=real(1, 500), c=real(1, 500))
simple("expression", f"[{WHAT} ({{a}} + {{b}}) * {{c}}?|({{a}}+{{b}})*{{c}}|Evaluate ({{a}} + {{b}}) × {{c}}"
       "|Add {a} and {b}, then multiply [the sum|the result|that|it] by {c}.|Multiply the sum of {a} and {b} by {c}.|[The sum of {a} and {b}|{a} and {b} together], times {c}"
       "|What is {c} times the sum of {a} and {b}?|First {a} plus {b}, and then all of it times {c}: result?"
       "|Each of {c} [bags|crates|sets] has {a} red and {b} blue [balls|beads|pieces]. How many [balls|pieces] are there in total?"
       "|Every day for {c} days we sell {a} [coffees|sandwiches] and {b} [teas|cakes]. How many items is that?|{c} classes with {a} girls and {b} boys each. How many children?"
       "|{c} * ({a} + {b})|brackets first: ({a} + {b}) times {c}|[Take|Start with] {a}, add {b}, and multiply what you get by {c}"
       "|A ticket is {a} plus a fee of {b}. What do {c} such tickets cost, fees included?"
       "|On each of {c} floors are {a} offices and {b} store rooms. How many rooms in the building?]",
       "print(({a} + {b}) * {c})", "({a} + {b}) * {c} = {0}.", a=mid, b=mid, c=small)
simple("expression minus", f"[{WHAT} {{a}} * {{b}} - {{c}}?|{{a}} x {{b}} - {{c}} =|{{a}} times {{b}} minus {{c}}"
       "|Multiply {a} by {b} and [subtract|take away|then take off] {c}.|{c} [less|fewer] than {a} times {b}|[What remains|How much stays] if I take {c} from {a} times {b}?"
       "|The product of {a} and {b}, reduced by {c}|[First|] {a} times {b}, [and then|then] minus {c}|Subtract {c} from the product of {a} and {b}."
       "|{b} [rows|shelves|pages] with {a} [stamps|plants|photos] each, {c} of them [removed|gone]. How many are there now?"
       "|[We made|They packed] {b} batches of {a} and threw {c} away. How many good ones?|{b} coaches with {a} seats; {c} seats stay empty. How many people travel?"
       "|I earn {a} a day for {b} days and pay {c} of it for food. What is left for me?|({a} * {b}) - {c}|{a}*{b}-{c}|take {a}, multiply by {b}, deduct {c}]",
       "print({a} * {b} - {c})", "{a} * {b} - {c} = {0}.", a=mid, b=small, c=mid)
simple("expression mixed", f"[{WHAT} {{a}} + {{b}} * {{c}} - {{d}} / {{f}}?|{{a}}+{{b}}*{{c}}-{{d}}/{{f}}"
       "|({a}) + ({b} * {c}) - ({d} / {f})|{a} plus {b} times {c} minus {d} divided by {f}|What does {a} + {b} × {c} − {d} ÷ {f} [give|come to|equal]?"
       "|Value of {a} + {b}*{c} - {d}/{f}|[Using|With] the usual order of operations: {a} + {b} * {c} - {d} / {f}|To {a} add {b} times {c}, then take off {d} divided by {f}."
       "|{a}, plus the product of {b} and {c}, minus the quotient of {d} and {f}|Please solve {a} + {b} x {c} - {d} / {f} carefully|result of {a} + {b} · {c} − {d} : {f}"
       "|[simplify|resolve|work through] {a} + {b} * {c} - {d} / {f}|Multiply {b} by {c}, add {a}, and subtract {d} divided by {f}.]",
       "print(round({a} + {b} * {c} - {d} / {f}, 4))", "The result is {0}.", a=mid, b=small, c=small, d=mid, f=whole(2, 20))
simple("remainder", "[What is the remainder [when|if] {a} is divided by {b}?|{a} mod {b}|{a} modulo {b}?|What remains if I divide {a} by {b}?|{a} % {b}, as in modulo"
       "|{a} divided by {b} leaves [what|which] remainder?|[If|When] {a} is sorted into groups of {b}, how many are left over?"
       "|How much is left over [when|after] dividing {a} by {b}?|Remainder of {a} [over|divided by|by|/] {b}"
       "|I pack {a} eggs into boxes of {b}. How many eggs do not fill a box?|{a} children form teams of {b}; how many children have no team?|the rest of {a} : {b}|{a} mod {b} = ?"
       "|How many are left if {a} sweets are put into bags of {b}?|What is the leftover of {a} divided by {b}?"
       "|[I cut {a} cm of ribbon into pieces of {b} cm|{a} cm of wire, cut in lengths of {b} cm]. How much is too short for a piece?|{a} chairs in rows of {b}: how many stay over?"
       "|Divide {a} by {b} and tell me only the remainder.|we deal {a} cards to {b} players until nobody can get one more, cards over?"
       "|integer division of {a} by {b}, what remainder]",
       "print({a} % {b})", "The remainder of {a} divided by {b} is {0}.", a=big, b=whole(3, 97))
simple("power", f"[{WHAT} {{a}} to the power of {{b}}?|{{a}}^{{b}}|{{a}} ** {{b}}|Raise {{a}} to the {{b}}th power.|{{a}} to the {{b}}"
       "|{a} raised to the {b}|{a} raised to [the power|power] {b}|{a} to the {b}th [power|]|What comes out if {a} is multiplied by itself {b} times over, that is {a}^{b}?"
       "|Compute {a}**{b}.|the {b}th power of {a}|exponent {b}, base {a}|{a} with exponent {b}"
       "|[a lock|A code] has {b} places and {a} signs for every place. How many codes are there?"
       "|If every one of {b} questions has {a} possible answers, how many ways are there to fill in the test?|base {a}, exponent {b}: value?|[How big|How large] is {a}^{b}?"
       "|pow({a}, {b})|{b} factors of {a} multiplied together]",
       "print({a} ** {b})", "{a} to the power of {b} is {0}.", a=digits(2, 40), b=digits(2, 20))
simple("square root", "[[What is|Find|Calculate|Give me|] the square root of {a}?"
       "|[Which|What] number [multiplied by|times] itself [is|gives|makes] {a}?|sqrt of {a}|√{a}|square root {a}|[Take|Extract|Work out] the square root of {a}.|root of {a}"
       "|A square has an area of {a} square metres. How long is [a side|one side|each side]?|[How long are the sides|Side length] of a square plot of {a} m²?"
       "|The second root of {a}|{a} to the power of one half|[I want|need] the root of {a}, four decimals|What must I square to get {a}?"
       "|A square courtyard covers {a} square feet; how wide is it?]",
       "import math\nprint(round(math.sqrt({a}), 4))", "The square root of {a} is {0}.", a=digits(2, 99999))
simple("cube root", "[[What is|Find|Calculate] the cube root of {a}?"
       "|[Which|What] number cubed [is|gives|makes] {a}?|cube root {a}|∛{a}|third root of {a}|the third root of {a}, please"
       "|A cube has a volume of {a} cubic cm. How long is its edge?|Edge of a cube that holds {a} cubic metres?|{a} to the power of one third"
       "|[Take|Work out|Extract] the cube root of {a}.|[What|Which number] do I have to cube to get {a}?|cbrt({a})|a cubic tank takes {a} dm³, how high is it]", "print(round({a} ** (1 / 3), 4))", "The cube root of {a} is {0}.", a=digits(2, 9999))
simple("square", "[What is {a} squared?|Square {a}.|the square of {a}|{a} squared"
       "|{a} multiplied by itself|What comes out if I multiply {a} by itself?|{a} times itself|{a}²|{a}^2|second power of {a}|Multiply {a} [by|with] itself.|{a} to the second"
       "|A square [field|room|tile] has sides of {a}. What is its area?|[How big|How large] is a square with side {a}?|{a} rows of {a} [trees|chairs|dots], how many is that?"
       "|Raise {a} to the power of two.|[the number|] {a} to the power of 2|A chess-like board with {a} by {a} fields has how many fields?]", "print({a} ** 2)", "{a} squared is {0}.", a=digits(11, 999))
simple("cube", "[What is {a} cubed?|Cube the number {a}.|the cube of {a}"
       "|{a} to the third [power|]|{a}³|{a}^3|third power of {a}|{a} times {a} times {a}|The volume of a cube with edge {a}?|A cube has edges of {a} cm. How many cubic cm is it?"
       "|Multiply {a} by itself and by itself again.|Raise {a} to the power of three.|How many small cubes make a big one that is {a} long, {a} wide and {a} high?"
       "|[what do I get when|what happens if] {a} is cubed|{a} multiplied by itself twice over, as in {a}*{a}*{a}|[How big|How large] is {a} cubed?]", "print({a} ** 3)", "{a} cubed is {0}.", a=digits(4, 99))
simple("factorial", "[[What is|Calculate|Compute|] [the factorial of {a}|{a} factorial|{a}!]?"
       "|{a}! = ?|Multiply all [whole numbers|integers|numbers] from 1 to {a}.|[What is|Give me] the product of [the|all] [numbers|integers] from 1 [to|through|up to] {a}?"
       "|factorial({a})|factorial of {a}|What does {a}! [equal|come to]?|1 * 2 * 3 and so on up to {a}, product?|I want the factorial for {a}|[work out|evaluate] {a} factorial"
       "|the value of {a}!|[How big|How large] is {a} factorial?|In how many orders can {a} different cards lie?|n! for n = {a}]", "import math\nprint(math.factorial({a}))", "The factorial of {a} is {0}.", a=plain(4, 24))
simple("gcd", "[[What is|Find|] the [greatest common divisor|gcd|GCD|highest common factor] of {a} and {b}?"
       "|What is the largest number that divides [both|] {a} and {b}?|gcd({a}, {b})|[greatest|highest|largest] common [divisor|factor]: {a}, {b}|GCD of {a} and {b}"
       "|Which is the biggest number that goes into {a} and into {b} without remainder?|hcf of {a} and {b}"
       "|I have {a} red and {b} white flowers and want as many equal bunches as possible, none left over. How many bunches?|By what can I cancel the fraction {a}/{b} at most?"
       "|largest shared divisor of {a} and {b}|A floor of {a} by {b} cm shall be laid with square tiles, as large as possible and uncut. How wide is a tile?"
       "|greatest number dividing {a} as well as {b}|[What's|Tell me] the biggest common factor that {a} and {b} have"
       "|Two ropes of {a} and {b} cm are cut into pieces of one length with no waste. The longest possible piece?|common divisor of {a} and {b}, the greatest one]", "import math\nprint(math.gcd({a}, {b}))", "The greatest common divisor of {a} and {b} is {0}.", a=digits(12, 999), b=digits(12, 999))
simple("lcm", "[[What is|Find|] the [least common multiple|lcm|LCM|lowest common multiple] of {a} and {b}?"
       "|What is the smallest number that [both|] {a} and {b} divide?|lcm({a}, {b})|LCM of {a} and {b}|lowest common multiple: {a}, {b}"
       "|Which is the first number that is in the {a} times table and in the {b} times table?"
       "|One bus comes every {a} minutes, the other every {b}. They leave together now; after how many minutes again?"
       "|Two lights blink every {a} and every {b} seconds. After how many seconds do they blink together again?|smallest common multiple of {a} and {b}"
       "|[Common|Lowest common] denominator of fractions with {a} and {b} below the line?|least number divisible by {a} as well as by {b}"
       "|I water one plant every {a} days, another every {b} days. Both today; in how many days both again?"
       "|two gears with {a} and {b} teeth: after how many teeth are they back where they began?|[Tell me|Please find] the lowest number that {a} and {b} both go into]", "import math\nprint(math.lcm({a}, {b}))", "The least common multiple of {a} and {b} is {0}.", a=digits(4, 99), b=digits(4, 99))
simple("is prime", "[Is {a} [a prime number|prime]?|Check if {a} is prime.|Tell me whether {a} is a prime.|prime or not: {a}"
       "|Does {a} have any divisors but 1 and itself?|[Would you say|Do you think] {a} is prime?|{a}: prime?|Am I right that {a} is a prime?"
       "|Can {a} be divided by anything other than one and itself?|I wonder if {a} is [a prime number|prime]|Test {a} for primality.|is the number {a} a prime one"
       "|Is {a} among the primes?|primality of {a}|Could {a} be a prime number?|Please verify whether {a} is prime or composite|Is {a} composite or prime?|isprime({a})]",
       "n = {a}\nprint('is' if n > 1 and all(n % k for k in range(2, int(n ** 0.5) + 1)) else 'is not')", "{a} {0} a prime number.", a=digits(20, 9999))
simple("prime factors", "[What are the prime factors of {a}?|Factor {a} [into primes|].|prime factorisation of {a}|Factorize {a}."
       "|Break {a} [down|up] into [its|] prime factors.|Write {a} as a product of primes.|Which primes [multiply to|multiplied together give|make up] {a}?"
       "|[Do|Give me] the prime factorization of {a}.|prime factors {a}|Split {a} into primes.|[decompose|factorise] {a} into prime numbers"
       "|Which prime numbers do I have to multiply to get {a}?|What is {a} made of, in primes?|Express {a} as primes multiplied together.|{a} as a product of prime numbers"
       "|factor tree of {a}: which primes are at the ends?|prime decomposition of {a}]",
       "n, factors, k = {a}, [], 2\nwhile n > 1:\n    while n % k == 0:\n        factors.append(k)\n        n //= k\n    k += 1\nprint(*factors, sep=' x ')", "{a} = {0}.", a=plain(20, 9999))
simple("divisors", "[What are [all|] the divisors of {a}?|List the factors of {a}.|Which numbers divide {a}?"
       "|By which numbers can {a} be divided [evenly|without a remainder]?|all numbers that go into {a}|[List|Show|Give me|Name] [all|every] [divisor|factor]s of {a}."
       "|divisors of {a}|Which whole numbers divide {a} [exactly|evenly|without remainder]?|what goes evenly into {a}|In which equal group sizes can {a} children be split?"
       "|Into how large equal piles can I sort {a} coins, with none left? Give every size.|factors of {a}, every single one|{a} is divisible by which numbers?"
       "|What numbers is {a} a multiple of?|[I need|Let me have] every number that {a} can be divided by|complete list of the factors of {a}]",
       "print(*[k for k in range(1, {a} + 1) if {a} % k == 0], sep=', ')", "The divisors of {a} are {0}.", a=plain(12, 400))
simple("first primes", "[[List|Give me|Show|What are|Print] the first {a} prime numbers[.|?|]"
       "|Which are the [first|smallest|lowest] {a} primes?|{a} smallest prime numbers|name the first {a} primes|[Start|Begin] at 2 and list {a} prime numbers."
       "|first {a} prime numbers in order|the lowest {a} numbers that are prime|the beginning of the prime numbers, {a} of them|I'd like to see the first {a} primes"
       "|Write down {a} primes, starting from the smallest.|Prime numbers, from the first to number {a}|Can you count off the first {a} primes for me?"
       "|a list of the {a} smallest primes]",
       "primes, n = [], 2\nwhile len(primes) < {a}:\n    if all(n % p for p in primes):\n        primes.append(n)\n    n += 1\nprint(*primes, sep=', ')", "The first {a} primes are {0}.", a=whole(3, 20))
simple("primes below", "[[How many primes are there|How many prime numbers are|Count the primes] [below|under|less than] {a}?"
       "|number of primes [below|under|smaller than] {a}|How many primes come before {a}?|How many numbers smaller than {a} are prime?"
       "|Count all primes [up to but not including|less than] {a}.|[Tell me|I want to know] how many of the numbers below {a} are prime|amount of prime numbers under {a}"
       "|prime count below {a}|Up to {a}, {a} itself not counted, how many primes are there?|How often do you meet a prime when counting to just before {a}?"
       "|Of all numbers lower than {a}, how many are primes?|primes < {a}, how many|There are how many primes under {a}?]",
       "print(sum(all(n % k for k in range(2, int(n ** 0.5) + 1)) for n in range(2, {a})))", "There are {0} primes below {a}.", a=digits(30, 5000))
simple("fibonacci", "[[What are|List|Give me|Show me|Print] the first {a} [Fibonacci numbers|numbers of the Fibonacci sequence]?"
       "|Write [out|down] {a} Fibonacci numbers, starting with 0.|Fibonacci sequence, first {a} [terms|members|numbers]|The Fibonacci series up to the {a}th term from 0"
       "|Start with 0 and 1, each number is the sum of the two before: give {a} of them.|first {a} fibonacci|[I need|Let me see] the opening {a} terms of Fibonacci"
       "|Begin the Fibonacci sequence and stop after {a} numbers.|{a} terms of the Fibonacci sequence please|how does the Fibonacci sequence begin, first {a} numbers"
       "|Generate {a} Fibonacci numbers.|fib numbers, the first {a}|The Fibonacci row, {a} members long?]",
       "a, b = 0, 1\nnumbers = []\nfor _ in range({a}):\n    numbers.append(a)\n    a, b = b, a + b\nprint(*numbers, sep=', ')", "The first {a} Fibonacci numbers are {0}.", a=whole(4, 20))
simple("nth fibonacci", "[[What is|Calculate|] the {a}th [Fibonacci number|number in the Fibonacci sequence]?"
       "|Fibonacci number [number|no.|] {a}|Which number stands at place {a} of the Fibonacci sequence?|fib({a})|F({a}) in the Fibonacci sequence"
       "|What does the Fibonacci sequence have at position {a}?|the Fibonacci number with index {a}|[Take me|Go] to the {a}th term of Fibonacci.|Term {a} of Fibonacci?"
       "|[I only want|Just give me] Fibonacci number {a}|value of F_{a}, Fibonacci|Compute the Fibonacci number at index {a}.|how large is Fibonacci number {a}]",
       "a, b = 0, 1\nfor _ in range({a}):\n    a, b = b, a + b\nprint(a)", "The {a}th Fibonacci number is {0}.", a=plain(10, 60))
simple("sum to", "[[What is|Calculate|Find|] the sum of [the|all|] [numbers|integers|whole numbers] from {a} to {b}?"
       "|Add [up|] all [the|] [whole|] numbers from {a} [to|through|up to] {b}.|{a} + ... + {b}, each whole number once"
       "|What comes out if I add every [number|integer] from {a} to {b}?|sum of {a} to {b}|Sum {a}..{b}|total of every whole number between {a} and {b}, both included"
       "|counting from {a} to {b} and adding as I go, where do I end?|Sum all integers starting at {a} and ending at {b}."
       "|[The pages|My pages] are numbered {a} to {b}; what do all page numbers add up to?"
       "|I put {a} coins in on the first day, one more each next day, the last time {b}. How many coins in all?|{a} plus the next number and so on until {b}: total?"
       "|everything from {a} to {b} added together|sum(range) from {a} through {b}]",
       "print(sum(range({a}, {b} + 1)))", "The sum from {a} to {b} is {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("sum even", "[[What is the sum of|Add up|Sum] all [even numbers|multiples of 2] from {a} to {b}?"
       "|sum of the even numbers from {a} [to|through] {b}|Total of every even number between {a} and {b}?|[Add|Put] together only the even ones from {a} to {b}."
       "|What do the even numbers from {a} up to {b} come to?|All even integers from {a} through {b} added up|Every second number, the even ones, from {a} to {b}: their sum?"
       "|Leaving out the odd ones, add the numbers {a} to {b}.|The sum of everything divisible by 2 from {a} to {b}"
       "|The houses on my side have the even numbers from {a} to {b}. What do these add up to?|even numbers {a}-{b}, sum"
       "|Take the numbers {a} to {b}, keep the even ones and sum them.|How much is it when I add all even numbers in {a} to {b}?]",
       "print(sum(n for n in range({a}, {b} + 1) if n % 2 == 0))", "The even numbers from {a} to {b} sum to {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("sum odd", "[[What is the sum of|Add up|Sum] all odd numbers [between|from] {a} [and|to] {b}?"
       "|sum of the odd numbers from {a} [to|through] {b}|Total of every odd number between {a} and {b}?|[Add|Put] together only the odd ones from {a} to {b}."
       "|What do the odd numbers from {a} up to {b} come to?|All odd integers from {a} through {b} added up|Leaving out the even ones, add the numbers {a} to {b}."
       "|The sum of everything not divisible by 2 from {a} to {b}|odd numbers {a}-{b}, sum|Take the numbers {a} to {b}, keep the odd ones and sum them."
       "|How much is it when I add all odd numbers in {a} to {b}?|The left side of the street has the odd numbers from {a} to {b}; what is their sum?"
       "|sum up the uneven numbers from {a} to {b}]",
       "print(sum(n for n in range({a}, {b} + 1) if n % 2 == 1))", "The odd numbers from {a} to {b} sum to {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("multiples", "[[List|What are|Give me|Show] the first {a} multiples of {b}[?|.|]"
       "|Count in steps of {b}, {a} times, starting at {b}.|The first {a} numbers in the {b} times table|{a} multiples of {b}, smallest first"
       "|Count up by {b} until you have {a} numbers.|Which are the {a} smallest multiples of {b}?|Skip count by {b}, {a} steps.|{b}, then twice {b} and so on: {a} numbers of that"
       "|first {a} multiples of the number {b}|Write down {a} multiples of {b}, beginning with {b} itself."
       "|A bus leaves every {b} minutes. After how many minutes do the first {a} leave?|Start of the row of {b}: {a} entries"
       "|beginning at {b}, keep adding {b} until there are {a} values]", "print(*[{b} * k for k in range(1, {a} + 1)], sep=', ')", "The first {a} multiples of {b} are {0}.", a=whole(3, 12), b=digits(3, 99))
simple("times table", "[[Show me|Print|Write|Give me] the [multiplication table|times table] [of|for] {a}[.|, please|]"
       "|[Times table|Multiplication table|The table] for {a}|The {a} times table|[I am learning|My kid learns] the {a} times table, please write it out"
       "|1 to 10 times {a}, all of them|What does the row of {a} look like, from once to ten times?|Write out one times {a} through ten times {a}.|Recite the {a} times table."
       "|Let me see the multiplication row for {a}|List {a} times one, two, three and so on up to ten.|the {a}s, up to ten times {a}|multiplication table {a}"
       "|Help me practise the table of {a}: show all ten lines]", "print(*[f'{{a}} x {k} = {{a} * k}' for k in range(1, 11)], sep='; ')", "{0}.", a=digits(3, 29))
simple("count divisible", "[How many numbers [from|between] 1 [to|and] {a} are [divisible by|multiples of] {b}?"
       "|number of multiples of {b} up to {a}|How many multiples of {b} are there [up to|not above] {a}?|Of the numbers 1 to {a}, how many can be divided by {b}?"
       "|How often does a multiple of {b} come up when I count from 1 to {a}?|Count the numbers up to {a} that {b} divides."
       "|How many of the first {a} whole numbers have {b} as a factor?|Of {a} visitors, one in every {b} gets a gift. How many gifts?"
       "|Up to {a}, how many numbers are in the {b} times table?|from 1 through {a}, numbers that {b} goes into: how many?"
       "|In a raffle with tickets 1 to {a}, all divisible by {b} win. How many winners?|count of n <= {a} with n divisible by {b}|how many are multiples of {b} among 1 to {a}]", "print(sum(n % {b} == 0 for n in range(1, {a} + 1)))", "{0} numbers from 1 to {a} are divisible by {b}.", a=digits(50, 5000), b=digits(3, 19))
simple("absolute", "[What is the absolute value of -{a}?|abs(-{a})"
       "|[What's|Give me] the absolute value of minus {a}?|How far is -{a} from zero?|-{a} without its sign|the magnitude of -{a}|[Drop|Remove|Leave off] the minus sign of -{a}."
       "|Distance between 0 and -{a} on the number line|modulus of the number -{a}, I mean its size|make -{a} positive|The positive version of -{a}?|absolute value: -{a}"
       "|How large is -{a} if the sign does not count?]", "print(abs(-{a}))", "The absolute value of -{a} is {0}.", a=real(1, 900))
simple("round", "[Round {a} to {b} decimal places.|What is {a} rounded to {b} decimals?|round {a} to {b} digits after the point"
       "|Give {a} with {b} decimal places.|{a} to {b} decimal places|{a}, [rounded to|only] {b} digits after the decimal point|Cut {a} to {b} decimals, properly rounded."
       "|Shorten {a} to {b} places after the point.|I need {a} with just {b} decimals|Write {a} rounded to {b} places.|round({a}, {b})"
       "|How do I write {a} if only {b} decimals are allowed?|{a} is too long, {b} decimals are enough|The scale shows {a}. What is that with {b} digits behind the point?"
       "|{a} rounded off at {b} decimals]", "print(round({a}, {b}))", "{a} rounded to {b} decimals is {0}.", a=lambda r: same(f"{r.uniform(1, 500):.5f}"), b=plain(1, 3))
simple("binary", "[What is {a} in binary?|Convert {a} to binary.|{a} as a binary number|Write {a} in base 2."
       "|Write {a} in binary.|How [do you write|is] {a} [in|written in] zeros and ones?|Binary [form|representation|notation] of {a}|{a} in base two"
       "|[Turn|Change|Translate] {a} into binary.|bin({a})|What does {a} look like as bits?|dec {a} to bin|decimal {a} as binary|Which binary number is the same as {a}?"
       "|[the bits|the bit pattern] of {a}|How does a computer store the number {a} in bits?|Express {a} in the binary system.|Give me {a} with only ones and zeros]", "print(bin({a})[2:])", "{a} in binary is {0}.", a=plain(5, 9999))
simple("hexadecimal", "[What is {a} in [hex|hexadecimal]?|Convert {a} to hex.|{a} as hexadecimal"
       "|Write {a} in base 16.|Hex [form|value|code] of {a}|[Turn|Change|Translate] {a} into hexadecimal.|hex({a})|decimal {a} to hex|How is {a} written in hex?"
       "|{a} in the base sixteen system|What does {a} look like in hex?|Which hexadecimal number equals {a}?|dec to hex: {a}|Express {a} in hexadecimal notation."
       "|the number {a}, hex please]", "print(hex({a})[2:])", "{a} in hexadecimal is {0}.", a=plain(20, 99999))
simple("octal", "[What is {a} in octal?|Convert {a} to octal.|Write {a} in base 8."
       "|Octal [form|value] of {a}|[Turn|Change|Translate] {a} into octal.|oct({a})|decimal {a} to octal|How is {a} written in base eight?|{a} in the octal system"
       "|Which octal number equals {a}?|dec to oct: {a}|Express {a} in octal notation.|What does {a} look like with digits from 0 to 7 only?|the number {a}, octal please"
       "|base 8 of {a}]", "print(oct({a})[2:])", "{a} in octal is {0}.", a=plain(20, 9999))
simple("from binary", "[What is the binary number {a} in decimal?|Convert binary {a} to decimal.|Which number is {a} in base 2?"
       "|Which decimal number is binary {a}?|{a} in binary is [what|which] [decimal|ordinary] number?|bin {a} to dec|[Turn|Change|Translate] the bits {a} into a normal number."
       "|What number do the bits {a} stand for?|0b{a} in decimal|decode the binary number {a}|the decimal value of binary {a}|Read {a} as a base 2 number. What is it in base 10?"
       "|int of the binary string {a}|{a} is binary. What is that for people?|A row of switches reads {a}, as a binary number. Which number is it?]", "print(int('{a}', 2))", "Binary {a} is {0} in decimal.", a=lambda r: same(bin(r.randint(9, 999))[2:]))
simple("roman", "[What is {a} in Roman numerals?|Write {a} as a Roman numeral.|Convert {a} to Roman numerals."
       "|Roman numeral for {a}|How did the Romans write {a}?|{a} in Roman [numerals|numbers|letters]|[Turn|Change|Translate] {a} into Roman numerals."
       "|How do you write {a} with Roman numerals?|A clock-maker wants {a} in Roman numerals|{a}, written the Roman way|What are the Roman letters for the year {a}?"
       "|Which Roman number is {a}?|roman {a}|I want {a} on a ring in Roman numerals, what do I write?|Express {a} in the Roman system.]",
       "n, text = {a}, ''\nfor value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), 'M CM D CD C XC L XL X IX V IV I'.split()):\n    text += sign * (n // value)\n    n %= value\nprint(text)", "{a} in Roman numerals is {0}.", a=plain(4, 3000))
simple("digit sum", "[[What is|Find|Calculate] the [sum of the digits|digit sum] of {a}?"
       "|Add [up|] the digits of {a}.|Sum of all digits in {a}|checksum of {a}, just the digits added|What do the digits of {a} add up to?|cross sum of {a}"
       "|If I add every digit of {a}, what comes out?|digit sum {a}|take {a} apart and add its digits|Total of the single digits of {a}?|Quersumme of {a}, that is the digits added"
       "|[The digits|All figures] of {a} added together|add the figures that {a} is written with]", "print(sum(int(d) for d in str({a})))", "The digits of {a} sum to {0}.", a=plain(100, 9999999))
simple("digit count", "[How many digits [does {a} have|are in {a}|are there in {a}]?"
       "|Number of digits in {a}|How long is {a} when written out?|How many figures does it take to write {a}?|{a}: how many digits?|Count the digits of {a}."
       "|If I write out {a}, how many digits is it?|digits in {a}|How long a number is {a}, in digits?|length of {a} in decimal digits"
       "|[Tell me|I want to know] how many digits the number {a} has|With how many digits is {a} written?|digit count of {a}]", "print(len(str({a})))", "It has {0} digits.", a=lambda r: (lambda a, b: Value(f"{a}^{b}", f"{a} ** {b}"))(r.randint(2, 99), r.randint(9, 99)))
simple("larger", "[Which is [larger|bigger|greater]: {a} or {b}?|Is {a} or {b} bigger?|What is bigger, {a} or {b}?"
       "|[Which|What] of [the two|these] is more: {a} or {b}?|{a} or {b}, which is [bigger|more|greater]?|Between {a} and {b}, which one is [greater|larger]?"
       "|Is {a} more than {b}, or the other way round? Name the larger.|max of {a} and {b}|The larger one of {a} and {b}|I can have {a} or {b}. Where do I get more?"
       "|Which weighs more, {a} kg or {b} kg?|compare {a} with {b}: the bigger one?|Who jumped further, the one with {a} m or the one with {b} m? Give the distance."
       "|the maximum of {a}, {b}|Two prices, {a} and {b}. The higher one?]", "print(max({a}, {b}, key=float))", "{0} is larger.", a=real(1, 99, 2), b=real(1, 99, 3))
simple("logarithm", "[[What is|Compute|Calculate] the [natural logarithm|natural log|ln] of {a}?"
       "|ln({a})|ln {a}|natural log {a}|log of {a} to base e|To what power must e be raised to get {a}?|e to which power is {a}?|math.log of {a}"
       "|The logarithm of {a}, the natural one|[Take|Work out] the natural logarithm of {a}.|log_e {a}|[I need|Please give] ln of {a} to four decimals"
       "|natural log for the value {a}]", "import math\nprint(round(math.log({a}), 4))", "The natural logarithm of {a} is {0}.", a=digits(2, 9999))
simple("log base", "[[What is|Compute] [log base {b} of {a}|the logarithm of {a} to base {b}]?"
       "|log_{b}({a})|{b} to which power is {a}?|To what power must {b} be raised to get {a}?|logarithm base {b}, argument {a}|log of {a} in base {b}|the base {b} logarithm of {a}"
       "|log({a}) / log({b})|How often must I multiply by {b} to get from 1 to {a}, fractions allowed?|Solve {b}^x = {a}.|{b}^x = {a}, what is x?"
       "|[take|work out] log to base {b} of {a}|with base {b}, what is the log of {a}]", "import math\nprint(round(math.log({a}, {b}), 4))", "The logarithm of {a} to base {b} is {0}.", a=digits(2, 9999), b=plain(2, 10))
simple("sine", "[[What is|Compute|Calculate|Find] the {f} of {a} degrees?"
       "|{f} of {a} degrees|{f}({a}°)|{f}({a} degrees)|What does the {f} of {a}° [come to|equal]?|For an angle of {a} degrees, what is the {f}?"
       "|An angle measures {a} degrees. Give its {f}.|the {f} of an angle of {a}°|value of {f} at {a} degrees|{f} {a}° = ?|How large is the {f} of {a}°?"
       "|[I need|work out] the {f} for {a} degrees|trig: {f} of {a} deg]", "import math\nprint(round(math.{f}(math.radians({a})), 4))", "The {f} of {a} degrees is {0}.", f=chosen("sine|cosine|tangent|sin|cos|tan", "sin|cos|tan|sin|cos|tan"), a=plain(1, 89))
simple("combinations", "[In how many ways can I choose {b} [items|people|books] from {a}?|{a} choose {b}|How many combinations of {b} out of {a} are there?"
       "|Out of {a} [players|students|workers], how many different groups of {b} can be formed?|[How many|Number of] ways to pick {b} from {a}"
       "|{b} out of {a}, order does not matter: how many possibilities?|A club of {a} members elects a committee of {b}. How many different committees are there?|comb({a}, {b})"
       "|nCr with n = {a} and r = {b}|A pizza place has {a} toppings and I take {b} different ones. How many pizzas are possible?"
       "|In a lottery I tick {b} of {a} numbers. How many different tickets are there?|binomial coefficient {a} over {b}|How many hands of {b} cards can I get from {a} cards?"
       "|how many different sets of {b} are there among {a} things|Choosing {b} from {a}, number of choices?|{b} of our {a} dogs may come along, in how many ways can we pick them?]", "import math\nprint(math.comb({a}, {b}))", "There are {0} ways to choose {b} from {a}.", a=plain(8, 40), b=plain(2, 6))
simple("permutations", "[In how many [ways|orders] can {a} [people|books|letters] be arranged [in a row|]?|How many permutations of {a} [things|items] are there?"
       "|In how many orders can {a} runners finish?|{a} [songs|films] in a playlist: how many different orders?|How many ways to line up {a} [children|bottles|flags]?"
       "|{a} different books on a shelf, number of arrangements?|[We are|There are] {a} people for {a} chairs. How many ways to sit?|orders of {a} different items"
       "|How many ways are there to put {a} different things in order?|Rearranging {a} different letters gives how many strings?|number of permutations of {a} objects"
       "|how many sequences of {a} distinct cards are possible|{a} cities, each visited once: how many possible routes by order?|shuffling {a} cards, how many possible results"
       "|Queue of {a} people, how many possible queues?]", "import math\nprint(math.factorial({a}))", "There are {0} arrangements.", a=whole(3, 12))
simple("triangle number", "[What is the {a}th triangular number?|triangular number {a}"
       "|1 + 2 + 3 + ... + {a} as a triangular number|Triangular number no. {a}|[Which|What] is triangular number {a}?|T({a}) of the triangular numbers"
       "|{a} rows of balls, one in the first, one more in each: how many balls?|How many dots has a triangle with {a} rows of dots?|the triangular number with index {a}"
       "|Stack cans, 1 on top, 2 below, down to {a} at the bottom. How many cans?|number {a} in the list of triangular numbers|How many bowling pins are in a triangle of {a} rows?"
       "|triangular({a})|the {a}th triangle number]", "print({a} * ({a} + 1) // 2)", "The {a}th triangular number is {0}.", a=plain(5, 200))
simple("quadratic", "[[Solve|Find the [roots|solutions] of] x^2 - {a}x + {b} = 0[.| for x.]"
       "|x² - {a}x + {b} = 0|For which x is x^2 - {a}x + {b} zero?|x squared minus {a} x plus {b} equals 0. What are the solutions?|zeros of x^2 - {a}x + {b}"
       "|Where does the parabola y = x² - {a}x + {b} cross the x axis?|roots of x² − {a}x + {b}|What values of x satisfy x^2 - {a}x + {b} = 0?"
       "|quadratic equation x^2 - {a}x + {b} = 0|Both solutions of x² - {a}x + {b} = 0[, please|]|[Use|Apply] the quadratic formula to x^2 - {a}x + {b} = 0."
       "|x*x - {a}*x + {b} = 0, x = ?|which two numbers solve x² - {a}x + {b} = 0|Two numbers add to {a} and multiply to {b}. Which are they?]",
       "a, b, c = 1, -{a}, {b}\nroot = (b * b - 4 * a * c) ** 0.5\nprint(round((-b - root) / 2, 4), 'and', round((-b + root) / 2, 4))", "The solutions are {0}.", a=plain(7, 20), b=plain(1, 12))
simple("linear", "[Solve {a}x + {b} = {c}[ for x|].|What is x if {a}x + {b} = {c}?|If {a}x + {b} = {c}, what is x?"
       "|{a}x + {b} = {c}|{a}x + {b} = {c}, x = ?|{a} times a number plus {b} [is|makes] {c}. What is the number?"
       "|I think of a number, multiply it by {a}, add {b} and get {c}. Which number?|Find x such that {a}x + {b} equals {c}.|For which x is {a}x + {b} equal to {c}?"
       "|A taxi takes {b} to start and {a} per km. I paid {c}. How many km was it?|solve for x: {a}*x + {b} = {c}|The equation {a}x + {b} = {c} has which solution?"
       "|[what value|which value] of x makes {a}x + {b} = {c} true|After a fee of {b} every hour costs {a}. For how many hours does {c} last?|{b} more than {a} times x is {c}; x?]", "print(round(({c} - {b}) / {a}, 4))", "x = {0}.", a=plain(2, 19), b=plain(1, 99), c=plain(100, 500))
simple("random", "[[Give me|Pick|Generate|Choose] a random [number|integer] [between|from] {a} [and|to] {b}[.|, please]"
       "|random number {a} to {b}|random integer between {a} and {b}, please|Draw a number from {a} to {b} [at random|by chance]."
       "|Think of a number between {a} and {b}, truly random.|[I need|We need] a lucky number from {a} to {b}|Roll a random number in the range {a} to {b}."
       "|Let chance decide: a number from {a} to {b}|any number between {a} and {b}, picked by chance|Our raffle has the tickets {a} to {b}; draw the winner.|randint({a}, {b})"
       "|Give us some number at random, {a} at least and {b} at most.|Select a number between {a} and {b} randomly.|Who begins? Draw one of the numbers {a} to {b}.]", "import random\nprint(random.randint({a}, {b}))", "[Your random number is {0}.|I picked {0}.]", a=whole(1, 20), b=digits(30, 999))
simple("dice", "[[Roll|Throw] {a} dice[.| for me.|, please]"
       "|Roll {a} six-sided dice.|{a} dice, please roll|I need the roll of {a} dice|Simulate {a} dice.|Toss {a} dice and show me what they show.|We lost our dice. Roll {a} for us?"
       "|dice roll, {a} dice|What would {a} dice show if you rolled them?|Cast {a} dice for our board game.|{a}d6|my turn: roll {a} dice|[please|] roll the dice, {a} of them]", "import random\nprint(*[random.randint(1, 6) for _ in range({a})], sep=', ')", "The dice show {0}.", a=whole(2, 6))
