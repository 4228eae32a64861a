"""Numbers: sums, percentages, money, powers, number theory, averages, geometry."""

# fmt: off
from __future__ import annotations

from training.ask import simple
from training.slots import Value, chosen, digits, money, name, numbers, percent, plain, real, same, whole

WHAT = "[What is|What's|Calculate|Compute|Work out|How much is|Tell me|Find|Evaluate|Can you calculate|I need]"
IT_IS = "[{e} is {0}.|The result is {0}.|{e} = {0}.]"
small, mid, big = whole(2, 99), digits(10, 999), digits(100, 99999)

simple("product", f"[{WHAT} {{a}} [times|multiplied by|*|x] {{b}}?|Multiply {{a}} by {{b}}.|{{a}} * {{b}}]",
       "print({a} * {b})", "[{a} times {b} is {0}.|{a} × {b} = {0}.]", a=digits(11, 9999), b=digits(3, 999))
simple("sum two", f"[{WHAT} {{a}} [plus|+|and also] {{b}}?|Add {{a}} and {{b}}.|{{a}}+{{b}}=?|sum of {{a}} and {{b}}]",
       "print({a} + {b})", "[{a} + {b} = {0}.|The sum of {a} and {b} is {0}.]", a=big, b=big)
simple("difference", f"[{WHAT} {{a}} [minus|-|less] {{b}}?|Subtract {{b}} from {{a}}.|Take {{b}} away from {{a}}.|{{a}} - {{b}}]",
       "print({a} - {b})", "[{a} - {b} = {0}.|{a} minus {b} is {0}.]", a=digits(1000, 99999), b=digits(10, 9999))
simple("quotient", f"[{WHAT} {{a}} [divided by|/|over] {{b}}?|Divide {{a}} by {{b}}.|{{a}}/{{b}}|How often does {{b}} go into {{a}}?]",
       "print(round({a} / {b}, 4))", "[{a} divided by {b} is {0}.|{a} / {b} = {0}.]", a=big, b=whole(3, 97))
simple("decimals", f"[{WHAT} {{a}} [times|*|x] {{b}}?|multiply {{a}} and {{b}}|{{a}} × {{b}}?]",
       "print(round({a} * {b}, 4))", "{a} times {b} is {0}.", a=real(0.5, 200), b=real(0.1, 50))
simple("sum decimals", f"[{WHAT} {{a}} + {{b}} + {{c}}?|Add up {{a}}, {{b}} and {{c}}.|total of {{a}}, {{b}}, {{c}}]",
       "print(round({a} + {b} + {c}, 4))", "The [sum|total] is {0}.", a=real(1, 500), b=real(1, 500), c=real(1, 500))
simple("expression", f"[{WHAT} ({{a}} + {{b}}) * {{c}}?|({{a}}+{{b}})*{{c}}|Evaluate ({{a}} + {{b}}) × {{c}}]",
       "print(({a} + {b}) * {c})", "({a} + {b}) * {c} = {0}.", a=mid, b=mid, c=small)
simple("expression minus", f"[{WHAT} {{a}} * {{b}} - {{c}}?|{{a}} x {{b}} - {{c}} =|{{a}} times {{b}} minus {{c}}]",
       "print({a} * {b} - {c})", "{a} * {b} - {c} = {0}.", a=mid, b=small, c=mid)
simple("expression mixed", f"[{WHAT} {{a}} + {{b}} * {{c}} - {{d}} / {{f}}?|{{a}}+{{b}}*{{c}}-{{d}}/{{f}}]",
       "print(round({a} + {b} * {c} - {d} / {f}, 4))", "The result is {0}.", a=mid, b=small, c=small, d=mid, f=whole(2, 20))
simple("remainder", "[What is the remainder [when|if] {a} is divided by {b}?|{a} mod {b}|{a} modulo {b}?|What remains if I divide {a} by {b}?|{a} % {b}, as in modulo]",
       "print({a} % {b})", "The remainder of {a} divided by {b} is {0}.", a=big, b=whole(3, 97))
simple("power", f"[{WHAT} {{a}} to the power of {{b}}?|{{a}}^{{b}}|{{a}} ** {{b}}|Raise {{a}} to the {{b}}th power.|{{a}} to the {{b}}]",
       "print({a} ** {b})", "{a} to the power of {b} is {0}.", a=digits(2, 40), b=digits(2, 20))
simple("square root", "[What is|Find|Calculate|Give me|] the square root of {a}?",
       "import math\nprint(round(math.sqrt({a}), 4))", "The square root of {a} is {0}.", a=digits(2, 99999))
simple("cube root", "[What is|Find|Calculate] the cube root of {a}?", "print(round({a} ** (1 / 3), 4))", "The cube root of {a} is {0}.", a=digits(2, 9999))
simple("square", "[What is {a} squared?|Square {a}.|the square of {a}|{a} squared]", "print({a} ** 2)", "{a} squared is {0}.", a=digits(11, 999))
simple("cube", "[What is {a} cubed?|Cube the number {a}.|the cube of {a}]", "print({a} ** 3)", "{a} cubed is {0}.", a=digits(4, 99))
simple("factorial", "[What is|Calculate|Compute|] [the factorial of {a}|{a} factorial|{a}!]?", "import math\nprint(math.factorial({a}))", "The factorial of {a} is {0}.", a=plain(4, 24))
simple("gcd", "[What is|Find|] the [greatest common divisor|gcd|GCD|highest common factor] of {a} and {b}?", "import math\nprint(math.gcd({a}, {b}))", "The greatest common divisor of {a} and {b} is {0}.", a=digits(12, 999), b=digits(12, 999))
simple("lcm", "[What is|Find|] the [least common multiple|lcm|LCM|lowest common multiple] of {a} and {b}?", "import math\nprint(math.lcm({a}, {b}))", "The least common multiple of {a} and {b} is {0}.", a=digits(4, 99), b=digits(4, 99))
simple("is prime", "[Is {a} [a prime number|prime]?|Check if {a} is prime.|Tell me whether {a} is a prime.|prime or not: {a}]",
       "n = {a}\nprint('is' if n > 1 and all(n % k for k in range(2, int(n ** 0.5) + 1)) else 'is not')", "{a} {0} a prime number.", a=digits(20, 9999))
simple("prime factors", "[What are the prime factors of {a}?|Factor {a} [into primes|].|prime factorisation of {a}|Factorize {a}.]",
       "n, factors, k = {a}, [], 2\nwhile n > 1:\n    while n % k == 0:\n        factors.append(k)\n        n //= k\n    k += 1\nprint(*factors, sep=' x ')", "{a} = {0}.", a=plain(20, 9999))
simple("divisors", "[What are [all|] the divisors of {a}?|List the factors of {a}.|Which numbers divide {a}?]",
       "print(*[k for k in range(1, {a} + 1) if {a} % k == 0], sep=', ')", "The divisors of {a} are {0}.", a=plain(12, 400))
simple("first primes", "[List|Give me|Show|What are|Print] the first {a} prime numbers[.|?|]",
       "primes, n = [], 2\nwhile len(primes) < {a}:\n    if all(n % p for p in primes):\n        primes.append(n)\n    n += 1\nprint(*primes, sep=', ')", "The first {a} primes are {0}.", a=whole(3, 20))
simple("primes below", "[How many primes are there|How many prime numbers are|Count the primes] [below|under|less than] {a}?",
       "print(sum(all(n % k for k in range(2, int(n ** 0.5) + 1)) for n in range(2, {a})))", "There are {0} primes below {a}.", a=digits(30, 5000))
simple("fibonacci", "[What are|List|Give me|Show me|Print] the first {a} [Fibonacci numbers|numbers of the Fibonacci sequence]?",
       "a, b = 0, 1\nnumbers = []\nfor _ in range({a}):\n    numbers.append(a)\n    a, b = b, a + b\nprint(*numbers, sep=', ')", "The first {a} Fibonacci numbers are {0}.", a=whole(4, 20))
simple("nth fibonacci", "[What is|Calculate|] the {a}th [Fibonacci number|number in the Fibonacci sequence]?",
       "a, b = 0, 1\nfor _ in range({a}):\n    a, b = b, a + b\nprint(a)", "The {a}th Fibonacci number is {0}.", a=plain(10, 60))
simple("sum to", "[What is|Calculate|Find|] the sum of [the|all|] [numbers|integers|whole numbers] from {a} to {b}?",
       "print(sum(range({a}, {b} + 1)))", "The sum from {a} to {b} is {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("sum even", "[What is the sum of|Add up|Sum] all [even numbers|multiples of 2] from {a} to {b}?",
       "print(sum(n for n in range({a}, {b} + 1) if n % 2 == 0))", "The even numbers from {a} to {b} sum to {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("sum odd", "[What is the sum of|Add up|Sum] all odd numbers [between|from] {a} [and|to] {b}?",
       "print(sum(n for n in range({a}, {b} + 1) if n % 2 == 1))", "The odd numbers from {a} to {b} sum to {0}.", a=whole(1, 20), b=digits(50, 2000))
simple("multiples", "[List|What are|Give me|Show] the first {a} multiples of {b}[?|.|]", "print(*[{b} * k for k in range(1, {a} + 1)], sep=', ')", "The first {a} multiples of {b} are {0}.", a=whole(3, 12), b=digits(3, 99))
simple("times table", "[Show me|Print|Write|Give me] the [multiplication table|times table] [of|for] {a}[.|, please|]", "print(*[f'{{a}} x {k} = {{a} * k}' for k in range(1, 11)], sep='; ')", "{0}.", a=digits(3, 29))
simple("count divisible", "How many numbers [from|between] 1 [to|and] {a} are [divisible by|multiples of] {b}?", "print(sum(n % {b} == 0 for n in range(1, {a} + 1)))", "{0} numbers from 1 to {a} are divisible by {b}.", a=digits(50, 5000), b=digits(3, 19))
simple("absolute", "[What is the absolute value of -{a}?|abs(-{a})]", "print(abs(-{a}))", "The absolute value of -{a} is {0}.", a=real(1, 900))
simple("round", "[Round {a} to {b} decimal places.|What is {a} rounded to {b} decimals?|round {a} to {b} digits after the point]", "print(round({a}, {b}))", "{a} rounded to {b} decimals is {0}.", a=lambda r: same(f"{r.uniform(1, 500):.5f}"), b=plain(1, 3))
simple("binary", "[What is {a} in binary?|Convert {a} to binary.|{a} as a binary number|Write {a} in base 2.]", "print(bin({a})[2:])", "{a} in binary is {0}.", a=plain(5, 9999))
simple("hexadecimal", "[What is {a} in [hex|hexadecimal]?|Convert {a} to hex.|{a} as hexadecimal]", "print(hex({a})[2:])", "{a} in hexadecimal is {0}.", a=plain(20, 99999))
simple("octal", "[What is {a} in octal?|Convert {a} to octal.|Write {a} in base 8.]", "print(oct({a})[2:])", "{a} in octal is {0}.", a=plain(20, 9999))
simple("from binary", "[What is the binary number {a} in decimal?|Convert binary {a} to decimal.|Which number is {a} in base 2?]", "print(int('{a}', 2))", "Binary {a} is {0} in decimal.", a=lambda r: same(bin(r.randint(9, 999))[2:]))
simple("roman", "[What is {a} in Roman numerals?|Write {a} as a Roman numeral.|Convert {a} to Roman numerals.]",
       "n, text = {a}, ''\nfor value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), 'M CM D CD C XC L XL X IX V IV I'.split()):\n    text += sign * (n // value)\n    n %= value\nprint(text)", "{a} in Roman numerals is {0}.", a=plain(4, 3000))
simple("digit sum", "[What is|Find|Calculate] the [sum of the digits|digit sum] of {a}?", "print(sum(int(d) for d in str({a})))", "The digits of {a} sum to {0}.", a=plain(100, 9999999))
simple("digit count", "How many digits [does {a} have|are in {a}|are there in {a}]?", "print(len(str({a})))", "It has {0} digits.", a=lambda r: (lambda a, b: Value(f"{a}^{b}", f"{a} ** {b}"))(r.randint(2, 99), r.randint(9, 99)))
simple("larger", "[Which is [larger|bigger|greater]: {a} or {b}?|Is {a} or {b} bigger?|What is bigger, {a} or {b}?]", "print(max({a}, {b}, key=float))", "{0} is larger.", a=real(1, 99, 2), b=real(1, 99, 3))
simple("logarithm", "[What is|Compute|Calculate] the [natural logarithm|natural log|ln] of {a}?", "import math\nprint(round(math.log({a}), 4))", "The natural logarithm of {a} is {0}.", a=digits(2, 9999))
simple("log base", "[What is|Compute] [log base {b} of {a}|the logarithm of {a} to base {b}]?", "import math\nprint(round(math.log({a}, {b}), 4))", "The logarithm of {a} to base {b} is {0}.", a=digits(2, 9999), b=plain(2, 10))
simple("sine", "[What is|Compute|Calculate|Find] the {f} of {a} degrees?", "import math\nprint(round(math.{f}(math.radians({a})), 4))", "The {f} of {a} degrees is {0}.", f=chosen("sine|cosine|tangent|sin|cos|tan", "sin|cos|tan|sin|cos|tan"), a=plain(1, 89))
simple("combinations", "[In how many ways can I choose {b} [items|people|books] from {a}?|{a} choose {b}|How many combinations of {b} out of {a} are there?]", "import math\nprint(math.comb({a}, {b}))", "There are {0} ways to choose {b} from {a}.", a=plain(8, 40), b=plain(2, 6))
simple("permutations", "[In how many [ways|orders] can {a} [people|books|letters] be arranged [in a row|]?|How many permutations of {a} [things|items] are there?]", "import math\nprint(math.factorial({a}))", "There are {0} arrangements.", a=whole(3, 12))
simple("triangle number", "[What is the {a}th triangular number?|triangular number {a}]", "print({a} * ({a} + 1) // 2)", "The {a}th triangular number is {0}.", a=plain(5, 200))
simple("quadratic", "[Solve|Find the [roots|solutions] of] x^2 - {a}x + {b} = 0[.| for x.]",
       "a, b, c = 1, -{a}, {b}\nroot = (b * b - 4 * a * c) ** 0.5\nprint(round((-b - root) / 2, 4), 'and', round((-b + root) / 2, 4))", "The solutions are {0}.", a=plain(7, 20), b=plain(1, 12))
simple("linear", "[Solve {a}x + {b} = {c}[ for x|].|What is x if {a}x + {b} = {c}?|If {a}x + {b} = {c}, what is x?]", "print(round(({c} - {b}) / {a}, 4))", "x = {0}.", a=plain(2, 19), b=plain(1, 99), c=plain(100, 500))
simple("random", "[Give me|Pick|Generate|Choose] a random [number|integer] [between|from] {a} [and|to] {b}[.|, please]", "import random\nprint(random.randint({a}, {b}))", "[Your random number is {0}.|I picked {0}.]", a=whole(1, 20), b=digits(30, 999))
simple("dice", "[Roll|Throw] {a} dice[.| for me.|, please]", "import random\nprint(*[random.randint(1, 6) for _ in range({a})], sep=', ')", "The dice show {0}.", a=whole(2, 6))

PCT = "[What is|What's|Calculate|How much is|Compute|Work out|Find|]"
simple("percent of", f"[{PCT} {{p}} of {{n}}?|{{p}} of {{n}}|I need {{p}} of {{n}}.|Take {{p}} of {{n}}.]", "print(round({n} * {p} / 100, 4))", "{p} of {n} is {0}.", p=percent, n=real(10, 9000))
simple("percent of money", f"[{PCT} {{p}} of {{n}}?|{{p}} of {{n}}, how much is that?]", "print(round({n} * {p} / 100, 4))", "{p} of {n} is {0}.", p=percent, n=money(10, 9000))
simple("increase", "[What is {n} increased by {p}?|Increase {n} by {p}.|{n} plus {p}|Add {p} to {n}.|{n} goes up by {p}; what is it then?]", "print(round({n} * (1 + {p} / 100), 4))", "{n} increased by {p} is {0}.", p=percent, n=real(10, 9000))
simple("decrease", "[What is {n} decreased by {p}?|Decrease {n} by {p}.|{n} minus {p}|Take {p} off {n}.|{n} falls by {p}. What is left?]", "print(round({n} * (1 - {p} / 100), 4))", "{n} decreased by {p} is {0}.", p=percent, n=real(10, 9000))
simple("discount", "[A {item} costs {n} [and is|but is now] {p} off. What [is|will be] the [new|final|sale] price?|How much do I pay for a {item} of {n} with a {p} discount?|price of a {n} {item} after {p} discount?]",
       "print(round({n} * (1 - {p} / 100), 4))", "The {item} costs {0} after the discount.", item=chosen("shirt|jacket|phone|laptop|bike|table|camera|book|sofa|ticket|watch"), n=money(10, 2000), p=percent)
simple("tax", "[How much is {n} [with|plus|including] {p} [VAT|tax|sales tax]?|Add {p} [VAT|tax] to {n}.|A bill of {n} plus {p} tax: what is the total?]", "print(round({n} * (1 + {p} / 100), 4))", "With {p} tax it is {0}.", n=money(10, 3000), p=percent)
simple("net of tax", "[What is the net price if {n} includes {p} [VAT|tax]?|{n} includes {p} VAT. What is it without?|Remove {p} [VAT|tax] from {n}.]", "print(round({n} / (1 + {p} / 100), 4))", "Without tax it is {0}.", n=money(10, 3000), p=percent)
simple("tip", "[How much is a {p} tip on {n}?|What tip is {p} on a bill of {n}?|Calculate a {p} tip for {n}.|my bill is {n}, how much is a {p} tip?]", "print(round({n} * {p} / 100, 4))", "A {p} tip on {n} is {0}.", n=money(8, 400), p=chosen("10%|12%|15%|18%|20%|22%|25%", "10|12|15|18|20|22|25"))
simple("tip split", "[Split a bill of {n} [among|between|by] {k} [people|friends] with a {p} tip.|{k} of us pay {n} plus a {p} tip. How much each?|We are {k}, the bill is {n} and we tip {p}. What does each pay?]", "print(round({n} * (1 + {p} / 100) / {k}, 4))", "Each pays {0}.", n=money(20, 600), k=whole(2, 9), p=chosen("10%|15%|18%|20%", "10|15|18|20"))
simple("split", "[Split {n} [evenly|equally|] [among|between] {k} people.|{k} friends share {n}. How much does each [get|pay]?|Divide {n} by {k} people.]", "print(round({n} / {k}, 4))", "Each [gets|pays] {0}.".replace("[gets|pays]", "share is"), n=money(20, 2000), k=whole(2, 12))
simple("percent change", "[What is the percentage change from {a} to {b}?|By how many percent [did it grow|does it change] from {a} to {b}?|percent change {a} to {b}|It went from {a} to {b}. What is the change in percent?]", "print(round(({b} - {a}) / {a} * 100, 4))", "From {a} to {b} the change is {0}%.", a=real(10, 900), b=real(10, 900))
simple("what percent", "[What percentage [of {b} is {a}|is {a} of {b}]?|{a} is what percent of {b}?|How many percent of {b} is {a}?|{a} out of {b} in percent]", "print(round({a} / {b} * 100, 4))", "{a} is {0}% of {b}.", a=digits(3, 400), b=digits(401, 5000))
simple("percent whole", "[{a} is {p} of what number?|If {a} is {p}, what is 100%?|Of which number is {a} {p}?]", "print(round({a} / {p} * 100, 4))", "{a} is {p} of {0}.", a=digits(5, 900), p=percent)
simple("score", "[I [got|scored|answered] {a} out of {b} [right|points|correctly]. What [percent|percentage] is that?|{a} of {b} points: how many percent?]", "print(round({a} / {b} * 100, 4))", "That is {0}%.", a=digits(5, 60), b=digits(61, 120))
simple("compound", "[How much is {n} [worth|] after {k} years at {p} [interest|compound interest|interest a year]?|I invest {n} at {p} a year for {k} years. What do I have then?|{n} grows by {p} every year. What is it after {k} years?|Compound interest: {n}, {p}, {k} years.]", "print(round({n} * (1 + {p} / 100) ** {k}, 4))", "After {k} years it is {0}.", n=money(100, 20000), k=whole(2, 30), p=percent)
simple("simple interest", "[What is the simple interest on {n} at {p} for {k} years?|How much simple interest does {n} earn at {p} over {k} years?]", "print(round({n} * {p} / 100 * {k}, 4))", "The simple interest is {0}.", n=money(100, 20000), k=whole(2, 20), p=percent)
simple("loan", "[What is the monthly payment [of|on|for] a loan of {n} at {p} [a year|yearly interest|] over {k} years?|I borrow {n} at {p} for {k} years. What do I pay a month?]", "rate, months = {p} / 1200, {k} * 12\nprint(round({n} * rate / (1 - (1 + rate) ** -months), 4))", "The monthly payment is {0}.", n=money(1000, 300000), k=whole(2, 30), p=percent)
simple("price times", "[How much do {k} {item} cost at {n} each?|{k} {item} at {n} each: total?|One of the {item} costs {n}. What do {k} cost?|I buy {k} {item} for {n} each. What do I pay?]", "print(round({k} * {n}, 4))", "{k} {item} cost {0}.", k=whole(2, 60), n=money(1, 90), item=chosen("pens|books|tickets|apples|chairs|shirts|lamps|bottles|plants|cables"))
simple("change", "[I [buy|bought] {k} {item} at {n} each and pay with {c}. How much change do I get?|What is my change from {c} for {k} {item} at {n}?]", "print(round({c} - {k} * {n}, 4))", "The change is {0}.", k=whole(2, 6), n=money(1, 8), c=chosen("$50|$100|50 euros|100 dollars", "50|100|50|100"), item=chosen("pens|coffees|sandwiches|cakes|stamps|postcards"))
simple("salary", "[How much is {n} a [month|month before tax] in a year?|I earn {n} a month, what is that a year?|monthly {n}, yearly?]", "print(round({n} * 12, 4))", "That is {0} a year.", n=money(800, 9000))
simple("hourly", "[I earn {n} an hour and work {k} hours a week. What do I earn [a week|in a week]?|{k} hours at {n} per hour, how much is that?]", "print(round({n} * {k}, 4))", "That is {0}.", n=money(8, 90), k=whole(5, 45))
simple("unit price", "[{k} [kg|litres|boxes|packs] cost {n}. What does one cost?|What is the price of one if {k} cost {n}?]", "print(round({n} / {k}, 4))", "One costs {0}.", n=money(5, 200), k=whole(2, 24))
simple("profit", "[I bought it for {a} and sold it for {b}. What is my profit in percent?|bought at {a}, sold at {b}, profit percentage?]", "print(round(({b} - {a}) / {a} * 100, 4))", "The profit is {0}%.", a=money(20, 500), b=money(500, 2000))
simple("share of work", "[{n} has {a} [marbles|cards|stamps] and gives away {b}. How many are left?|If {n} had {a} [apples|coins] and lost {b}, how many remain?]", "print({a} - {b})", "{n} has {0} left.", n=name, a=digits(100, 900), b=digits(5, 99))
simple("boxes", "[How many boxes of {b} do I need for {a} [eggs|bottles|books|items]?|{a} items, {b} fit in a box. How many boxes?]", "import math\nprint(math.ceil({a} / {b}))", "{0} boxes are needed.", a=digits(50, 5000), b=digits(4, 48))

simple("average", "[What is|Calculate|Find|Compute] the [average|mean|arithmetic mean] of {l}?", "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "The average is {0}.", l=numbers())
simple("median", "[What is|Calculate|Find] the median of {l}?", "import statistics\nprint(statistics.median({l}))", "The median is {0}.", l=numbers())
simple("mode", "[What is the mode of {l}?|Which number occurs most often in {l}?]", "import statistics\nprint(statistics.mode({l}))", "The most common number is {0}.", l=numbers(6, 12, 1, 6))
simple("deviation", "[What is|Calculate|Compute] the standard deviation of {l}?", "import statistics\nprint(round(statistics.stdev({l}), 4))", "The standard deviation is {0}.", l=numbers())
simple("variance", "[What is|Calculate|Compute] the variance of {l}?", "import statistics\nprint(round(statistics.variance({l}), 4))", "The variance is {0}.", l=numbers())
simple("spread", "What is the [range|difference between the largest and the smallest number] of {l}?", "numbers = {l}\nprint(round(max(numbers) - min(numbers), 4))", "The range is {0}.", l=numbers())
simple("weighted grades", "[My grades are {l}. What is my average?|I got {l} in my tests. What is my mean grade?]", "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "Your average is {0}.", l=numbers(4, 8, 1, 20))

simple("circle area", "[What is|Calculate|Find] the area of a circle [with|of] radius {a}[ cm| m|]?", "import math\nprint(round(math.pi * {a} ** 2, 4))", "The area is {0}.", a=real(1, 90))
simple("circle round", "[What is|Calculate] the circumference of a circle [with|of] [radius {a}]?", "import math\nprint(round(2 * math.pi * {a}, 4))", "The circumference is {0}.", a=real(1, 90))
simple("rectangle", "[What is|Calculate|Find] the area of a [rectangle|room|field|garden] [of|that is|measuring] {a} by {b}[ m| cm|]?", "print(round({a} * {b}, 4))", "The area is {0}.", a=real(2, 90), b=real(2, 90))
simple("perimeter", "[What is|Calculate] the perimeter of a [rectangle|field|garden] [of|measuring] {a} by {b}?", "print(round(2 * ({a} + {b}), 4))", "The perimeter is {0}.", a=real(2, 90), b=real(2, 90))
simple("triangle", "[What is|Find] the area of a triangle with base {a} and height {b}?", "print(round({a} * {b} / 2, 4))", "The area is {0}.", a=real(2, 90), b=real(2, 90))
simple("hypotenuse", "[What is|How long is|Find] the hypotenuse of a right triangle with [legs|sides] {a} and {b}?", "import math\nprint(round(math.hypot({a}, {b}), 4))", "The hypotenuse is {0}.", a=real(2, 60), b=real(2, 60))
simple("sphere", "[What is|Calculate] the volume of a [sphere|ball] [with|of] radius {a}?", "import math\nprint(round(4 / 3 * math.pi * {a} ** 3, 4))", "The volume is {0}.", a=real(1, 40))
simple("cylinder", "[What is|Calculate] the volume of a cylinder with radius {a} and height {b}?", "import math\nprint(round(math.pi * {a} ** 2 * {b}, 4))", "The volume is {0}.", a=real(1, 30), b=real(1, 60))
simple("box volume", "[What is|Calculate] the volume of a box of {a} by {b} by {c}?", "print(round({a} * {b} * {c}, 4))", "The volume is {0}.", a=real(1, 60), b=real(1, 60), c=real(1, 60))
simple("distance", "[What is|How far is|Find] the distance between the points ({a}, {b}) and ({c}, {d})?", "import math\nprint(round(math.dist(({a}, {b}), ({c}, {d})), 4))", "The distance is {0}.", a=plain(-20, 20), b=plain(-20, 20), c=plain(-20, 20), d=plain(-20, 20))
simple("travel time", "[How long does it take to [drive|travel|go] {a} km at {b} km/h?|{a} km at {b} km/h, how many hours?]", "print(round({a} / {b}, 4))", "It takes {0} hours.", a=digits(20, 2000), b=plain(20, 140))
simple("speed", "[What is my [average|] speed if I [drive|ride|walk] {a} km in {b} hours?|{a} km in {b} hours is how many km/h?]", "print(round({a} / {b}, 4))", "The speed is {0} km/h.", a=digits(10, 900), b=whole(2, 12))
simple("bmi", "[What is [my|the] BMI [at|with|for] {a} kg and {b} m?|I weigh {a} kg and am {b} m tall. What is my BMI?]", "print(round({a} / {b} ** 2, 4))", "The BMI is {0}.", a=plain(45, 120), b=lambda r: same(f"{r.uniform(1.5, 2.05):.2f}"))
simple("fuel", "[How much [fuel|petrol] do I need for {a} km at {b} litres per 100 km?|My car uses {b} l/100km. How much fuel for {a} km?]", "print(round({a} * {b} / 100, 4))", "You need {0} litres.", a=digits(20, 2000), b=real(4, 12, 1))
