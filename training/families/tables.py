"""Files: attached tables that are looked at before they are reckoned with, text files read and written, plots."""

# fmt: off
from __future__ import annotations

import random
from datetime import date, timedelta

from training.ask import Ask, Call, Round, family, python_ask, simple
from training.phrases import filled, lowered, phrased, written
from training.slots import chosen, numbers, real, sentence, whole, words
from training.words import NAMES, NOUNS

COLUMNS: dict[str, tuple[str, ...]] = {
    "label": ("name", "product", "city", "item", "customer", "team", "country", "student", "employee", "category"),
    "number": ("price", "amount", "sales", "score", "age", "units", "quantity", "cost", "points", "salary", "visitors",
               "temperature", "weight", "profit", "hours", "rating", "stock", "distance", "qty", "temp_c", "price_eur", "km", "kg", "hours_worked",
               "num_visitors", "yearly_salary", "pts", "secs", "cm", "litres", "pct", "unit_price", "Total", "pages", "goals", "kwh", "votes"),
}  # fmt: skip
SPOKEN = {
    "qty": "quantity", "temp_c": "temperature|degrees", "price_eur": "price|euros", "km": "kilometres|distance", "kg": "weight|kilograms", "hours_worked": "hours|hours worked",
    "num_visitors": "visitors|number of visitors", "yearly_salary": "salary|pay", "pts": "points", "secs": "seconds|time", "cm": "height|centimetres", "litres": "litres|water",
    "pct": "percentage|percent", "unit_price": "unit price|price", "Total": "total|amount", "kwh": "energy|kilowatt-hours|power use",
}  # fmt: skip
"""How people speak of a column whose header is something else."""
FILES = ["sales", "data", "orders", "results", "people", "expenses", "inventory", "scores", "report", "weather", "staff", "trips", "grades", "items", "log"]
ATTACHED = (
    "[I attached {f}.|Attached is {f}.|Here is {f}.|See the attached file {f}.|[Attached file: {f}]|In the attached {f}:|"
    "Look at {f}.|I uploaded {f}.|Using {f}:|From {f}:|The file {f} is in the folder.]"
)
INSIDE = (
    "[{q} in {f}?|In {f}: {q}?|{f}: {low}|{q}? The data is in {f}.|There is a file called {f}; {low}?|I have a table {f}. {q}?|Take {f} and tell me: {low}?"
    "|{q} (see {f})|With the data of {f}, {low}?|My file {f}, {low}?|Read {f}. {q}?]"
)
LOOK = "print(open('{f}').read()[:200])"
READ = "import csv\nrows = list(csv.DictReader(open('{f}')))\n"

REDUCE = {
    "total": ("[What is the [total|sum] of [the|] {n}?|Add up the {n} column.|How much {n} is there in total?|total {n}?|Sum the {n}.]",
              "print(round(sum(float(r['{n}']) for r in rows), 4))", "The total {n} is {0}."),
    "mean": ("[What is the [average|mean] {n}?|Calculate the average of [the|] {n}.|average {n}?|How high is the {n} on average?]",
             "print(round(sum(float(r['{n}']) for r in rows) / len(rows), 4))", "The average {n} is {0}."),
    "largest": ("[What is the [highest|largest|maximum] {n}?|Find the highest {n}.|max {n}?]",
                "print(max(float(r['{n}']) for r in rows))", "The highest {n} is {0}."),
    "smallest": ("[What is the [lowest|smallest|minimum] {n}?|Find the lowest {n}.|min {n}?]",
                 "print(min(float(r['{n}']) for r in rows))", "The lowest {n} is {0}."),
    "who most": ("[Which {l} has the [highest|most|largest] {n}?|Who or what has the most {n}?|{l} with the highest {n}?]",
                 "print(max(rows, key=lambda r: float(r['{n}']))['{l}'])", "{0} has the highest {n}."),
    "who least": ("[Which {l} has the [lowest|least|smallest] {n}?|{l} with the lowest {n}?]",
                  "print(min(rows, key=lambda r: float(r['{n}']))['{l}'])", "{0} has the lowest {n}."),
    "count": ("[How many [rows|lines|entries|records] [does it have|are there|are in it]?|Count the rows.|number of rows?]",
              "print(len(rows))", "It has {0} rows."),
    "value": ("[What is the {n} of {v}?|How much {n} has {v}?|Look up the {n} of {v}.|{n} of {v}?]",
              "print(next(r['{n}'] for r in rows if r['{l}'] == '{v}'))", "The {n} of {v} is {0}."),
    "above": ("[How many [rows have|of them have|entries have] a {n} [above|over|greater than] {k}?|Count the rows with {n} above {k}.]",
              "print(sum(float(r['{n}']) > {k} for r in rows))", "{0} rows have a {n} above {k}."),
    "list": ("[List [all|the] {l} values.|Which {l} values are in it?|What are the values of {l}?]",
             "print(*[r['{l}'] for r in rows], sep=', ')", "The {l} values are {0}."),
    "sorted": ("[Sort it by {n}.|List the {l} values by {n}, highest first.|Order the rows by {n}.|Rank them by {n}.]",
               "rows.sort(key=lambda r: -float(r['{n}']))\nprint(*[r['{l}'] for r in rows], sep=', ')", "By {n}: {0}."),
    "median": ("[What is the median {n}?|median of {n}?]",
               "import statistics\nprint(statistics.median(float(r['{n}']) for r in rows))", "The median {n} is {0}."),
    "difference": ("[What is the difference between the highest and the lowest {n}?|range of {n}?]",
                   "values = [float(r['{n}']) for r in rows]\nprint(round(max(values) - min(values), 4))", "The difference is {0}."),
}  # fmt: skip


def _table(rng: random.Random) -> tuple[str, str, list[str], str]:
    """Label column, number column, labels, and the text of the file."""
    label, number, other = rng.choice(COLUMNS["label"]), *rng.sample(COLUMNS["number"], 2)
    labels = rng.sample(NAMES if label in ("name", "customer", "student", "employee") else NOUNS, rng.randint(3, 9))
    decimals = rng.random() < 0.3
    header, lines = [label, number], []
    for one in labels:
        value = round(rng.uniform(1, 900), 2) if decimals else rng.randint(1, 999)
        lines.append([one, str(value)])
    if rng.random() < 0.5:
        at = rng.randrange(3)
        header.insert(at, other)
        for line in lines:
            line.insert(at, str(rng.randint(1, 99)))
    if rng.random() < 0.25:
        header.append("date")
        for n, line in enumerate(lines):
            line.append(str(date(2025, 1, 5) + timedelta(days=n * 7)))
    return label, number, labels, "\n".join(",".join(line) for line in [header, *lines]) + "\n"


def _pasted(rng: random.Random, asked: str, code: str, answer: str, text: str) -> Ask:
    """The table stands in the message."""
    asked = written(rng, asked)
    table = text.strip()
    question = f"{table}\n\n{asked}" if rng.random() < 0.3 else f"{asked}\n\n{table}"
    read = f"import csv\ntable = '''{table}'''\nrows = list(csv.DictReader(table.splitlines()))\n"
    return Ask(question, (Round((Call("python", read + code),)),), answer)


def _reductions(kind: str) -> None:
    question, code, answer = REDUCE[kind]

    @family(f"table {kind}")
    def make(rng: random.Random) -> Ask:
        label, number, labels, text = _table(rng)
        file = f"{rng.choice(FILES)}.csv"
        named = {"f": file, "l": label, "n": number, "v": rng.choice(labels), "k": str(rng.randint(20, 500))}
        said = named | {"n": rng.choice(SPOKEN.get(number, number).split("|"))}
        before = phrased(rng, ATTACHED)
        asked = phrased(rng, question)
        order = f"{asked} {before}" if rng.random() < 0.3 and not before.endswith(":") else f"{before} {asked}"
        if rng.random() < 0.3:
            order = phrased(rng, INSIDE).replace("{q}", asked.rstrip("?.")).replace("{low}", lowered(asked.rstrip("?.")))
        look = Round((Call("python", filled(LOOK, named)),))
        reckon = Round((Call("python", filled(READ + code, named)),))
        if rng.random() < 0.15:
            return _pasted(rng, filled(asked, said), filled(code, named), filled(answer, said), text)
        return Ask(filled(written(rng, order), said), (look, reckon), filled(answer, said), {file: text}, looks=1)

    del make


for _kind in REDUCE:
    _reductions(_kind)


@family("table wrong column")
def table_wrong_column(rng: random.Random) -> Ask:
    """The column is called as the question has it, there is none of that name, and a look at the header helps."""
    label, number, _, text = _table(rng)
    file = f"{rng.choice(FILES)}.csv"
    guessed = rng.choice((*(word for word in SPOKEN.get(number, "").split("|") if word), "value", "total", f"{number}s", number.title() + "s"))
    question, code, answer = REDUCE[rng.choice(("total", "mean", "largest", "smallest", "who most", "who least"))]
    named = {"f": file, "l": label, "n": number}
    said = named | {"n": guessed}
    asked = filled(written(rng, f"{phrased(rng, ATTACHED)} {phrased(rng, question)}"), said)
    wrong = Round((Call("python", filled(READ + code, said)),), learned=False)
    look = Round((Call("python", "print(rows[0])"),))
    return Ask(asked, (wrong, look, Round((Call("python", filled(code, named)),))), filled(answer, said), {file: text})


@family("table show")
def table_show(rng: random.Random) -> Ask:
    _, _, _, text = _table(rng)
    file = f"{rng.choice(FILES)}.csv"
    header = text.splitlines()[0].split(",")
    question = "[What columns [does|has] {f}[ have|]?|Which columns are in {f}?|What is in {f}?|Show me the columns of {f}.]"
    said = {"f": file}
    columns = ", ".join(header[:-1]) + " and " + header[-1]
    code = filled(LOOK, said)
    return Ask(filled(written(rng, phrased(rng, question)), said), (Round((Call("python", code),)),), f"{file} has the columns {columns}.", {file: text}, no_output=True)


TEXTS = (
    "Remember the milk", "The meeting is at three", "Call Anna on Friday", "Buy bread and cheese", "Pack the blue bag",
    "The code is 4711", "Water the plants", "Train leaves at 8:15", "Ask Tom about the keys", "Feed the cat at noon",
)  # fmt: skip
NOTES = ["notes", "todo", "memo", "readme", "list", "message", "letter", "diary"]


def _text_file(name: str, question: str, code: str, answer: str) -> None:
    @family(name)
    def make(rng: random.Random) -> Ask:
        file = f"{rng.choice(NOTES)}.txt"
        lines = rng.sample(TEXTS, rng.randint(2, 5)) if "{0}" in answer and "says" not in answer else [rng.choice(TEXTS)]
        ask = python_ask(rng, question, filled(code, {"f": file}), answer, {"f": file})
        return Ask(ask.question, ask.rounds, ask.answer, {file: "\n".join(lines) + "\n"})

    del make


_text_file("read file", "[Read {f}.|What does {f} say?|What is [written|] in {f}?|Show me [the contents of|] {f}.|Open {f} and tell me what it says.]", "print(open('{f}').read())", "{f} says: {0}")
_text_file("count lines", "[How many lines [has|are in|does] {f}[ have|]?|Count the lines of {f}.]", "print(len(open('{f}').readlines()))", "{f} has {0} lines.")
_text_file("count file words", "[How many words [has|are in|does] {f}[ have|]?|Count the words in {f}.]", "print(len(open('{f}').read().split()))", "{f} has {0} words.")
_text_file("first line", "[What is the first line of {f}?|Show the first line of {f}.]", "print(open('{f}').readline().strip())", "The first line is: {0}")
_text_file("last line", "[What is the last line of {f}?|Show the last line in {f}.]", "print(open('{f}').readlines()[-1].strip())", "The last line is: {0}")
_text_file("file size", "[How big is {f}?|What is the size of {f} in bytes?]", "import os\nprint(os.path.getsize('{f}'))", "{f} has {0} bytes.")
_text_file("list files", "[Which files are [there|here|in the folder]?|List the files [in this folder|].|What files do I have?|show my files]", "import os\nprint(*sorted(os.listdir()), sep=', ')", "The files are {0}.")

simple("write file", "[Write|Save|Put] {s} [to|into|in] [a file called|the file|] {f}[.|]", "with open('{f}', 'w') as file:\n    file.write({s})\nprint('saved')", "The text is {0} in {f}.", s=sentence, f=chosen("out.txt|hello.txt|note.txt|text.txt|quote.txt|my.txt|line.txt"))
simple("write list", "[Save|Write] the list {l} [to|into] {f}[, one a line|][.|]", "with open('{f}', 'w') as file:\n    file.write('\\n'.join(map(str, {l})))\nprint('saved')", "The list is {0} in {f}.", l=words(), f=chosen("list.txt|names.txt|words.txt|things.txt"))
simple("write csv", "[Create|Make|Write] a CSV file {f} with the numbers {l} and their squares[.|]", "import csv\nwith open('{f}', 'w', newline='') as file:\n    csv.writer(file).writerows([n, n * n] for n in {l})\nprint('saved')", "The table is {0} in {f}.", l=numbers(3, 6), f=chosen("squares.csv|numbers.csv|out.csv|table.csv"))

PLOT = "import numpy as np\nimport matplotlib.pyplot as plt\n"
CURVES = {
    "sin(x)": "np.sin(x)", "cos(x)": "np.cos(x)", "tan(x)": "np.tan(x)", "x^2": "x ** 2", "x squared": "x ** 2", "x^3": "x ** 3",
    "exp(x)": "np.exp(x)", "e^x": "np.exp(x)", "the sine function": "np.sin(x)", "the cosine": "np.cos(x)", "a parabola": "x ** 2",
    "x^2 - 4x + 3": "x ** 2 - 4 * x + 3", "sin(x) * x": "np.sin(x) * x", "x*cos(x)": "x * np.cos(x)", "exp(-x^2)": "np.exp(-x ** 2)",
    "1/(1+x^2)": "1 / (1 + x ** 2)", "sin(2x)": "np.sin(2 * x)", "sin(x)^2": "np.sin(x) ** 2", "cos(x)/2": "np.cos(x) / 2", "|x|": "np.abs(x)",
    "the logistic function": "1 / (1 + np.exp(-x))", "tanh(x)": "np.tanh(x)", "a straight line y = 2x + 1": "2 * x + 1", "3x - 2": "3 * x - 2",
    "exp(x)/x": "np.exp(x) / x", "cos(3x)/x": "np.cos(3 * x) / x", "1/x": "1 / x", "x^4 - x^2": "x ** 4 - x ** 2", "sin(x) + cos(x)": "np.sin(x) + np.cos(x)",
}  # fmt: skip
SHOW = (
    "[Plot|Draw|Graph|Show me a plot of|Make a graph of|Can you plot|Sketch|Create a plot of|plot|Visualize|Visualise|Show|Display|I want to see a plot of|I want a plot of"
    "|Give me a plot of|Could you sketch|Please plot|Show me|Produce a figure of|Trace]"
)


SIMPLE = {
    "x": "x", "x^2": "x ** 2", "x^3": "x ** 3", "sin(x)": "np.sin(x)", "cos(x)": "np.cos(x)", "exp(x)": "np.exp(x)", "tanh(x)": "np.tanh(x)",
    "sin({k}x)": "np.sin({k} * x)", "cos({k}x)": "np.cos({k} * x)", "exp(-x)": "np.exp(-x)", "|x|": "np.abs(x)", "{k}x": "{k} * x", "{k}x^2": "{k} * x ** 2",
    "sin(x/{k})": "np.sin(x / {k})", "exp(-x^2)": "np.exp(-x ** 2)", "sinh(x)": "np.sinh(x)", "arctan(x)": "np.arctan(x)",
}  # fmt: skip
POSITIVE = {"log(x)": "np.log(x)", "ln(x)": "np.log(x)", "sqrt(x)": "np.sqrt(x)", "the logarithm": "np.log(x)", "the square root of x": "np.sqrt(x)",
            "1/x": "1 / x", "x*log(x)": "x * np.log(x)", "log(x)/x": "np.log(x) / x", "sqrt(x) + {k}": "np.sqrt(x) + {k}", "{k}/x": "{k} / x"}  # fmt: skip
JOINS = ((" + ", " + "), (" - ", " - "), ("*", " * "), (" * ", " * "), ("/", " / "), (" / ", " / "), ("+", " + "))


def _curve(rng: random.Random) -> tuple[str, str, float]:
    """A function as people write it and as numpy does, and from where on it is defined."""
    form = rng.random()
    k = {"k": str(rng.randint(2, 9))}
    if form < 0.25:
        return (*rng.choice(list(CURVES.items())), -1e9)
    if form < 0.4:
        said, code = rng.choice(list(POSITIVE.items()))
        return filled(said, k), filled(code, k), 0.1
    if form < 0.5:
        a, b, c = rng.randint(1, 5), rng.randint(1, 9), rng.randint(1, 9)
        first = "x" if a == 1 else f"{a}x"
        return f"{first}^2 + {b}x - {c}", f"{'' if a == 1 else f'{a} * '}x ** 2 + {b} * x - {c}", -1e9
    said, code = rng.choice(list(SIMPLE.items()))
    if form < 0.6:
        return filled(said, k), filled(code, k), -1e9
    (sign, operator), (other, other_code) = rng.choice(JOINS), rng.choice(list(SIMPLE.items()))
    other, other_code = (filled(text, {"k": str(rng.randint(2, 9))}) for text in (other, other_code))
    apart = operator == " / " and ("*" in other_code)
    joined = f"{filled(said, k)}{sign}{other}" if not apart else f"{filled(said, k)}{sign}({other})"
    return joined, f"{filled(code, k)}{operator}{f'({other_code})' if apart else other_code}", -1e9


@family("plot function")
def plot_function(rng: random.Random) -> Ask:
    said, code, least = _curve(rng)
    low, high = rng.choice(((-10, 10), (-10, 10), (-10, 10), (-5, 5), (0, 10), (-3, 3), (-20, 20), (1, 30), (-2, 2), (0, 100)))
    span = "" if (low, high) == (-10, 10) else rng.choice((f" from {low} to {high}", f" for x between {low} and {high}", f" on [{low}, {high}]", f" with x from {low} to {high}", f" in the range {low} to {high}"))
    start = low if low > least else least
    text = f"{PLOT}x = np.linspace({start}, {high}, 500)\nplt.plot(x, {code})\nplt.show()"
    asked = written(rng, phrased(rng, f"{SHOW} {{y}}{{c}}{{s}}[.|]"))
    y = rng.choice(("", "", "", "y = ", "f(x) = ", "the function ", "the curve of ", "the graph of "))
    y = "" if said.startswith(("the ", "a ")) else y
    return Ask(filled(asked, {"c": said, "s": span, "y": y}), (Round((Call("python", text),)),), f"Here is the plot of {said}{span}.", no_output=True)


@family("plot two functions")
def plot_two(rng: random.Random) -> Ask:
    (a, first, start), (b, second, other) = _curve(rng), _curve(rng)
    low = max(-10, start, other)
    text = f"{PLOT}x = np.linspace({low}, 10, 500)\nplt.plot(x, {first}, label='{a}')\nplt.plot(x, {second}, label='{b}')\nplt.legend()\nplt.show()"
    asked = written(rng, phrased(rng, f"[{SHOW} {{a}} and {{b}} [together|in one plot|in the same figure|].|{SHOW} {{a}} against {{b}}.|Compare {{a}} and {{b}} in a plot.]"))
    return Ask(filled(asked, {"a": a, "b": b}), (Round((Call("python", text),)),), f"Here is the plot of {a} and {b}.", no_output=True)


def _chart(name: str, question: str, draw: str, answer: str, **slots: object) -> None:
    @family(name)
    def make(rng: random.Random) -> Ask:
        values = {key: make_value(rng) for key, make_value in slots.items()}  # type: ignore[operator]
        code = "import matplotlib.pyplot as plt\n" + filled(draw, {k: v.code for k, v in values.items()}) + "\nplt.show()"
        ask = python_ask(rng, question, code, answer, {k: v.said for k, v in values.items()})
        return Ask(ask.question, ask.rounds, ask.answer, no_output=True)

    del make


_chart("plot line", f"[{SHOW} {{l}}[.| as a line.]|Make a line chart of {{l}}.|line graph of {{l}}]", "plt.plot({l})", "Here is the line chart.", l=numbers())
_chart("plot bars", "[[Make|Draw|Create|Show] a [bar chart|bar plot|bar graph|column chart] [of|for|with] {l}[.|]|Show {l} as [bars|a bar chart|columns].|[Plot|Draw] bars for {l}.|bar chart: {l}|Put {l} in a bar chart.]", "numbers = {l}\nplt.bar(range(len(numbers)), numbers)", "Here is the bar chart.", l=numbers())
_chart("histogram", "[[Make|Draw|Show|Plot|Create] a histogram [of|from] {l}[.|]|Show {l} as a histogram.|histogram of the data {l}]", "plt.hist({l})", "Here is the histogram.", l=numbers(8, 14))
_chart("pie", "[[Make|Draw|Show me|Create] a pie [chart|] [of|with|from] {l}[.|]|Show {l} as a pie.|pie chart of the parts {l}]", "plt.pie({l})", "Here is the pie chart.", l=numbers(3, 6, 5, 60))
_chart("scatter", "[Make|Draw|Plot] a scatter plot of {l} [against|versus] [their|the] position[s|][.|]", "numbers = {l}\nplt.scatter(range(len(numbers)), numbers)", "Here is the scatter plot.", l=numbers())
_chart("random walk", "[Plot|Simulate|Draw] a random walk [of|with] {n} steps[.|]", "import random\nwalk = [0]\nfor _ in range({n}):\n    walk.append(walk[-1] + random.choice((-1, 1)))\nplt.plot(walk)", "Here is a random walk of {n} steps.", n=whole(20, 900))
_chart("circle", "[Draw|Plot] a circle [of|with] radius {r}[.|]", "axes = plt.gca()\naxes.add_patch(plt.Circle((0, 0), {r}, fill=False))\naxes.axis('equal')", "Here is a circle of radius {r}.", r=real(1, 20))


@family("plot table")
def plot_table(rng: random.Random) -> Ask:
    label, number, _, text = _table(rng)
    file = f"{rng.choice(FILES)}.csv"
    named = {"f": file, "l": label, "n": number}
    said = named | {"n": rng.choice(SPOKEN.get(number, number).split("|"))}
    asked = f"{phrased(rng, ATTACHED)} {phrased(rng, '[Plot|Draw|Show] [the|] {n} [by|per|for each] {l}[ as bars|].')}"
    draw = filled(READ + "import matplotlib.pyplot as plt\nplt.bar([r['{l}'] for r in rows], [float(r['{n}']) for r in rows])\nplt.show()", named)
    rounds = (Round((Call("python", filled(LOOK, named)),)), Round((Call("python", draw),)))
    return Ask(filled(written(rng, asked), said), rounds, filled("Here is the bar chart of {n} by {l}.", said), {file: text}, looks=1, no_output=True)
