"""Mistakes and how to recover, refused calls, two asks in one message, shell commands."""

# fmt: off
from __future__ import annotations

import random

from training.ask import FAMILIES, Ask, Call, Round, as_json, family, python_ask
from training.phrases import filled, lowered, phrased, written
from training.slots import numbers, sentence, word

IMPORTS = ("import math\n", "from datetime import date\n", "import statistics\n", "from collections import Counter\n", "import random\n", "import csv\n", "from pint import Quantity\n")
ONE_LINE = ["product", "quotient", "percent of", "discount", "square root", "average", "median", "letters in word", "count letter", "reverse word", "sort up", "list sum", "convert length", "convert mass", "convert volume", "convert temperature", "days between", "weekday of", "add days", "increase", "power", "tip", "count words", "list max", "compound", "factorial", "count vowels", "circle area", "convert speed", "minutes in", "what percent", "sort words", "gcd", "is prime", "percent change"]


def _simple_ask(rng: random.Random) -> Ask:
    return FAMILIES[rng.choice(ONE_LINE)](rng)


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
    return Ask(ask.question, rounds, ask.answer)


@family("file missing")
def file_missing(rng: random.Random) -> Ask:
    file = rng.choice(("data.csv", "report.txt", "numbers.csv", "notes.txt"))
    asked = written(rng, phrased(rng, "[How many lines has {f}?|Read {f}.|What is in {f}?|Count the rows of {f}.]"))
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
    form = phrased(rng, "[Use Python: {q}|{q} Use Python.|With Python, {q}|{q} Run code for it.|Run code to answer: {q}|Compute with your tool: {q}]")
    return Ask(filled(form, {"q": ask.question}), ask.rounds, ask.answer)


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


JOIN = "[{a} {b}|{a} And {l}|{a} Also, {l}|First: {a} Then: {b}|1. {a} 2. {b}|{a} and {l}|Two questions: {a} {b}|{a} After that: {l}|{a}\n{b}|{a} Besides, {l}]"


def _ended(question: str) -> str:
    return question if question[-1] in ".?!" else question + "?"


def _joined(rng: random.Random, first: str, second: str) -> str:
    form = phrased(rng, JOIN)
    first = first.rstrip(".?!") if " and {l}" in form else _ended(first)
    return filled(form, {"a": first, "b": second, "l": lowered(second)})


@family("two in one code")
def two_in_one(rng: random.Random) -> Ask:
    """Two things to compute: one piece of code prints both."""
    a, b = _simple_ask(rng), _simple_ask(rng)
    lines = [line for line in dict.fromkeys([*_code(a).split("\n")[:-1], *_code(b).split("\n")[:-1]]) if line.startswith(("import", "from"))]
    code = "\n".join([*lines, *(line for line in _code(a).split("\n") if line not in lines), *(line for line in _code(b).split("\n") if line not in lines)])
    return Ask(_joined(rng, a.question, b.question), (Round((Call("python", code),)),), f"{a.answer} {b.answer.replace('{0}', '{1}')}")


@family("three in one code")
def three_in_one(rng: random.Random) -> Ask:
    a, b = two_in_one(rng), _simple_ask(rng)
    code = f"{a.rounds[0].calls[0].text}\n{_code(b)}"
    question = f"{_ended(a.question)} {b.question}"
    return Ask(question, (Round((Call("python", code),)),), f"{a.answer} {b.answer.replace('{0}', '{2}')}")


WEB = ["author", "founder", "population", "weather", "release", "price", "founded", "director", "mayor", "headquarters", "born"]


@family("compute and search")
def compute_and_search(rng: random.Random) -> Ask:
    """Two asks for two tools: both calls at once."""
    a, b = _simple_ask(rng), FAMILIES[f"web {rng.choice(WEB)}"](rng)
    if rng.random() < 0.5:
        return Ask(_joined(rng, a.question, b.question), (Round((*a.rounds[0].calls, *b.rounds[0].calls)),), f"{a.answer} {b.answer}")
    return Ask(_joined(rng, b.question, a.question), (Round((*b.rounds[0].calls, *a.rounds[0].calls)),), f"{b.answer} {a.answer}")


@family("two searches")
def two_searches(rng: random.Random) -> Ask:
    a, b = (FAMILIES[f"web {rng.choice(WEB)}"](rng) for _ in range(2))
    calls = (*a.rounds[0].calls, *b.rounds[0].calls)
    return Ask(_joined(rng, a.question, b.question), (Round(calls),), f"{a.answer} {b.answer}", no_output=True)


@family("greeting and ask")
def greeting_and_ask(rng: random.Random) -> Ask:
    ask = _simple_ask(rng)
    hello = phrased(rng, "[Hi, how are you?|Hello! Nice to meet you.|Good evening.|Hey there, hope you are well.|I am new here.|My name is Tom.|I have a small problem.|I am doing my homework.|Thanks for the last answer!|You are great.]")
    return Ask(f"{hello} {ask.question}", ask.rounds, ask.answer)


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
