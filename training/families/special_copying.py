"""Odd strings that the code prints and the answer repeats exactly, character for character."""

# fmt: off
from __future__ import annotations

import random
from base64 import b64encode

from training.ask import linked
from training.families.strings_spelling import Slots
from training.slots import Value
from training.vocabulary import any_code, any_name, any_text, any_title, any_word

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _repeats(rng: random.Random) -> str:
    """A number with one digit again and again."""
    digit, other = rng.sample("0123456789", 2)
    run = digit * rng.randint(3, 10)
    return rng.choice((run, run, f"{other}{run}", f"{run}{other}", f"{run[:3]}{other}{run}"))


def _letters(rng: random.Random) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(4, 12)))


def _doubled(rng: random.Random) -> str:
    """A word with a letter once more or once less than one expects."""
    word = any_word(rng)
    at = rng.randrange(len(word))
    return rng.choice((word[:at] + word[at] + word[at:], word[:at] + word[at + 1 :], word[1:]))


def odd(rng: random.Random) -> str:
    """Something that cannot be guessed from its beginning."""
    key = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789") for _ in range(rng.randint(6, 14)))
    make = rng.choice((_repeats, _repeats, _letters, _letters, _doubled, _doubled, any_code, any_name, any_title, any_text, None))
    text = make(rng) if make else key
    return text if rng.random() < 0.85 else rng.choice((b64encode(text.encode()).decode(), text.upper(), text[::-1], f"{any_word(rng)}.{rng.choice(('csv', 'txt', 'py', 'pdf'))}"))


def _one(rng: random.Random) -> Slots:
    text = odd(rng)
    return {"s": Value(rng.choice((f"'{text}'", f'"{text}"', text)), repr(text))}


def _named(rng: random.Random) -> Slots:
    """A variable with an odd value."""
    text, name = odd(rng), rng.choice(("code", "key", "text", "name", "label", "token", "serial", "value"))
    return {"s": Value(rng.choice((f"'{text}'", f'"{text}"')), repr(text)), "x": Value(name, name)}


def _digits(rng: random.Random) -> Slots:
    """A digit and how often it is to be written."""
    return {"d": Value(d := rng.choice("123456789"), repr(d)), "n": Value(n := str(rng.randint(3, 14)), n)}


def _joined(rng: random.Random) -> Slots:
    a, b = (rng.choice((_letters, _doubled, any_word))(rng) for _ in range(2))
    return {"a": Value(f"'{a}'", repr(a)), "b": Value(f"'{b}'", repr(b))}


def _pieces(rng: random.Random) -> Slots:
    """A dictionary of odd values, and which is asked for."""
    values = {any_word(rng): odd(rng) for _ in range(rng.randint(2, 4))}
    key = rng.choice(list(values))
    return {"m": Value(", ".join(f"{k}: {v}" for k, v in values.items()), repr(values)), "k": Value(key, repr(key))}


linked("copy print", "[Print {s} exactly.|Print {s} with Python and tell me what comes out.|Run a program that prints {s}.|Output {s} by code, unchanged.|Execute Python that writes {s} to the screen.|Let Python print {s}.|Print the string {s}.|Echo {s} through Python.|Use code to print {s} and repeat it to me.|Show {s} by running a print.|What does Python print if I print {s}?]", "print({s})", "[{0}|It prints {0}|The output is {0}]", _one)
linked("copy strip", "[Remove spaces around {s} with strip and print it.|Print {s} after strip().|What is {s} after stripping it?|Strip {s} and show what remains.|Call strip on {s}.]", "print({s}.strip())", "[{0}|It is {0}]", _one)
linked("copy quoted", "[Print {s} between angle brackets with Python.|Put {s} in angle brackets.|Wrap {s} in < and >.|Write {s} with < before and > after it.|{s} in pointed brackets]", "print('<' + {s} + '>')", "[{0}|It is {0}]", _one)
linked("copy variable", "[Set {x} to {s} and print it.|Assign {s} to {x} and print {x}.|Let {x} be {s}. What does print({x}) show?|Make a variable {x} with {s} and print it.|Store {s} in {x} and read it back.|Run {x} = {s} and print {x}.]", "{x} = {s}\nprint({x})", "[The {x} is {0}|It prints {0}]", _named)
linked("copy doubled", "[Write {s} twice in a row.|Print {s} two times with nothing between.|Double the string {s}.|{s} followed by itself|What is {s} * 2 in Python?]", "print({s} * 2)", "[{0}|It is {0}]", lambda r: {"s": Value(f"'{t}'", repr(t))} if (t := odd(r)) else {})
linked("copy digits", "[Write the digit {d} {n} times in a row.|Print {n} times the digit {d}, no spaces.|Make a number of {n} digits, all {d}.|A number that has {n} times the digit {d}?|Put {n} {d}s next to each other.|Type {d} exactly {n} times, no gaps.|What number consists of {n} digits {d}?]", "print({d} * {n})", "[{0}|It is {0}.|The number is {0}.]", _digits)
linked("copy glue", "[Glue {a} and {b} together.|Concatenate {a} and {b}.|Put {b} directly behind {a}.|What is {a} + {b} in Python?|Append {b} to {a} without a space.|Write {a} and {b} as one word.|Join {a} to {b}, nothing between.]", "print({a} + {b})", "[Together it is {0}.|It is {0}.]", _joined)
linked("copy looked up", "[Given {m}. What is {k}?|Here are some values: {m}. Tell me {k}.|{m}. Look up {k} with Python.|I noted {m}. Which value has {k}?|My codes are {m}. What stands for {k}?|From {m}, read {k}.]", "values = {m}\nprint(values[{k}])", "[The value of {k} is {0}|For {k} it is {0}]", _pieces)
linked("copy file name", "[Which file name do I get from {a} and {b} with an underscore and .csv?|Build the file name {a}_{b}.csv with code.|Make a CSV file name of {a} and {b}, underscore between.]", "print({a} + '_' + {b} + '.csv')", "[The file name is {0}|It is {0}]", lambda r: {"a": Value(a := any_word(r), repr(a)), "b": Value(b := any_word(r), repr(b))})
