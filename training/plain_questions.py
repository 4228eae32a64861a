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
HOW_TO = ["tie a tie", "clean a window", "fold a shirt", "plant a tree", "wrap a present", "start a conversation", "iron trousers", "brew green tea", "bake bread", "cook rice", "fry an egg", "make popcorn", "make a sandwich", "peel garlic", "store onions", "wash wool", "polish shoes", "train a puppy", "pack a suitcase", "stay calm", "remember names", "write a diary", "learn the guitar", "paint a wall", "grow tomatoes", "make a paper plane", "say no politely", "apologise to a friend", "choose a book", "get up early", "drink more water", "stretch my back", "fall asleep faster", "stop worrying", "make new friends", "prepare for an interview", "give a speech", "read faster", "take good notes", "keep a plant alive", "build a campfire", "hold chopsticks", "swim better", "ride a bicycle", "make hot chocolate", "cut an onion without crying", "comfort a friend", "save electricity", "set a table", "write a love letter"]
ABOUT_HOW = ["How do I {}?", "How can I {}?", "What is the best way to {}?", "Can you explain how to {}?", "Give me a tip on how to {}.", "I want to {}. Any advice?", "Teach me to {}."]
WHY = ["the sky turns red at sunset", "onions make us cry", "ice floats", "bread rises", "we have seasons", "people laugh", "babies cry", "cats sleep so much", "flowers smell", "the moon changes its shape", "metal feels cold", "leaves are green", "zebras have stripes", "we dream", "glass breaks", "music makes us happy", "we blink", "bees dance", "stars twinkle", "honey never spoils", "camels have humps", "we need vitamins", "people travel", "children play", "books matter", "teeth need brushing", "the wind blows", "rivers bend", "old people need less sleep", "coffee wakes us up"]
ABOUT_WHY = ["Why is it that {}?", "Can you explain why {}?", "Do you know why {}?", "Tell me why {}."]
PEOPLE = ["Marie Antoinette", "Galileo Galilei", "Ludwig van Beethoven", "Vincent van Gogh", "Nelson Mandela", "Mahatma Gandhi", "Abraham Lincoln", "Jane Austen", "Charles Dickens", "Homer", "Socrates", "Aristotle", "Alexander the Great", "Christopher Columbus", "Joan of Arc", "Queen Victoria", "Thomas Edison", "Nikola Tesla", "Alan Turing", "Neil Armstrong", "Frida Kahlo", "Pablo Picasso", "Johann Sebastian Bach", "Confucius", "Genghis Khan", "Martin Luther King", "Rosa Parks", "Anne Frank", "Helen Keller", "Louis Pasteur"]
ABOUT_PEOPLE = ["Who was {}?", "Tell me about {}.", "What is {} known for?", "In one sentence, who was {}?"]
WRITE = ["a short apology to {person}", "a friendly note to {person}", "a postcard from the beach", "two lines about {thing}", "a rhyme about {thing}", "a toast for a wedding", "a slogan for a bakery", "an invitation to a picnic", "a short dialogue between a cat and a dog", "a note to thank {person}", "a sentence with the word {word}", "a short description of {thing}", "a title for a story about {thing}", "a farewell message to {person}", "a compliment for {person}", "a limerick about {thing}", "a short letter to {person}", "an opening line for a novel", "a tiny tale about {thing}", "a greeting card for {person}"]
ABOUT_WRITING = ["Write {}.", "Please write {}.", "Can you write {}?", "I need {}.", "Compose {}."]
WORDS = ["small", "large", "fast", "slow", "rich", "poor", "young", "old", "bright", "dark", "strong", "weak", "kind", "cruel", "easy", "difficult", "empty", "full", "wide", "narrow", "honest", "lazy", "polite", "rude", "warm", "fresh", "dry", "wet", "loud", "soft", "sharp", "blunt", "cheap", "expensive", "clean", "dirty"]
ABOUT_WORDS = ["What is the opposite of {}?", "Give me another word for {}.", "What does the word {} mean?", "Is {} an adjective?", "Use {} in a short sentence."]
NAMES_OF = ["two fruits", "three animals", "a colour", "four vegetables", "two oceans", "three planets", "a bird", "three sports", "two metals", "a tree", "three musical instruments", "a famous river", "two seasons", "three European countries", "a board game", "a kind of dance", "two insects", "three spices", "a kind of cheese", "a mountain"]
ABOUT_NAMES = ["Name {}.", "Can you name {}?", "Tell me {}.", "Give me an example: {}."]
CHAT = ["I just got a new job!", "My cat is ill.", "It is my birthday today.", "I passed my exam!", "I can't decide what to wear.", "I miss my family.", "I am so excited about my holiday.", "I had a fight with my friend.", "Today was long.", "I am proud of myself.", "I feel lonely.", "I feel nervous.", "My day has been great so far.", "How was your day?", "How has your morning been?", "Can I call you Sam?", "Do people thank you often?", "Nice weather, isn't it?", "I like talking to you.", "You are funny.", "You are wrong.", "I don't understand.", "Can you say that again?", "Never mind.", "Let's talk about something else.", "What do you like?", "Do you read books?", "Do you get tired?", "Are you real?", "Who trained you?", "What is your purpose?", "Do you know me?", "I am from Italy.", "My name is Laura.", "I am a nurse.", "I like football.", "I want to be a writer.", "What makes a good friend?", "What makes a good leader?", "What is love?", "What is courage?", "What is a good life?", "Is honesty important?", "Should I exercise more?", "Should I learn to cook?", "What should I read?", "What should I do on Sunday?", "Which pet suits me?", "Say something kind.", "Say goodbye nicely.", "Cheer me up.", "Wish me luck.", "Tell me something good."]
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
    yield from CHAT
    yield from _about()


def _about() -> Iterator[str]:
    for forms, subjects, each in (
        (ABOUT_HOW, HOW_TO, 3),
        (ABOUT_WHY, WHY, 2),
        (ABOUT_PEOPLE, PEOPLE, 2),
        (ABOUT_WORDS, WORDS, 3),
        (ABOUT_NAMES, NAMES_OF, 2),
        (ABOUT_WRITING, WRITE, 4),
    ):
        for i, subject in enumerate(subjects):
            for j in range(each):
                values = {k: (v := text.split("|"))[(i * 3 + j * 5) % len(v)] for k, text in SLOTS.items()}
                yield forms[(i * 3 + j) % len(forms)].format(subject.format(**values))
