"""How people say things: a small grammar of phrasings, and the ways a message is written down."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


def phrased(rng: random.Random, text: str) -> str:
    """One of the sentences `text` stands for: `[a|b|]` is one of a, b and nothing, and may hold more of the kind."""
    while found := _INNERMOST.search(text):
        text = text[: found.start()] + rng.choice(found[1].split("|")) + text[found.end() :]
    return re.sub(r"  +", " ", text).strip()


def filled(text: str, values: Mapping[str, object]) -> str:
    """`text` with `{name}` replaced where `values` has the name; other braces stay, as Python code needs them."""
    return _SLOT.sub(lambda slot: str(values[slot[1]]) if slot[1] in values else slot[0], text)


_PLURALS = {"boxs": "boxes", "buss": "buses", "shelfs": "shelves", "batchs": "batches", "lunchs": "lunches"}


def well_spelled(text: str) -> str:
    """`text` where words that a slot and an `s` behind it made are spelled as they should be."""
    return re.sub(r"\b(?:" + "|".join(_PLURALS) + r")\b", lambda word: _PLURALS[word[0]], text)


BEFORE = (
    "[Please|please|Pls|Hi!|Hello,|Hey,|hey|Hi there.|Quick question:|Question:|I need help with something.|OK so"
    "|Can you help me?|Could you help?|Just curious:|For school:|For work:|Good morning!|Dear assistant,|One thing:]"
)
AFTER = "[Thanks!|thanks|Thank you.|Please.|please|I need it quickly.|Just the answer.|It's for my homework.|:)|cheers|asap]"


_WANTED = re.compile(r"(?:What is|What's|Calculate|Find|Compute|Give me|Show me|List) (?!in |on |at )(.+?)[?.]?$")
_ASKED = re.compile(r"((?:How (?:many|much|long|often|old)|Which|Who|When|Where|What) .+?)\?$")
_TOLD = re.compile(
    r"((?:Sort|Reverse|Write|Convert|Count|Add|Multiply|Divide|Remove|Replace|Put|Order|Arrange|Plot|Draw|Make|Round|Sum|Pick"
    r"|Encode|Join|Read|Open|Change|Express|Square|Subtract|Split|Increase|Decrease|Evaluate|Solve|Look|Search|Check) .+?)[.?]?$"
)
THING = (
    "[Tell me {t}.|Give me {t}.|I'd like to know {t}.|I want to know {t}.|Can you tell me {t}?|Could you work out {t}?|{t}, please|I need {t}."
    "|What would {t} be?|Please determine {t}.|Let me know {t}.|Do you know {t}?|Figure out {t}.|Find out {t}.|Any idea what {t} is?|{t}?]"
)
ANSWER = (
    "[Tell me {t}.|I'd like to know {t}.|Can you tell me {t}?|Do you know {t}?|Could you say {t}?|I wonder {t}.|Find out {t}."
    "|Please tell me {t}.|Figure out {t}.|Let me know {t}.|I need to know {t}.]"
)
DEED = (
    "[Can you {t}?|Could you {t}?|Could you {t} for me?|Please {t}.|I'd like you to {t}.|I want you to {t}.|Would you {t}?|{t} for me|Now {t}."
    "|Your task: {t}.|Go ahead and {t}.|Help me: {t}.|Try to {t}.|I need you to {t}.]"
)


def reworded(rng: random.Random, text: str) -> str:
    """The same asked in another way, where it is one plain sentence."""
    if re.search(r"[.?!:;,] \S", text):
        return text
    for form, wordings in ((_WANTED, THING), (_ASKED, ANSWER), (_TOLD, DEED)):
        if found := form.match(text):
            return phrased(rng, wordings).replace("{t}", lowered(found[1]) if form is not _WANTED else found[1])
    return text


def written(rng: random.Random, text: str) -> str:
    """A message as someone might type it: mostly as it is, at times polite, careless or hurried. `{slots}` are kept."""
    if rng.random() < 0.4:
        text = reworded(rng, text)
    if rng.random() < 0.16:
        text = f"{phrased(rng, BEFORE)} {text if rng.random() < 0.5 else lowered(text)}"
    if rng.random() < 0.1:
        text = f"{text}{'' if text[-1] in '.?!' else '.'} {phrased(rng, AFTER)}"
    if rng.random() < 0.16:
        text = "".join(part if part.startswith("{") else part.lower() for part in re.split(r"(\{\w+\})", text))
    if rng.random() < 0.14:
        text = text.rstrip("?.!")
    if rng.random() < 0.08:
        text = _mistyped(rng, text)
    return text


def lowered(text: str) -> str:
    """`text` as it would go on after other words; acronyms and `I` stay."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text if first.isupper() or first.startswith(("I'", "{", "'")) else text[:1].lower() + text[1:]


def _mistyped(rng: random.Random, text: str) -> str:
    """One or two slips in ordinary words; names, numbers and slots stay as they are."""
    parts = re.split(r"(\{\w+\}|\s+)", text)
    words = [n for n, part in enumerate(parts) if len(part) > 3 and part.isalpha() and part[1:].islower()]
    for n in rng.sample(words, min(len(words), rng.choice((1, 1, 2)))):
        at = rng.randrange(1, len(parts[n]) - 1)
        word = parts[n]
        parts[n] = rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
    return "".join(parts)
