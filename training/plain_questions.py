"""Plain questions and small talk that need no tool; the base model's own answers to them keep it what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from training import plain_subjects as of
from training import plain_talk as talk
from training import plain_words as words

# fmt: off
DEFINED = ["What is {}?", "Explain {}.", "Explain {} in simple terms.", "Can you explain {} to a child?", "Tell me about {}.", "Describe {}.", "Give me a short definition of {}.", "What do you know about {}?", "In one sentence, what is {}?", "Why does {} matter?", "Tell me something interesting about {}.", "Have you heard of {}?", "I never understood {}. Can you help?", "How would you explain {} to a beginner?", "Give me an example of {}.", "Write two sentences on {}."]
PEOPLE = ["Who was {}?", "Tell me about {}.", "What is {} known for?", "In one sentence, who was {}?", "Who was {}?", "When did {} live?", "Where was {} from?", "Do you know {}?", "What did {} do?", "Who was {} again?", "Who exactly was {}?", "Tell me one fact about {}.", "Why is {} famous?", "Give me a short biography of {}."]
COUNTRIES = ["What is the capital of {}?", "Which continent is {} in?", "What language do people speak in {}?", "Capital of {}?", "Name a famous food from {}.", "On which continent does {} lie?", "Tell me about {}.", "What is {} famous for?", "Which languages are spoken in {}?", "Which city is the capital of {}?", "Name a neighbour of {}.", "Name a city in {}.", "Do you know the capital of {}?", "What is the official language of {}?", "What should I see in {}?", "What is the climate of {} like?", "Where is {}?"]
CITIES = ["Which country is {} in?", "What is {} famous for?", "Tell me about {}.", "What can I see in {}?", "Is {} a capital?", "Where is {}?", "Why do tourists visit {}?", "Describe {} in a sentence.", "What do people eat in {}?", "Is {} near the sea?", "On which continent is {}?"]
LANDMARKS = ["Where is {}?", "What is {}?", "Tell me about {}.", "Why is {} famous?", "In which country is {}?", "Describe {} briefly.", "Tell me one fact about {}."]
ANIMALS = ["What do {s} eat?", "Where do {s} live?", "What is {a}?", "What sound does {a} make?", "Is {a} a mammal?", "How long do {s} live?", "Tell me about {s}.", "What does {a} look like?", "Are {s} dangerous?", "Do {s} lay eggs?", "Can {s} swim?", "What is special about {s}?", "How big is {a}?", "Do {s} make good pets?", "Tell me a fun fact about {s}.", "Describe {a}.", "What colour is {a}?", "Do {s} sleep at night?", "Write two sentences about {a}."]
FRUITS = ["What is {a}?", "What does {a} taste like?", "Are {s} healthy?", "Where do {s} grow?", "What colour is {a}?", "How do I store {s}?", "What can I make with {s}?", "Is {a} a fruit or a vegetable?", "Tell me about {s}.", "Do you like {s}?", "Describe {a}.", "What vitamins are in {s}?", "Are {s} sweet?"]
FOODS = ["What does {} taste like?", "What is {}?", "Is {} healthy?", "Where does {} come from?", "What can I make with {}?", "How do I store {}?", "What colour is {}?", "Tell me about {}.", "What goes well with {}?", "Do you like {}?", "How do people eat {}?", "Is {} sweet?", "Describe the taste of {}."]
OBJECTS = ["What is {a} used for?", "What is {a}?", "What is {a} made of?", "How does {a} work?", "Who uses {a}?", "Describe {a}.", "Who invented the {}?", "Why do people need {a}?", "Explain what {a} does.", "Where do you find {a}?", "How do I clean {a}?", "What does {a} look like?", "Write a sentence about {a}."]
MATERIALS = ["What is {}?", "What is {} used for?", "What is {} made of?", "Is {} a metal?", "Where does {} come from?", "What colour is {}?", "Name one use of {}.", "Tell me about {}.", "Is {} hard or soft?", "Can {} burn?"]
INSTRUMENTS = ["What is {a}?", "How do you play {a}?", "What does {a} sound like?", "Is the {} a string instrument?", "Is it hard to learn the {}?", "Which music uses the {}?", "What is {a} made of?", "How many strings has {a}, if any?"]
JOBS = ["What does {a} do?", "How do I become {a}?", "What is {a}?", "Is it hard to be {a}?", "What tools does {a} use?", "Where does {a} work?", "Why do we need {s}?", "What makes a good {}?", "I want to be {a}. Any advice?", "Describe the day of {a}.", "My uncle is {a}."]
BODY = ["What does the {} do?", "Where in the body is the {}?", "Why do we have {a}?", "What is {a}?", "How does the {} work?", "Tell me about the {}.", "Can you live without {a}?", "What is the {} made of?"]
PLANTS = ["What is {a}?", "What does {a} look like?", "Where does {a} grow?", "How do I care for {a}?", "What colour is {a}?", "Tell me about {s}.", "Is {a} a tree?", "Does {a} need much water?", "What is {a} used for?"]
SPORTS = ["What is {}?", "Explain {} to a beginner.", "How can I get better at {}?", "Why do people like {}?", "Is {} good for you?", "What do I need for {}?", "Where does {} come from?", "Tell me about {}.", "Do you like {}?", "Give me a tip for {}.", "Is {} difficult?"]
IDEAS = ["What is {}?", "What does {} mean to you?", "Why is {} important?", "Explain {} to a child.", "Is {} a good thing?", "Give me an example of {}.", "Say something wise about {}.", "What is the opposite of {}?", "How would you describe {}?", "Tell me a proverb about {}.", "Write a sentence about {}.", "What do philosophers say about {}?"]
HOW = ["How do I {}?", "How can I {}?", "What is the best way to {}?", "Can you explain how to {}?", "Give me a tip on how to {}.", "I want to {}. Any advice?", "Teach me to {}.", "What do I need to {}?", "Is it hard to {}?", "Show me the steps to {}.", "I don't know how to {}.", "Any tricks to {}?", "What is the first step to {}?"]
WHY = ["Why is it that {}?", "Can you explain why {}?", "Do you know why {}?", "Tell me why {}.", "Any idea why {}?", "I was wondering why {}.", "Explain to a child why {}.", "My son asks why {}. What should I say?", "What is the reason that {}?", "Is there a reason why {}?"]
ADJECTIVES = ["What is the opposite of {}?", "Give me another word for {}.", "What does the word {} mean?", "Is {} an adjective?", "Use {} in a short sentence.", "What is a synonym for {}?", "Opposite of {}?", "What part of speech is {}?", "Write a sentence with the word {}.", "What does '{}' mean?", "Is '{}' an adverb?", "Name something that is {}.", "Which word means the contrary of {}?"]
NOUNS = ["What does the word {} mean?", "Use the word {} in a sentence.", "Is {} a noun?", "Give me a synonym for {}.", "What is meant by {}?", "Define {}.", "Make a sentence with {}.", "Is '{}' a verb or a noun?", "Tell me a word related to {}.", "Give me a word that rhymes with {}.", "What part of speech is '{}'?"]
VERBS = ["What does it mean to {}?", "Use the verb {} in a sentence.", "What is the opposite of to {}?", "Is {} a verb?", "Give me another word for {}.", "What is the past tense of {}?", "Make a short sentence with {}.", "Is '{}' an adjective?", "Define the verb {}."]
ADVERBS = ["Is '{}' an adverb?", "What does {} mean?", "Use {} in a sentence.", "What is the opposite of {}?", "Is {} an adjective or an adverb?", "Give me a synonym for {}.", "What kind of word is {}?"]
PHRASES = ["What does '{}' mean?", "Explain the saying '{}'.", "Where does the expression '{}' come from?", "When do people say '{}'?", "Use '{}' in a sentence."]
MAKERS = ["Who {verb} {}?", "Do you know who {verb} {}?", "Tell me who {verb} {}.", "Who was it that {verb} {}?"]
EVENTS = ["When did {}?", "In which year did {}?", "In what century did {}?", "Roughly when did {}?"]
MOST = ["What is the {}?", "Which is the {}?", "Do you know the {}?", "Name the {}.", "Tell me the {}."]
COLOURED = ["What colour is {}?", "What color is {}?", "Tell me the colour of {}.", "What is the colour of {}?"]
LEGS = ["How many legs does {a} have?", "How many legs has {a}?", "Does {a} have legs?"]
PAIRS = ["What is the difference between {}?", "How do {} differ?", "Explain the difference between {}.", "What do {} have in common?", "I always confuse {}.", "Compare {}.", "Are {} the same?"]
BIGGER = ["Which is bigger, {}?", "What is larger: {}?", "Of the two, which is bigger: {}?", "Tell me which is smaller, {}."]
SEQUENCE = ["What comes after {}?", "What comes before {}?", "And what follows {}?"]
NAMES_OF = ["Name {}.", "Can you name {}?", "Tell me {}.", "Give me an example: {}.", "I need {}.", "Please list {}.", "Do you know {}?"]
CLAIMS = ["True or false: {}.", "Is it true that {}?", "{}. Right or wrong?", "I heard that {}. Is that so?", "Somebody told me that {}.", "Do you agree that {}?", "Is it a myth that {}?"]
TRANSLATED = ["What is '{}' in {tongue}?", "How do you say '{}' in {tongue}?", "Translate '{}' into {tongue}."]
OPENINGS = ["Hi! ", "Quick question: ", "Hello. ", "Hey! ", "One more thing: ", "A question: "]
IRREGULAR = {"mouse": "mice", "wolf": "wolves", "goose": "geese", "tomato": "tomatoes", "mango": "mangoes", "sheep": "sheep", "deer": "deer", "moose": "moose", "reindeer": "reindeer", "bison": "bison", "salmon": "salmon", "tuna": "tuna", "squid": "squid", "shrimp": "shrimp", "lynx": "lynxes", "buffalo": "buffaloes", "salesperson": "salespeople", "fisherman": "fishermen"}
# fmt: on

SUBJECTS: tuple[tuple[Sequence[str], Sequence[str], int], ...] = (
    (DEFINED, of.SCIENCE, 3),
    (DEFINED, of.CULTURE, 2),
    (PEOPLE, of.PEOPLE, 2),
    (COUNTRIES, of.COUNTRIES, 3),
    (CITIES, of.CITIES, 2),
    (LANDMARKS, of.LANDMARKS, 2),
    (ANIMALS, of.ANIMALS, 3),
    (FRUITS, of.FRUITS, 3),
    (FOODS, of.FOODS, 2),
    (OBJECTS, of.OBJECTS, 2),
    (MATERIALS, of.MATERIALS, 2),
    (INSTRUMENTS, of.INSTRUMENTS, 2),
    (JOBS, of.JOBS, 2),
    (BODY, of.BODY, 2),
    (PLANTS, of.PLANTS, 2),
    (SPORTS, of.SPORTS, 2),
    (IDEAS, of.IDEAS, 2),
    (HOW, of.HOW_TO, 2),
    (WHY, of.WHY, 2),
    (ADJECTIVES, words.ADJECTIVES, 3),
    (NOUNS, words.NOUNS, 2),
    (VERBS, words.VERBS, 2),
    (ADVERBS, words.ADVERBS, 2),
    (PHRASES, words.PHRASES, 2),
    (EVENTS, of.EVENTS, 2),
    (MOST, of.MOST, 2),
    (COLOURED, of.COLOURED, 2),
    (LEGS, of.LEGS, 2),
    (PAIRS, of.PAIRS, 2),
    (BIGGER, of.BIGGER, 2),
    (SEQUENCE, of.SEQUENCE, 2),
    (NAMES_OF, of.NAMES_OF, 2),
    (CLAIMS, of.CLAIMS, 2),
    (talk.ABOUT_WRITING, talk.WRITE, 5),
    (talk.ABOUT_FEELING, talk.FEELING, 3),
)
"""Forms, what fills them, and how many forms each of these gets."""


def plain_questions() -> Iterator[str]:
    """Every question, in a fixed order; forms and slots are used in turn, so that all of them appear."""
    yield from talk.GREETINGS
    yield from talk.ABOUT_YOU
    yield from talk.CHAT
    yield from talk.REMARKS
    yield from _typed(talk.FACTS)
    yield from _typed(_wishes())
    for forms, subjects, each in SUBJECTS:
        yield from _typed(_filled(forms, subjects, each))
    for verb, works in of.WHO_MADE.items():
        yield from _typed(_filled([form.replace("{verb}", verb) for form in MAKERS], works, 2))
    for kind, members in of.KINDS.items():
        yield from _typed(f"Is {member} {kind}?" for member in members)
    for i, tongue in enumerate(words.TONGUES):
        forms = [form.replace("{tongue}", tongue) for form in TRANSLATED]
        yield from _typed(_filled(forms[i % 3 :] + forms[: i % 3], words.FOREIGN, 1))


def _wishes() -> Iterator[str]:
    for turn in range(6):
        for position, wish in enumerate(talk.WISHES):
            filled = wish.format(**_slots(turn * 5 + position))
            if turn == 0 or filled != wish:
                yield filled


def _filled(forms: Sequence[str], subjects: Sequence[str], each: int) -> Iterator[str]:
    """Neighbouring subjects begin at other forms, and a subject's own forms lie apart."""
    step = max(1, len(forms) // each)
    for i, subject in enumerate(subjects):
        for j in range(each):
            bare = subject.format(**_slots(i * 3 + j * 5))
            yield forms[(i + j * step) % len(forms)].format(bare, a=_with_article(bare), s=_plural(bare))


def _slots(turn: int) -> dict[str, str]:
    return {name: (values := text.split("|"))[turn % len(values)] for name, text in talk.SLOTS.items()}


def _typed(questions: Iterable[str]) -> Iterator[str]:
    """As people type: most of them neatly, some in small letters, without the last mark, or after a word of greeting."""
    for i, question in enumerate(questions):
        neat = question[0].upper() + question[1:]
        if i % 9 == 4:
            yield question.lower()
        elif i % 9 == 7:
            yield question.lower().rstrip("?.")
        elif i % 13 == 5:
            yield neat.rstrip("?.")
        elif i % 31 == 11:
            yield OPENINGS[i // 31 % len(OPENINGS)] + neat
        else:
            yield neat


def _with_article(noun: str) -> str:
    vowel = noun[0] in "aeiouAEIOU" and not noun.startswith(("uni", "uku", "euc", "uto", "euro"))
    return f"an {noun}" if vowel or noun.startswith(("hour", "honour", "heir")) else f"a {noun}"


def _plural(noun: str) -> str:
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
