"""The built-in model with and without its adapter on plain questions, unnamed and in random order: `python -m training.side_by_side`.

Without the adapter the model is as good at talk as it can be: no tools, its own chat template. With it, it is asked as it is
served, with tools. Prints Markdown for the model card; the key stands at the end.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from engine import ModelOptions
from engine.adapters.asked import AdapterOption
from mistralrs_agent.cli.wiring import BUILT_IN, BUILT_IN_ADAPTER
from training.base_answers import answers
from training.toolsets import agent

# fmt: off
QUESTIONS = [
    "Hello there, friend!", "How are things with you?", "Nice to talk to you.", "Which name do people give you?", "Who built you?", "Are you a machine?",
    "Good to see you again!", "Thanks for everything.", "I had a wonderful day.", "I feel nervous about tomorrow.", "What is a telescope?", "What is honey?",
    "Explain tides simply.", "Explain what a bank does.", "What is a democracy good for?", "Describe the taste of a lemon.", "What is a violin?",
    "What is snow made of?", "Why do we yawn?", "Why does iron rust?", "Why do dogs bark?", "How do plants drink?", "How does soap clean?", "How does a fridge stay cold?",
    "What is the capital of Scotland?", "What is the capital of Iceland?", "On which continent is Morocco?", "Which language is spoken in Brazil?",
    "Who was Leonardo da Vinci?", "Who was Florence Nightingale?", "Who was Charles Darwin?", "Who wrote Romeo and Juliet?", "Who painted the Mona Lisa?",
    "What is the biggest planet?", "Which gas do we breathe?", "At what temperature does water freeze?", "How many legs does an insect have?", "How many continents are there?",
    "What is the opposite of hot?", "What is the opposite of early?", "Give me another word for big.", "What does courage mean?", "Use the word river in a sentence.",
    "Is 'quickly' an adverb?", "Name two colours.", "Name a musical instrument.", "Tell me a little story about a fox.", "Write two lines about the night.",
    "Write a short note to thank a nurse.", "What can I cook with potatoes?", "How do I make lemonade?", "Give me a tip for learning Spanish.",
    "How can I sleep well?", "What should I read next?", "What makes a good teacher?", "Should I walk more?", "What is kindness?", "Say something cheerful.",
]  # fmt: skip
MAX_TOKENS = 120
SHOWN = 280
"""Characters of an answer."""


async def lists() -> str:
    """Every question with two answers, then which was which."""
    adapted = ModelOptions(
        adapters=(AdapterOption(BUILT_IN_ADAPTER, str(BUILT_IN)),),
        tool_adapter=BUILT_IN_ADAPTER,
        chat_template=Path(BUILT_IN) / "chat_template.jinja",
    )
    base = dict(await answers(QUESTIONS, MAX_TOKENS))
    taught = dict(await answers(QUESTIONS, MAX_TOKENS, adapted, agent().specs))
    order = random.Random(1)
    lines, key = list[str](), list[str]()
    for number, question in enumerate(QUESTIONS, 1):
        first = order.random() < 0.5
        pair = (taught[question], base[question]) if first else (base[question], taught[question])
        same = pair[0] == pair[1]
        lines.append(f"{number}. **{question}**")
        lines += (
            ["   - A and B: " + _line(pair[0])]
            if same
            else [f"   - {n}: {_line(t)}" for n, t in zip("AB", pair, strict=True)]
        )
        key += [] if same else [f"{number} {'A' if first else 'B'}"]
    return "\n".join(lines) + "\n\nWith the adapter: " + ", ".join(key) + "."


def _line(text: str) -> str:
    line = " / ".join(filter(None, map(str.strip, text.splitlines())))
    return line if len(line) <= SHOWN else f"{line[:SHOWN]} …"


if __name__ == "__main__":
    print(asyncio.run(lists()))
