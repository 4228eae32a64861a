"""Files: attached tables that are looked at before they are reckoned with, text files read and written, plots."""

# fmt: off
from __future__ import annotations

import random
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from training.ask import Ask, Call, Round, family, python_ask, simple
from training.phrases import filled, lowered, phrased, written
from training.slots import numbers, real, same, sentence, whole, words
from training.vocabulary import any_name, any_text, any_word
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
PEOPLE = ("name", "customer", "student", "employee")
BESIDE = {True: ("city", "country", "team", "department", "shift", "street", "club", "course"), False: ("supplier", "colour", "region", "shelf", "season", "owner", "size", "brand")}
"""Text columns beside the one that names the rows: those of people, those of things."""
ATTACHED = (
    "[I attached {f}.|Attached is {f}.|Here is {f}.|See the attached file {f}.|[Attached file: {f}]|In the attached {f}:|"
    "Look at {f}.|I uploaded {f}.|Using {f}:|From {f}:|The file {f} is in the folder.|You find the table in {f}.|Open {f}.|Work with {f}.|{f}:|Please load {f}."
    "|My numbers are in {f}.|I have put everything into {f}.|Please look into {f}.|{f} is what I have.|This concerns {f}.|There's a spreadsheet named {f}.]"
)
INSIDE = (
    "[{q} in {f}?|In {f}: {q}?|{f}: {low}|{q}? The data is in {f}.|There is a file called {f}; {low}?|I have a table {f}. {q}?|Take {f} and tell me: {low}?"
    "|{q} (see {f})|With the data of {f}, {low}?|My file {f}, {low}?|Read {f}. {q}?|{q}, according to {f}?|Going by {f}, {low}?|{q}? Check {f}.|{q}? (file: {f})"
    "|{q}? I mean the table {f}.|Based on {f}, {low}?|{f} has the figures: {low}?|Judging from {f}, {low}?|{q} - look it up in {f}|From what {f} says, {low}?|{q}? Use {f} for that.]"
)
LOOK = "print(open('{f}').read()[:200])"
READ = "import csv\nrows = list(csv.DictReader(open('{f}')))\n"

REDUCE = {
    "total": ("[What is the [total|sum] of [the|] {n}?|Add up the {n} column.|How much {n} is there in total?|total {n}?|Sum the {n}.|What does the {n} add up to?|Taken together, how much is the {n}?|[Sum|Add] up [all|] {n}.|{n} altogether?|All rows together: how much {n}?|I need the overall {n}.|What's the grand total for {n}?]",
              "print(round(sum(float(r['{n}']) for r in rows), 4))", "The total {n} is {0}."),
    "mean": ("[What is the [average|mean] {n}?|Calculate the average of [the|] {n}.|average {n}?|How high is the {n} on average?|What {n} do we have on average?|Typical {n} (mean)?|Take the mean of {n}.|On average, how much {n} does a row have?|What does the {n} average out at?|mean of the {n} column?|How much {n} per row on average?|Tell me the mean {n}.]",
             "print(round(sum(float(r['{n}']) for r in rows) / len(rows), 4))", "The average {n} is {0}."),
    "largest": ("[What is the [highest|largest|maximum|top] {n}?|Find the highest {n}.|max {n}?|How high does the {n} get?|What's the biggest value under {n}?|The peak of {n}?|What is the maximum in the {n} column?|Which is the greatest {n} of all?|What does {n} reach at most?|Give me the largest {n} as a number.]",
                "print(max(float(r['{n}']) for r in rows))", "The highest {n} is {0}."),
    "smallest": ("[What is the [lowest|smallest|minimum] {n}?|Find the lowest {n}.|min {n}?|How low does the {n} get?|What's the smallest value under {n}?|The bottom of {n}?|What is the minimum in the {n} column?|Which is the least {n} of all?|What is {n} at least?|Give me the smallest {n} as a number.]",
                 "print(min(float(r['{n}']) for r in rows))", "The lowest {n} is {0}."),
    "who most": ("[{who} has the [highest|most|largest|biggest|top] {n}?|Who or what has the most {n}?|{l} with the highest {n}?|{who} comes out on top for {n}?|Name the {l} with the biggest {n}.|{who} leads in {n}?|By {n}, {low_who} is first?|Find the {l} where {n} is highest.|{who} beats the others on {n}?|{who} stands at the top by {n}?|Which row's {l} has the maximum {n}?|{who} is number one in {n}?]",
                 "print(max(rows, key=lambda r: float(r['{n}']))['{l}'])", "{0} has the highest {n}."),
    "who least": ("[{who} has the [lowest|least|smallest] {n}?|{l} with the lowest {n}?|{who} comes last in {n}?|Name the {l} with the smallest {n}.|Find the {l} where {n} is lowest.|{who} is at the bottom for {n}?|By {n}, {low_who} is last?|Which row's {l} has the minimum {n}?|{who} has less {n} than all others?|Who or what has the least {n}?]",
                  "print(min(rows, key=lambda r: float(r['{n}']))['{l}'])", "{0} has the lowest {n}."),
    "most with value": ("[{who} has the highest {n}, and how much is it?|Who or what leads in {n}, and with how much?|Give me the {l} with the most {n} and the value.|The top {l} by {n}, with the number?|{who} has the most {n}? Tell me the value too.|Name the {l} with the largest {n}, number included.]",
                        "best = max(rows, key=lambda r: float(r['{n}']))\nprint(best['{l}'])\nprint(best['{n}'])", "{0} has the highest {n}, {1}."),
    "second": ("[{who} has the second highest {n}?|{who} comes second in {n}?|The runner-up in {n}?|Right behind the leader in {n} is which {l}?|{l} with the second most {n}?|By {n}, {low_who} takes second place?]",
               "rows.sort(key=lambda r: float(r['{n}']), reverse=True)\nprint(rows[1]['{l}'])", "{0} has the second highest {n}."),
    "count": ("[How many [rows|lines|entries|records] [does it have|are there|are in it]?|Count the rows.|number of rows?|How many rows of data are there, without the header?|How long is the table?|How many records do we have?|Count the entries.|What's the number of records?|How many {l} rows are there?]",
              "print(len(rows))", "It has {0} rows."),
    "value": ("[What is the {n} of {v}?|How much {n} has {v}?|Look up the {n} of {v}.|{n} of {v}?|What does the {n} column say for {v}?|{v}: what {n}?|What {n} is listed for {v}?|Find {v} and tell me the {n}.|Which {n} belongs to {v}?|For {v}, what is the {n}?|I need to know the {n} for {v}.]",
              "print(next(r['{n}'] for r in rows if r['{l}'] == '{v}'))", "The {n} of {v} is {0}."),
    "above": ("[How many [rows have|of them have|entries have] a {n} [above|over|greater than|of more than] {k}?|Count the rows with {n} above {k}.|In how many rows is the {n} over {k}?|How often does {n} exceed {k}?|How many go over {k} in {n}?|Number of entries with more than {k} {n}?|{n} above {k}: how many rows?]",
              "print(sum(float(r['{n}']) > {k} for r in rows))", "{0} rows have a {n} above {k}."),
    "below": ("[How many [rows have|of them have|entries have] a {n} [below|under|less than] {k}?|Count the rows with {n} below {k}.|In how many rows is the {n} under {k}?|How many stay under {k} in {n}?|Number of entries with less than {k} {n}?|{n} below {k}: how many rows?]",
              "print(sum(float(r['{n}']) < {k} for r in rows))", "{0} rows have a {n} below {k}."),
    "who above": ("[Which {l} values have a {n} above {m}?|List each {l} with more than {m} {n}.|Every {l} whose {n} is over {m}?|Name those with a {n} greater than {m}.|{l} values where {n} exceeds {m}?]",
                  "print(*[r['{l}'] for r in rows if float(r['{n}']) > {m}], sep=', ')", "With a {n} above {m}: {0}."),
    "list": ("[List [all|the] {l} values.|Which {l} values are in it?|What are the values of {l}?|Name every {l}.|all {l} entries?|Give me the {l} column.|Read out the {l} column.|What stands in the column {l}?|Show each {l}.]",
             "print(*[r['{l}'] for r in rows], sep=', ')", "The {l} values are {0}."),
    "sorted": ("[Sort it by {n}, [highest|largest|biggest] first.|List the {l} values by {n}, highest first.|Order the rows by {n}, descending.|Rank them by {n}.|Rank each {l} by {n}, best first.|{l} from the highest {n} to the lowest?|Sort by {n} from high to low.|Ranking by {n}?|Arrange the {l} column by falling {n}.|In descending order of {n}, list each {l}.]",
               "rows.sort(key=lambda r: -float(r['{n}']))\nprint(*[r['{l}'] for r in rows], sep=', ')", "By {n}: {0}."),
    "sorted up": ("[Sort it by {n}, [lowest|smallest] first.|List the {l} values by {n}, lowest first.|Order the rows by {n}, ascending.|{l} from the lowest {n} to the highest?|Sort by {n} from low to high.|Arrange the {l} column by rising {n}.|In ascending order of {n}, list each {l}.|Starting with the least {n}, name each {l}.]",
                  "rows.sort(key=lambda r: float(r['{n}']))\nprint(*[r['{l}'] for r in rows], sep=', ')", "By rising {n}: {0}."),
    "top two": ("[Which two {l} values have the highest {n}?|The top two by {n}?|Name the two with the most {n}.|First and second place in {n}?|List the best 2 by {n}.]",
                "rows.sort(key=lambda r: -float(r['{n}']))\nprint(*[r['{l}'] for r in rows[:2]], sep=' and ')", "The top two are {0}."),
    "median": ("[What is the median {n}?|median of {n}?|Find the median of the {n} column.|The middle value of {n}?|What {n} lies in the middle?|Give me the median for {n}.|Half of the rows lie below which {n}?]",
               "import statistics\nprint(statistics.median(float(r['{n}']) for r in rows))", "The median {n} is {0}."),
    "difference": ("[What is the difference between the highest and the lowest {n}?|range of {n}?|How far apart are the largest and smallest {n}?|Spread of {n}, from minimum to maximum?|Highest minus lowest {n}?|By how much do the extremes of {n} differ?]",
                   "values = [float(r['{n}']) for r in rows]\nprint(round(max(values) - min(values), 4))", "The difference is {0}."),
    "compare": ("[How much more {n} does {v} have than {u}?|What is the difference in {n} between {v} and {u}?|{n} of {v} minus that of {u}?|Compare the {n} of {v} with {u}: what's the difference?]",
                "values = {r['{l}']: float(r['{n}']) for r in rows}\nprint(round(values['{v}'] - values['{u}'], 4))", "The difference is {0}."),
    "share": ("[What share of the total {n} does {v} have, in percent?|What percentage of all {n} comes from {v}?|How many percent of the {n} belong to {v}?|{v} accounts for what percent of the {n}?]",
              "total = sum(float(r['{n}']) for r in rows)\nprint(round(100 * next(float(r['{n}']) for r in rows if r['{l}'] == '{v}') / total, 2))", "{v} has {0} % of the {n}."),
    "group total": ("[What is the total {n} of {t} {x}?|Sum the {n} where {t} is {x}.|How much {n} in total for the {t} {x}?|Only {t} {x}: what does {n} add up to?|Add up the {n} of all rows with {t} {x}.]",
                    "print(round(sum(float(r['{n}']) for r in rows if r['{t}'] == '{x}'), 4))", "The total {n} for {t} {x} is {0}."),
    "group count": ("[How many rows have the {t} {x}?|Count the rows where {t} is {x}.|How often is the {t} {x}?|Number of entries with {t} {x}?|{t} {x}: how many rows?]",
                    "print(sum(r['{t}'] == '{x}' for r in rows))", "{0} rows have the {t} {x}."),
    "text value": ("[What is the {t} of {v}?|Which {t} does {v} have?|{t} of {v}?|Look up the {t} for {v}.|What does the column {t} say for {v}?|Find {v} and tell me the {t}.]",
                   "print(next(r['{t}'] for r in rows if r['{l}'] == '{v}'))", "The {t} of {v} is {0}."),
    "text of most": ("[What is the {t} of the {l} with the highest {n}?|Which {t} belongs to the top {l} by {n}?|The {l} with the most {n} has which {t}?|Find the highest {n} and tell me the {t} of that row.]",
                     "print(max(rows, key=lambda r: float(r['{n}']))['{t}'])", "The {t} is {0}."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds: the column that names the rows, the number column that is asked for, a text column beside."""

    label: str
    number: str
    beside: str
    labels: list[str]
    values: list[float]
    texts: list[str]
    """Of the column beside."""
    text: str

    @property
    def who(self) -> str:
        return "Who" if self.label in PEOPLE and "name" in self.label else f"Which {self.label}"


def _file(rng: random.Random) -> str:
    """Names of files are made up, so that they are copied."""
    word = any_word(rng) if rng.random() < 0.65 else rng.choice(FILES)
    form = rng.choice(("{w}", "{w}", "{w}", "{w}_{v}", "{w}-{v}", "{w}{n}", "{w}_{y}", "{c}", "{w}-{y}", "{v}_{w}_{n}"))
    return filled(form, {"w": word, "v": any_word(rng), "n": rng.randint(1, 99), "y": rng.randint(2015, 2026), "c": word.capitalize()}) + ".csv"


def _known_as(column: str) -> set[str]:
    return {word for name in (column, *SPOKEN.get(column, "").split("|")) for word in name.lower().replace("_", " ").split()}


def _header(rng: random.Random, kind: str, made_up: float, taken: Set[str] = frozenset()) -> str:
    """A column's name, with the chance `made_up` any word: names must be read and copied, not known."""
    while True:
        name = any_word(rng) if rng.random() < made_up else rng.choice(COLUMNS[kind])
        if not _known_as(name) & taken:
            return name


def _numbers(rng: random.Random, count: int) -> list[float]:
    if rng.random() < 0.3:
        return [round(rng.uniform(1, 900), 2) for _ in range(count)]
    return [float(n) if n != int(n) else n for n in rng.sample(range(1, rng.choice((40, 99, 999, 999, 9999))), count)]


def _table(rng: random.Random, texts: bool = False) -> Table:
    """One to three number columns that go by different names, at times a text column, at times a date."""
    label, number = _header(rng, "label", 0.2), _header(rng, "number", 0.45)
    people = label in PEOPLE
    count = rng.randint(3, 9)
    if rng.random() < 0.5:
        labels = rng.sample(NAMES if people else NOUNS, count)
    else:
        labels = list(dict.fromkeys((any_name if people or rng.random() < 0.3 else any_word)(rng) for _ in range(count)))
        labels += rng.sample(NAMES, max(0, 3 - len(labels)))
    values = _numbers(rng, len(labels))
    columns = [(label, labels), (number, list(map(str, values)))]
    taken = _known_as(number) | {label}
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        other = _header(rng, "number", 0.35, taken)
        taken |= _known_as(other)
        columns.insert(rng.randrange(len(columns) + 1), (other, list(map(str, _numbers(rng, len(labels))))))
    beside = rng.choice(BESIDE[people]) if rng.random() < 0.7 else _header(rng, "label", 1.0, taken)
    kinds = [any_word(rng) for _ in range(rng.randint(2, 3))]
    beside_values = [rng.choice(kinds) for _ in labels]
    if texts or rng.random() < 0.3:
        columns.insert(rng.randrange(len(columns) + 1), (beside, beside_values))
    if rng.random() < 0.2:
        columns.append(("date", [str(date(2025, 1, 5) + timedelta(days=n * 7)) for n in range(len(labels))]))
    lines = [[name for name, _ in columns], *([cells[n] for _, cells in columns] for n in range(len(labels)))]
    return Table(label, number, beside, labels, values, beside_values, "\n".join(",".join(line) for line in lines) + "\n")


def _pasted(rng: random.Random, asked: str, code: str, answer: str, text: str, said: Mapping[str, str]) -> Ask:
    """The table stands in the message."""
    asked = filled(written(rng, asked), said)
    table = text.strip()
    question = f"{table}\n\n{asked}" if rng.random() < 0.3 else f"{asked}\n\n{table}"
    read = f"import csv\ntable = '''{table}'''\nrows = list(csv.DictReader(table.splitlines()))\n"
    return Ask(question, (Round((Call("python", read + code),)),), answer)


def _reductions(kind: str) -> None:
    question, code, answer = REDUCE[kind]

    @family(f"table {kind}")
    def make(rng: random.Random) -> Ask:
        table = _table(rng, texts="{t}" in question)
        file = _file(rng)
        n = rng.randrange(len(table.labels))
        middle = sorted(table.values)[len(table.values) // 2]
        named = {
            "f": file, "l": table.label, "n": table.number, "v": table.labels[n], "u": table.labels[n - 1], "k": str(rng.randint(5, max(6, int(max(table.values))))),
            "m": str(max(0, int(middle) - 1)), "t": table.beside, "x": table.texts[n], "who": table.who, "low_who": table.who.lower(),
        }  # fmt: skip
        said = named | {"n": rng.choice(SPOKEN.get(table.number, table.number).split("|"))}
        before = phrased(rng, ATTACHED)
        asked = phrased(rng, question)
        order = f"{asked} {before}" if rng.random() < 0.3 and not before.endswith(":") else f"{before} {asked}"
        if rng.random() < 0.45:
            order = phrased(rng, INSIDE).replace("{q}", asked.rstrip("?.")).replace("{low}", lowered(asked.rstrip("?.")))
        look = Round((Call("python", filled(LOOK, named)),))
        reckon = Round((Call("python", filled(READ + code, named)),))
        if rng.random() < 0.15:
            return _pasted(rng, asked, filled(code, named), filled(answer, said), table.text, said)
        return Ask(_started(filled(written(rng, order), said)), (look, reckon), filled(answer, said), {file: table.text}, looks=1)

    del make


def _started(text: str) -> str:
    """`text` without the capital a word in the middle may have."""
    return text.replace(", Which ", ", which ").replace(", Who ", ", who ").replace(": Which ", ": which ")


for _kind in REDUCE:
    _reductions(_kind)


@family("table wrong column")
def table_wrong_column(rng: random.Random) -> Ask:
    """The column is called as the question has it, there is none of that name, and a look at the header helps."""
    table = _table(rng)
    label, number, file = table.label, table.number, _file(rng)
    guessed = rng.choice((*(word for word in SPOKEN.get(number, "").split("|") if word), "value", f"{number}s", number.title() + "s"))
    question, code, answer = REDUCE[rng.choice(("total", "mean", "largest", "smallest", "who most", "who least"))]
    named = {"f": file, "l": label, "n": number}
    said = named | {"n": guessed, "who": table.who, "low_who": table.who.lower()}
    asked = filled(written(rng, f"{phrased(rng, ATTACHED)} {phrased(rng, question)}"), said)
    wrong = Round((Call("python", filled(READ + code, said)),), learned=False)
    look = Round((Call("python", "print(rows[0])"),))
    return Ask(asked, (wrong, look, Round((Call("python", filled(code, named)),))), filled(answer, said), {file: table.text})


@family("table show")
def table_show(rng: random.Random) -> Ask:
    text, file = _table(rng).text, _file(rng)
    header = text.splitlines()[0].split(",")
    question = "[What columns [does|has] {f}[ have|]?|Which columns are in {f}?|What is in {f}?|Show me the columns of {f}.|column names of {f}|What does the header of {f} say?|How is {f} structured?|What fields does {f} have?|Name the columns in {f}.|{f}: which columns?|Look into {f} and list its columns.]"
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
        file = f"{rng.choice(NOTES) if rng.random() < 0.4 else any_word(rng)}.txt"
        texts = [rng.choice(TEXTS) if rng.random() < 0.4 else any_text(rng) for _ in range(1 if "says" in answer else rng.randint(2, 5))]
        lines = list(dict.fromkeys(texts))
        ask = python_ask(rng, question, filled(code, {"f": file}), answer, {"f": file})
        return Ask(ask.question, ask.rounds, ask.answer, {file: "\n".join(lines) + "\n"})

    del make


_text_file("read file", "[Read {f}.|What does {f} say?|What is [written|] in {f}?|Show me [the contents of|] {f}.|Open {f} and tell me what it says.|Print {f}.|contents of {f}|Read {f} aloud.|Which text is in {f}?|Let me see {f}.]", "print(open('{f}').read())", "{f} says: {0}")
_text_file("count lines", "[How many lines [has|are in|does] {f}[ have|]?|Count the lines of {f}.|number of lines in {f}|{f} is how many lines long?|line count of {f}|How long is {f}, in lines?]", "print(len(open('{f}').readlines()))", "{f} has {0} lines.")
_text_file("count file words", "[How many words [has|are in|does] {f}[ have|]?|Count the words in {f}.|word count of {f}|{f} is how many words long?|number of words in {f}]", "print(len(open('{f}').read().split()))", "{f} has {0} words.")
_text_file("first line", "[What is the first line of {f}?|Show the first line of {f}.|How does {f} begin?|Top line of {f}?|Which line comes first in {f}?|Read just the opening line of {f}.]", "print(open('{f}').readline().strip())", "The first line is: {0}")
_text_file("last line", "[What is the last line of {f}?|Show the last line in {f}.|How does {f} end?|Bottom line of {f}?|Which line comes last in {f}?|Read just the final line of {f}.]", "print(open('{f}').readlines()[-1].strip())", "The last line is: {0}")
_text_file("file size", "[How big is {f}?|What is the size of {f} in bytes?]", "import os\nprint(os.path.getsize('{f}'))", "{f} has {0} bytes.")
_text_file("list files", "[Which files are [there|here|in the folder]?|List the files [in this folder|].|What files do I have?|show my files]", "import os\nprint(*sorted(os.listdir()), sep=', ')", "The files are {0}.")

simple("write file", "[Write|Save|Put] {s} [to|into|in] [a file called|the file|] {f}[.|]", "with open('{f}', 'w') as file:\n    file.write({s})\nprint('saved')", "The text is {0} in {f}.", s=sentence, f=lambda r: same(f"{any_word(r)}.txt"))
simple("write list", "[Save|Write] the list {l} [to|into] {f}[, one a line|][.|]", "with open('{f}', 'w') as file:\n    file.write('\\n'.join(map(str, {l})))\nprint('saved')", "The list is {0} in {f}.", l=words(), f=lambda r: same(f"{any_word(r)}.txt"))
simple("write csv", "[Create|Make|Write] a CSV file {f} with the numbers {l} and their squares[.|]", "import csv\nwith open('{f}', 'w', newline='') as file:\n    csv.writer(file).writerows([n, n * n] for n in {l})\nprint('saved')", "The table is {0} in {f}.", l=numbers(3, 6), f=lambda r: same(_file(r)))

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
    table = _table(rng)
    label, number, text, file = table.label, table.number, table.text, _file(rng)
    named = {"f": file, "l": label, "n": number}
    said = named | {"n": rng.choice(SPOKEN.get(number, number).split("|"))}
    asked = f"{phrased(rng, ATTACHED)} {phrased(rng, '[Plot|Draw|Show] [the|] {n} [by|per|for each] {l}[ as bars|].')}"
    draw = filled(READ + "import matplotlib.pyplot as plt\nplt.bar([r['{l}'] for r in rows], [float(r['{n}']) for r in rows])\nplt.show()", named)
    rounds = (Round((Call("python", filled(LOOK, named)),)), Round((Call("python", draw),)))
    return Ask(filled(written(rng, asked), said), rounds, filled("Here is the bar chart of {n} by {l}.", said), {file: text}, looks=1, no_output=True)
