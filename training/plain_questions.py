"""Small talk and plain questions that need no tool; the base model's own answers to them keep it what it is."""

# fmt: off
from __future__ import annotations

from collections.abc import Iterator

GREETINGS = ["hi", "hello", "hey", "hey there", "hi there!", "good morning", "good evening", "good afternoon!", "hello, how are you?", "how are you?", "how's it going?", "what's up?", "yo", "greetings", "howdy", "hi, nice to meet you", "hello SmolLM", "hey, are you there?", "hiya", "how are you doing today?", "how do you feel?", "good night", "see you later", "bye", "goodbye!", "thanks", "thank you!", "thanks a lot", "thank you, that was helpful", "great, thanks", "cheers", "ok", "okay, cool", "nice", "awesome", "wow", "sounds good", "I see", "got it", "sorry", "no problem", "that's funny", "lol", "good job", "well done", "you are smart", "I like you", "I love you", "you're welcome", "please"]
ABOUT_YOU = ["who are you?", "what is your name?", "what's your name", "what can you do?", "what can you help me with?", "who made you?", "who created you?", "are you a robot?", "are you human?", "are you an AI?", "where do you live?", "how old are you?", "do you sleep?", "do you have feelings?", "can you think?", "what languages do you speak?", "do you like music?", "what is your favourite colour?", "what is your favorite food?", "do you have friends?", "are you alive?", "can you help me?", "I need help", "I have a question", "can I ask you something?", "tell me about yourself", "what are you?", "are you conscious?", "do you dream?", "can you hear me?", "what do you think about people?", "do you like humans?", "are you busy?", "what makes you happy?", "do you know everything?"]
TOPICS = ["photosynthesis", "gravity", "democracy", "evolution", "an atom", "a black hole", "inflation", "machine learning", "a volcano", "the internet", "climate change", "a computer", "DNA", "electricity", "a galaxy", "the moon", "an ecosystem", "recursion", "an algorithm", "a database", "jazz", "philosophy", "poetry", "a metaphor", "a noun", "osmosis", "a virus", "a vaccine", "the heart", "friction", "energy", "a neuron", "capitalism", "justice", "friendship", "happiness", "yoga", "meditation", "chess", "basketball", "sushi", "chocolate", "coffee", "a rainbow", "a glacier", "a desert", "a comet", "magnetism", "entropy", "biology", "chemistry", "physics", "history", "geography", "economics", "psychology", "the French Revolution", "the Renaissance", "the Roman Empire", "the water cycle", "a food chain", "the immune system", "a mammal", "a reptile", "a haiku", "an essay", "a novel", "a symphony", "oxygen", "carbon", "a battery", "a black box", "open source software", "a compiler", "a variable in programming", "a neural network", "encryption", "a password manager", "a budget", "compound interest", "a mortgage", "a democracy and a republic"]
ABOUT_TOPIC = ["What is {}?", "Explain {}.", "Explain {} in simple terms.", "Can you explain {} to a child?", "Tell me about {}.", "Describe {}.", "Give me a short definition of {}.", "What do you know about {}?", "In one sentence, what is {}?", "what is {}", "why is {} important?", "Tell me something interesting about {}."]
COUNTRIES = ["France", "Germany", "Italy", "Spain", "Portugal", "Japan", "China", "India", "Brazil", "Canada", "Egypt", "Kenya", "Greece", "Norway", "Sweden", "Poland", "Russia", "Mexico", "Peru", "Chile", "Argentina", "Australia", "Turkey", "Thailand", "Vietnam", "Ireland", "Austria", "Hungary", "Cuba", "Denmark", "Finland"]
ABOUT_COUNTRY = ["What is the capital of {}?", "capital of {}?", "Which continent is {} in?", "What language do people speak in {}?", "Tell me about {}.", "Name a famous food from {}."]
WISHES = ["Tell me a joke.", "Tell me a short story.", "Write a poem about {thing}.", "Write a haiku about {thing}.", "Write a short story about {thing}.", "Give me a fun fact.", "Say something nice.", "Give me a riddle.", "Sing me a song.", "Write two sentences about {thing}.", "Give me three tips for {skill}.", "How can I get better at {skill}?", "What should I cook for dinner?", "I am bored, what should I do?", "I feel sad today.", "I am happy today!", "I am tired.", "I had a bad day at work.", "How do I make {dish}?", "What do you think of {thing}?", "Do you like {thing}?", "What is a good name for a {pet}?", "Suggest a name for my {pet}.", "Write a short thank-you note to {person}.", "Write a birthday message for {person}.", "Give me advice on {skill}.", "Why do people like {thing}?", "What is the difference between {thing} and {other}?", "What is the opposite of {word}?", "What does {word} mean?", "Use the word {word} in a sentence.", "Give me a synonym for {word}.", "Is {word} an adjective?", "Motivate me.", "Why is the sky blue?", "Why is the sea salty?", "How do birds fly?", "Why do we sleep?", "How do planes fly?", "Why do cats purr?", "What do bees make?", "What colour is grass?", "How many legs does a spider have?", "How many days are there in a week?", "Which planet is closest to the sun?", "What is the largest ocean?", "What is the tallest animal?", "Is water wet?", "Who was Albert Einstein?", "Who was Isaac Newton?", "Who was Cleopatra?", "Who was Mozart?", "Who was Napoleon?"]
SLOTS = {
    "thing": "the sea|autumn|rain|the city|a lonely robot|mountains|coffee|summer|my garden|music|stars|snow|dogs|trains",
    "other": "the sky|spring|tea|winter|silence|cats|books|a river",
    "skill": "public speaking|studying|saving money|learning to draw|sleeping well|running|writing|making friends",
    "dish": "pancakes|tomato soup|an omelette|tea|a salad|bread|rice pudding",
    "pet": "cat|dog|parrot|goldfish|rabbit|horse",
    "person": "my mother|my teacher|a friend|my boss|my neighbour|my brother",
    "word": "brave|generous|fragile|ancient|curious|happy|cold|clever|quiet|serendipity|ephemeral|resilient|gloomy",
}


def plain_questions() -> Iterator[str]:
    """Every question once, in a fixed order; slots are filled in turn, so that all values appear."""
    yield from GREETINGS
    yield from ABOUT_YOU
    for i, topic in enumerate(TOPICS):
        for j in range(4):
            yield ABOUT_TOPIC[(i * 5 + j * 3) % len(ABOUT_TOPIC)].format(topic)
    for i, country in enumerate(COUNTRIES):
        for j in range(3):
            yield ABOUT_COUNTRY[(i + j * 2) % len(ABOUT_COUNTRY)].format(country)
    for turn in range(6):
        for position, wish in enumerate(WISHES):
            filled = wish.format(**{k: (v := s.split("|"))[(turn * 5 + position) % len(v)] for k, s in SLOTS.items()})
            if turn == 0 or filled != wish:
                yield filled
