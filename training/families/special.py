"""Mistakes and how to recover, refused calls, two asks in one message, shell commands."""

# fmt: off
from __future__ import annotations

import random
import re

from training.ask import FAMILIES, Ask, Call, Round, as_json, family, python_ask
from training.phrases import filled, lowered, phrased, written
from training.slots import numbers, sentence, word
from training.vocabulary import any_word

IMPORTS = ("import math\n", "from datetime import date\n", "import statistics\n", "from collections import Counter\n", "import random\n", "import csv\n", "from pint import Quantity\n")
ONE_LINE = ["product", "quotient", "percent of", "discount", "square root", "average", "median", "letters in word", "count letter", "reverse word", "sort up", "list sum", "convert length", "convert mass", "convert volume", "convert temperature", "days between", "weekday of", "add days", "increase", "power", "tip", "count words", "list max", "compound", "factorial", "count vowels", "circle area", "convert speed", "minutes in", "what percent", "sort words", "gcd", "is prime", "percent change"]
GROUPS = (
    ("product", "quotient", "sum two", "difference", "decimals", "expression", "power", "square root", "factorial", "gcd", "remainder", "is prime", "circle area"),
    ("percent of", "discount", "tax", "increase", "decrease", "tip", "compound", "what percent", "percent change"),
    ("letters in word", "count letter", "reverse word", "count vowels", "swap letter", "last letters", "first n letters", "nth letter", "sort letters", "unique letters", "repeat without space", "rot13", "every second letter", "common letter", "remove letter"),
    ("count words", "longest word", "nth word", "last word", "upper", "first letters", "reverse words", "no spaces", "snake case", "word in base64", "count word"),
    ("sort up", "sort down", "list sum", "list max", "list min", "average", "median", "count above", "squares of", "top three", "reverse list", "second largest"),
    ("sort words", "list nth item", "list shortest of", "longest of", "list without item", "list is in list", "join with", "list sort by length down", "total letters"),
    ("days between", "weekday of", "add days", "minus days", "leap year", "days in month", "weekday in days", "days until", "age", "today"),
    ("convert length", "convert mass", "convert volume", "convert temperature", "convert speed", "convert area", "minutes in"),
)
"""Families that print one line, by what they are about."""


def _simple_ask(rng: random.Random) -> Ask:
    return FAMILIES[rng.choice(ONE_LINE) if rng.random() < 0.3 else rng.choice(rng.choice(GROUPS))](rng)


def _different(rng: random.Random, count: int) -> list[Ask]:
    """Asks of very different kinds: a list and a date, a word and a unit."""
    return [FAMILIES[rng.choice(group)](rng) for group in rng.sample(GROUPS, count)]


def _code(ask: Ask) -> str:
    return ask.rounds[0].calls[0].text


@family("error then right")
def error_then_right(rng: random.Random) -> Ask:
    """The first code forgets its import or has a slip; the traceback says so and the next is right."""
    ask = _simple_ask(rng)
    code = _code(ask)
    wrong = next((code.replace(line, "", 1) for line in IMPORTS if line in code), None) or code.replace("print(", "prnt(", 1)
    if rng.random() < 0.3:
        wrong = code[:-1]
    rounds = (Round((Call("python", wrong),), learned=False), *ask.rounds)
    return Ask(ask.question, rounds, ask.answer, today=ask.today)


@family("file missing")
def file_missing(rng: random.Random) -> Ask:
    file = f"{any_word(rng)}{rng.choice(('.csv', '.txt'))}"
    asked = written(rng, phrased(rng, "[How many lines has {f}?|Read {f}.|What is in {f}?|Count the rows of {f}.|Open {f} for me.|Show me {f}.|What does {f} say?]"))
    return Ask(filled(asked, {"f": file}), (Round((Call("python", f"print(open('{file}').read())"),)),), f"There is no file {file}.", no_output=True)


@family("denied")
def denied(rng: random.Random) -> Ask:
    ask = _simple_ask(rng)
    result = as_json({"status": "denied", "exception": "The user did not allow this call."})
    rounds = (Round((Call("python", _code(ask), result),)),)
    return Ask(ask.question, rounds, "I could not do this, because the call was not allowed.", no_output=True)


@family("use python")
def use_python(rng: random.Random) -> Ask:
    ask = _simple_ask(rng)
    form = phrased(rng, "[Use Python: {q}|{q} Use Python.|With Python, {q}|{q} Run code for it.|Run code to answer: {q}|Compute with your tool: {q}|{q} Please use code.|Do it in Python: {q}|{q} Do not guess, run it.|Write and run a program: {q}|{q} Check by running it.|Don't do this in your head: {q}]")
    return Ask(filled(form, {"q": ask.question}), ask.rounds, ask.answer, today=ask.today)


@family("print this")
def print_this(rng: random.Random) -> Ask:
    value = sentence(rng)
    return python_ask(rng, "[Print {s} with Python.|Run print({s}).|Execute print({s})|Write a Python program that prints {s} and run it.]", f"print({value.code})", "{0}", {"s": value.said})


@family("run code")
def run_code(rng: random.Random) -> Ask:
    code = rng.choice(("print(sum(range(10)))", "print(2 ** 10)", "print('a' * 5)", "x = 7\nprint(x * x)", "print(len('hello'))", "print([n for n in range(5)])",
                       "print(sorted('python'))", "print(10 // 3, 10 % 3)", "for n in range(3):\n    print(n)", "print(max(3, 9, 4))"))  # fmt: skip
    asked = phrased(rng, "[Run this [code|Python|]: {c}|What does this print? {c}|Execute: {c}|What is the output of {c}]")
    return Ask(filled(asked, {"c": code}), (Round((Call("python", code),)),), "It prints: {0}")


JOIN = "[{a} {b}|{a} And {l}|{a} Also, {l}|First: {a} Then: {b}|1. {a} 2. {b}|{a} and {l}|Two questions: {a} {b}|{a} After that: {l}|{a}\n{b}|{a} Besides, {l}|{a} Next: {b}|{a} While you are at it: {l}|a) {a} b) {b}|{a} Then {l}|Two things. {a} {b}|{a} On another note: {l}|{a} Apart from that: {l}|{a}\n\n{b}|One: {a} Two: {b}|{a} I also need this: {b}|{a} And something else: {b}|Both, please: {a} {b}|{a} Plus: {l}|Do two things for me: {a} {b}]"


def _ended(question: str) -> str:
    if question[-1] in ".?!":
        return question
    asks = re.match(r"(what|which|who|how|when|where|is|are|does|do|can|could)\b", question, re.IGNORECASE)
    return question + ("?" if asks else ".")


def _joined(rng: random.Random, first: str, second: str) -> str:
    form = phrased(rng, JOIN)
    first = first.rstrip(".?!") if " and {l}" in form else _ended(first)
    return filled(form, {"a": first, "b": second, "l": lowered(second)})


def _one_code(asks: list[Ask]) -> str:
    """The code of all, with the imports in front."""
    lines = [line for ask in asks for line in _code(ask).split("\n")]
    imports = list(dict.fromkeys(line for line in lines if line.startswith(("import ", "from "))))
    return "\n".join([*imports, *(line for line in lines if line not in imports)])


def _answers(asks: list[Ask]) -> str:
    return " ".join(_stopped(ask.answer).replace("{0}", f"{{{n}}}") for n, ask in enumerate(asks))


def _stopped(answer: str) -> str:
    return answer if answer[-1] in ".!?" else answer + "."


def _together(rng: random.Random, asks: list[Ask]) -> Ask:
    """All in one piece of code."""
    question = _joined(rng, asks[0].question, asks[1].question)
    for ask in asks[2:]:
        question = f"{_ended(question)} {ask.question}"
    day = next((ask.today for ask in asks if ask.today), None)
    return Ask(question, (Round((Call("python", _one_code(asks)),)),), _answers(asks), today=day)


@family("two in one code")
def two_in_one(rng: random.Random) -> Ask:
    """Two things to compute: one piece of code prints both."""
    return _together(rng, _different(rng, 2) if rng.random() < 0.75 else [_simple_ask(rng), _simple_ask(rng)])


@family("three in one code")
def three_in_one(rng: random.Random) -> Ask:
    return _together(rng, _different(rng, 3))


@family("two calls at once")
def two_calls(rng: random.Random) -> Ask:
    """Two things to compute, each in a call of its own."""
    asks = _different(rng, 2)
    day = next((ask.today for ask in asks if ask.today), None)
    calls = tuple(Call("python", _code(ask)) for ask in asks)
    asked = phrased(rng, "[Run these separately: {q}|Two separate calculations: {q}|{q} Use one run of code for each.|Work on both at the same time: {q}|In two separate calls: {q}]")
    question = filled(asked, {"q": _ended(_joined(rng, asks[0].question, asks[1].question))})
    return Ask(question, (Round(calls),), _answers(asks), today=day)


WEB = ["author", "founder", "population", "weather", "release", "price", "founded", "director", "mayor", "headquarters", "born", "heads", "versions", "life", "prices", "places in a race", "composer", "river", "height", "maker", "known for", "employees"]


@family("compute and search")
def compute_and_search(rng: random.Random) -> Ask:
    """Two asks for two tools: both calls at once."""
    a, b = _simple_ask(rng), FAMILIES[f"web {rng.choice(WEB)}"](rng)
    first, second = (a, b) if rng.random() < 0.5 else (b, a)
    calls = (*first.rounds[0].calls, *second.rounds[0].calls)
    answer = f"{_stopped(first.answer)} {second.answer}" if first is a else f"{first.answer} {second.answer}"
    return Ask(_joined(rng, first.question, second.question), (Round(calls),), answer, today=a.today)


@family("two searches")
def two_searches(rng: random.Random) -> Ask:
    a, b = (FAMILIES[f"web {rng.choice(WEB)}"](rng) for _ in range(2))
    calls = (*a.rounds[0].calls, *b.rounds[0].calls)
    return Ask(_joined(rng, a.question, b.question), (Round(calls),), f"{a.answer} {b.answer}", no_output=True)


@family("greeting and ask")
def greeting_and_ask(rng: random.Random) -> Ask:
    ask = _simple_ask(rng)
    hello = phrased(rng, "[Hi, how are you?|Hello! Nice to meet you.|Good evening.|Hey there, hope you are well.|I am new here.|My name is Tom.|I have a small problem.|I am doing my homework.|Thanks for the last answer!|You are great.]")
    return Ask(f"{hello} {ask.question}", ask.rounds, ask.answer, today=ask.today)


@family("check a claim")
def check_claim(rng: random.Random) -> Ask:
    a, b = rng.randint(12, 99), rng.randint(12, 99)
    claimed = a * b + rng.choice((0, 0, 10, -1, 2, 100))
    asked = phrased(rng, "[Is it true that {a} times {b} is {c}?|Is {a} * {b} = {c}?|My friend says {a} x {b} = {c}. Is that right?|Check: {a} * {b} = {c}]")
    said = {"a": str(a), "b": str(b), "c": str(claimed)}
    verdict = "Yes" if claimed == a * b else "No"
    return Ask(filled(written(rng, asked), said), (Round((Call("python", f"print({a} * {b})"),)),), f"{verdict}, {a} * {b} is {{0}}.")


@family("count letter twice")
def count_two_letters(rng: random.Random) -> Ask:
    value = word(rng)
    c, d = rng.sample("aeiorstln", 2)
    asked = phrased(rng, "[How many {c} and how many {d} are in {w}?|Count the letters {c} and {d} in {w}.|How often do {c} and {d} occur in {w}?]")
    code = f"w = {value.code}\nprint(w.count('{c}'))\nprint(w.count('{d}'))"
    return Ask(filled(written(rng, asked), {"c": c, "d": d, "w": value.said}), (Round((Call("python", code),)),), f"{c} occurs {{0}} times and {d} {{1}} times.")


@family("statistics together")
def statistics_together(rng: random.Random) -> Ask:
    value = numbers()(rng)
    names = rng.sample(("sum", "average", "median", "smallest", "largest"), 2)
    how = {"sum": "round(sum(numbers), 4)", "average": "round(sum(numbers) / len(numbers), 4)", "median": "statistics.median(numbers)", "smallest": "min(numbers)", "largest": "max(numbers)"}
    asked = phrased(rng, "[What are the {a} and the {b} of {l}?|Give me the {a} and {b} of {l}.|{a} and {b} of {l}?|For {l}, find the {a} and the {b}.]")
    lead = "import statistics\n" if "median" in names else ""
    code = f"{lead}numbers = {value.code}\nprint({how[names[0]]})\nprint({how[names[1]]})"
    said = {"a": names[0], "b": names[1], "l": value.said}
    return Ask(filled(written(rng, asked), said), (Round((Call("python", code),)),), f"The {names[0]} is {{0}} and the {names[1]} is {{1}}.")


SHELL = {
    "shell list": ("[List the files with the shell.|Run ls.|Show the files using a shell command.|ls|Use the shell to list the directory.]", "ls"),
    "shell where": ("[What is the current directory?|Run pwd.|In which folder does the shell start?|pwd]", "pwd"),
    "shell user": ("[Which user am I in the shell?|Run whoami.|whoami]", "whoami"),
    "shell lines": ("[Count the lines of notes.txt with wc.|Run wc -l notes.txt.|Use the shell to count the lines in notes.txt.]", "wc -l notes.txt"),
    "shell cat": ("[Show notes.txt with cat.|Run cat notes.txt.|cat notes.txt]", "cat notes.txt"),
    "shell echo": ("[Run echo hello in the shell.|Use the shell to print hello.|echo hello]", "echo hello"),
    "shell grep": ("[Search for the word milk in notes.txt with grep.|grep milk notes.txt|Which lines of notes.txt contain milk? Use the shell.]", "grep milk notes.txt"),
    "shell head": ("[Show the first line of notes.txt in the shell.|head -n 1 notes.txt]", "head -n 1 notes.txt"),
    "shell mkdir": ("[Make a folder called work with the shell and list the files.|mkdir work and then ls]", "mkdir work && ls"),
    "shell uname": ("[Which operating system is this? Use the shell.|Run uname -s.|uname]", "uname -s"),
}  # fmt: skip


def _shell(name: str) -> None:
    question, command = SHELL[name]

    @family(name)
    def make(rng: random.Random) -> Ask:
        lines = rng.sample(("buy milk", "call Anna", "water the plants", "pay rent", "milk and bread"), 3)
        return Ask(written(rng, phrased(rng, question)), (Round((Call("shell", command),)),), "The output is: {0}", {"notes.txt": "\n".join(lines) + "\n"})

    del make


for _name in SHELL:
    _shell(_name)
