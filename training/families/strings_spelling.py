"""More of words and sentences: parts of them, letters swapped, encodings, ways to write names, yes or no."""

# fmt: off
from __future__ import annotations

import random
from base64 import b64encode

from training.ask import linked, simple
from training.slots import Value, chosen, letter, sentence, whole, word, words
from training.vocabulary import any_code, any_name, any_word
from training.words import SENTENCES, WORDS

ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
Slots = dict[str, Value]


def quoted(rng: random.Random, text: str) -> Value:
    """A text that stands in quotes of one kind or the other, or none where it is one word."""
    quote = rng.choice("\"'") if "'" not in text else '"'
    bare = " " not in text and rng.random() < 0.5
    return Value(text if bare else f"{quote}{text}{quote}", repr(text))


def _word(rng: random.Random) -> str:
    return any_word(rng) if rng.random() < 0.7 else rng.choice(WORDS)


def _text(rng: random.Random) -> str:
    if rng.random() < 0.3:
        return rng.choice(SENTENCES)
    return " ".join(any_word(rng) for _ in range(rng.randint(3, 7)))


def _letters(rng: random.Random) -> Slots:
    """A word, a letter of it and one to put there."""
    text = _word(rng)
    first = rng.choice(text)
    other = rng.choice([c for c in "abdeghiklmnoprstuvwxyz" if c != first])
    form = rng.choice(("{}", "{}", "'{}'", '"{}"'))
    return {"w": quoted(rng, text), "c": Value(form.format(first), repr(first)), "d": Value(form.format(other), repr(other))}


def _words_of(rng: random.Random) -> Slots:
    """A text, a word of it, and another word."""
    text = _text(rng)
    return {"s": quoted(rng, text), "a": quoted(rng, rng.choice(text.split())), "b": quoted(rng, any_word(rng))}


def _nth_word(rng: random.Random) -> Slots:
    text = _text(rng)
    n = rng.randrange(min(len(text.split()), len(ORDINALS)))
    return {"s": quoted(rng, text), "n": Value(ORDINALS[n], str(n))}


def _repeated(rng: random.Random) -> Slots:
    """A text in which a word stands several times."""
    some = [any_word(rng) for _ in range(3)]
    text = [some[0], *rng.choices(some, k=rng.randint(3, 7))]
    rng.shuffle(text)
    return {"s": quoted(rng, " ".join(text)), "a": quoted(rng, some[0])}


def _part(rng: random.Random) -> Slots:
    """A word, and something it may begin or end with."""
    text = _word(rng)
    size = rng.randint(1, 3)
    part = rng.choice((text[:size], text[-size:], "".join(rng.sample("aelnorst", size))))
    return {"w": quoted(rng, text), "p": Value(rng.choice((f"'{part}'", f'"{part}"', part if size > 1 else f"'{part}'")), repr(part))}


def _cut(rng: random.Random) -> Slots:
    text = _word(rng)
    a = rng.randint(2, 3)
    b = rng.randint(a + 1, len(text)) if a < len(text) else a
    return {"w": quoted(rng, text), "a": Value(str(a), str(a)), "b": Value(str(b), str(b)), "n": Value(str(a), str(a))}


def _shuffled(rng: random.Random) -> Slots:
    text = _word(rng)
    letters = rng.sample(text, len(text))
    if rng.random() < 0.4:
        letters[rng.randrange(len(letters))] = rng.choice("aeiourst")
    return {"w": quoted(rng, text), "v": quoted(rng, "".join(letters))}


def _initial(rng: random.Random) -> Slots:
    text = _text(rng).lower()
    c = rng.choice(text.split())[0]
    return {"s": quoted(rng, text), "c": Value(rng.choice((c, f"'{c}'", f'"{c}"')), repr(c))}


def _separator(rng: random.Random) -> Slots:
    """Words and what is to stand between them."""
    said, code = rng.choice((("commas", ","), ("a comma", ","), ("slashes", "/"), ("a slash", "/"), ("plus signs", "+"), ("a plus sign", "+"), ("underscores", "_"), ("an underscore", "_"), ("semicolons", ";"), ("a semicolon", ";"), ("colons", ":"), ("a colon", ":"), ("dots", "."), ("a dot", "."), ("stars", "*"), ("hash signs", "#")))
    return {"l": words(3, 6)(rng), "w": word(rng), "n": whole(3, 7)(rng), "p": Value(said, repr(code))}


def _mixed(rng: random.Random) -> Slots:
    """Letters and digits."""
    text = rng.choice((any_code(rng), f"{any_word(rng)}{rng.randint(10, 9999)}", f"{any_word(rng)} {rng.randint(1, 99)} {any_word(rng)} {rng.randint(1, 99)}"))
    return {"s": quoted(rng, text if any(c.isdigit() for c in text) else f"{text}7")}


def _hidden(rng: random.Random) -> str:
    return rng.choice((any_word(rng), any_word(rng), f"{any_word(rng)} {any_word(rng)}", any_name(rng)))


def _base64(rng: random.Random) -> Slots:
    return {"s": quoted(rng, b64encode(_hidden(rng).encode()).decode())}


def _hex(rng: random.Random) -> Slots:
    return {"s": quoted(rng, _hidden(rng).encode().hex())}


def _odd_word(rng: random.Random) -> Slots:
    text = _word(rng)
    return {"w": quoted(rng, text if len(text) % 2 else f"{text[:-1]}")}


def _camel(rng: random.Random) -> Slots:
    first, *rest = (any_word(rng) for _ in range(rng.randint(2, 4)))
    return {"w": quoted(rng, first + "".join(part.title() for part in rest))}


def _parts(rng: random.Random) -> Slots:
    sign = rng.choice(",;/-")
    parts = [any_word(rng) for _ in range(rng.randint(3, 6))]
    n = rng.randrange(len(parts))
    names = {",": "comma", ";": "semicolon", "/": "slash", "-": "hyphen"}
    return {"s": Value(f"'{sign.join(parts)}'", repr(sign.join(parts))), "p": Value(names[sign], repr(sign)), "n": Value(ORDINALS[n], str(n))}


# Letters for others
linked("swap letter", "[Replace [every|each|all] {c} [with|by] {d} in {w}.|Swap {c} for {d} in {w}.|Change {c} to {d} in the word {w}.|{w}: put {d} wherever you see {c}|Exchange {c} for {d} in {w}.|What is {w} with {d} instead of {c}?|If I write {d} for every {c}, what becomes of {w}?|Substitute {d} for {c} in {w}.|Rewrite {w} using {d} in place of {c}.|In {w}, turn {c} into {d}.|{w}, but {c} becomes {d}|How would {w} be spelled with {d} for {c}?]", "print({w}.replace({c}, {d}))", "[It becomes {0}.|The result is {0}.]", _letters)
linked("remove letter", "[Remove [every|each|all] {c} from {w}.|Delete {c} wherever it is in {w}.|{w} without {c}|What remains of {w} after removing {c}?|Strip {c} out of {w}.|Take {c} out of {w}, every time.|Leave out {c} when spelling {w}.|Drop each {c} in {w}.|How does {w} look once {c} is gone?|Erase {c} from the word {w}.|Write {w} but skip {c}.]", "print({w}.replace({c}, ''))", "[What remains is {0}.|It becomes {0}.]", _letters)
linked("position of letter", "[At which position is {c} in {w}?|Where in {w} does {c} come first?|Position of {c} in {w}?|Which place has {c} in the word {w}?|Counting from one, where is {c} in {w}?|How far into {w} is the first {c}?|Find the place of {c} in {w}.|{c} is which letter of {w}, by number?|On which spot of {w} do you first meet {c}?|In {w}, what number is {c}?]", "print({w}.index({c}) + 1)", "It is at position {0}.", _letters)
linked("has letter", "[Does {w} contain {c}?|Is there {c} in {w}?|Can you find {c} in the word {w}?|Has {w} got {c} in it?|Do I need {c} to spell {w}?|{w} - with {c} or without?|Check [if|whether] {c} is part of {w}.|Is {w} written with {c}?|Does {c} occur anywhere in {w}?]", "print('does' if {c} in {w} else 'does not')", "The word {w} {0} contain {c}.", lambda r: _letters(r) if r.random() < 0.6 else {"w": word(r), "c": letter(r)})
linked("replace word", "[Replace {a} [with|by] {b} in {s}.|In {s}, change {a} to {b}.|Swap the word {a} for {b} in {s}.|{s}, but with {b} instead of {a}|Put {b} where {a} stands in {s}.|Rewrite {s} using {b} in place of {a}.|Substitute {b} for {a} in the sentence {s}.|What does {s} say with {b} for {a}?|Exchange {a} for {b}: {s}|Turn {a} into {b} in this text: {s}|How does {s} read once {a} is {b}?]", "print({s}.replace({a}, {b}))", "[It becomes: {0}|{0}]", _words_of)
linked("remove word", "[Remove the word {a} from {s}.|Delete {a} in {s}.|Write {s} without the word {a}.|{s} minus {a}|Take {a} out of {s}.|Leave out {a}: {s}|Drop {a} from the text {s}.|What remains of {s} if {a} is dropped?|Strike {a} from {s}.|Say {s}, skipping {a}.]", "print(' '.join(w for w in {s}.split() if w != {a}))", "[It reads: {0}|{0}]", _words_of)
simple("swap case", "[Swap the case of {s}.|Turn capitals into small letters and the other way round in {s}.|Invert upper and lower case in {s}.|{s} with the case swapped|Change each small letter of {s} to a capital and each capital to a small one.|Flip the case of every letter in {s}.|Toggle the case of {s}.|What is {s} with inverted case?]", "print({s}.swapcase())", "{0}", s=sentence)
simple("swap ends", "[Swap the first and last letter of {w}.|Exchange the two outer letters of {w}.|{w} with first and last letter swapped|Let the first and the last letter of {w} change places.|Trade the first letter of {w} with its last.|What is {w} if its ends are switched?|Put the last letter of {w} first and the first one last, the middle stays.]", "w = {w}\nprint(w[-1] + w[1:-1] + w[0])", "It becomes {0}.", w=word)
simple("double letters", "[Write each letter of {w} twice.|Double every letter in {w}.|{w} with all letters doubled|Type {w} with each letter two times.|Repeat each single letter of {w} once more, in place.|How does {w} look if every letter is doubled?|Stutter {w}: every letter twice.]", "print(''.join(c * 2 for c in {w}))", "[It becomes {0}.|{0}]", w=word)
simple("reverse each word", "[Reverse each word in {s}.|Spell every word of {s} backwards but keep the order of the words.|Turn around the letters of each word in {s}.|{s} with each word reversed|Keep the words of {s} in place, but write each one backwards.|Flip every single word of {s}.|Word for word, read {s} backwards letterwise.]", "print(' '.join(w[::-1] for w in {s}.split()))", "{0}", s=sentence)

# Parts
linked("first n letters", "[What are the first {n} letters of {w}?|first {n} letters of {w}|Give me the first {n} characters of {w}.|Which {n} letters does {w} begin with?|Take the opening {n} letters of {w}.|How does {w} start? I need {n} letters.|Cut {w} down to its first {n} letters.|Abbreviate {w} to {n} letters from the front.|The beginning of {w}, {n} letters long|Keep just {n} letters at the start of {w}.]", "print({w}[:{n}])", "[The first {n} letters are {0}.|{w} starts with {0}.]", _cut)
linked("drop first", "[Remove the first {n} letters of {w}.|{w} without its first {n} letters|Cut {n} letters off the front of {w}.|What remains of {w} without the first {n} letters?|Drop {n} characters at the start of {w}.|Skip the first {n} letters of {w} and give me the rest.|Take away the opening {n} letters from {w}.]", "print({w}[{n}:])", "[What remains is {0}.|It becomes {0}.]", _cut)
linked("drop last", "[Remove the last {n} letters of {w}.|{w} without its last {n} letters|Cut {n} letters off the end of {w}.|What remains of {w} without the final {n} letters?|Drop {n} characters at the end of {w}.|Chop {n} letters from the back of {w}.|Everything of {w} but the last {n} letters|Shorten {w} by {n} letters.]", "print({w}[:-{n}])", "[What remains is {0}.|It becomes {0}.]", _cut)
linked("letters between", "[Which letters of {w} are at positions {a} to {b}?|Letters {a} to {b} of {w}?|Give me letters {a} through {b} of {w}.|Cut out letters {a} to {b} from {w}.|From {w}, take the {a}. to the {b}. letter.|Slice {w} from letter {a} up to and including letter {b}.|What stands in {w} from place {a} to place {b}?]", "print({w}[{a} - 1:{b}])", "They are {0}.", _cut)
simple("every second letter", "[Write every second letter of {w}[, starting with the first|].|every other letter of {w}|Take every second letter of {w}, the first included.|Skip each second letter of {w}.|Read {w} leaving out every other letter, but keep the first.|What do you get from {w} with every other letter?|Letters 1, 3, 5 and so on of {w}|Only the odd places of {w}: which letters?|Starting at the first, pick each second letter out of {w}.]", "print({w}[::2])", "[Every second letter gives {0}.|The letters are {0}.]", w=word)
simple("even places", "[Which letters stand at the even positions of {w}?|Letters 2, 4, 6 and so on of {w}|Starting with the second letter, take every other letter of {w}.|Only the even places of {w}, please|Beginning at the second, pick each second letter out of {w}.|Write {w} without its first, third, fifth letter and so on.]", "print({w}[1::2])", "The letters are {0}.", w=word)
simple("every third letter", "[Write every third letter of {w}, starting with the first.|Take each third letter of {w}, the first included.|Letters 1, 4, 7 and so on of {w}|Starting at the first, pick every third letter out of {w}.|From {w} keep one letter, skip two, and so on.]", "print({w}[::3])", "Every third letter gives {0}.", w=word)
simple("last letter", "[What is the last letter of {w}?|With which letter does {w} end?|last letter of {w}|Which letter comes at the end of {w}?|The final letter of {w}?|{w} ends in which letter?|Name the closing letter of {w}.|What letter is at the very end of {w}?]", "print({w}[-1])", "The last letter is {0}.", w=word)
linked("middle letter", "[What is the middle letter of {w}?|Which letter stands in the middle of {w}?|middle letter of {w}|The letter exactly halfway through {w}?|Which letter is the centre of {w}?|Find the central letter in {w}.|In {w}, what letter has as many before it as after it?]", "w = {w}\nprint(w[len(w) // 2])", "The middle letter is {0}.", _odd_word)
linked("nth word", "[What is the {n} word of {s}?|Which word comes {n} in {s}?|{n} word of {s}|Give me the {n} word in {s}.|Name the {n} word in the sentence {s}.|In {s}, which word is the {n}?.|Pick out the {n} word from {s}.|Read {s}: what is its {n} word?|{s} - the {n} word, please]", "print({s}.split()[{n}])", "The {n} word is {0}.", _nth_word)
simple("last word", "[What is the last word of {s}?|Which word ends {s}?|last word of {s}|With which word does {s} end?|The final word in {s}?|Which word comes at the very end of {s}?|Name the closing word of {s}.|{s}: last word?]", "print({s}.split()[-1])", "The last word is {0}.", s=sentence)
simple("first and last word", "[What are the first and the last word of {s}?|First and last word in {s}?|Which words begin and end {s}?|Give me the opening and the closing word of {s}.|With which word does {s} start, and with which does it stop?]", "words = {s}.split()\nprint(words[0], words[-1], sep=' and ')", "They are {0}.", s=sentence)
simple("which vowels", "[Which vowels are in {w}?|Write only the vowels of {w}.|Keep the vowels of {w} and drop the rest.|vowels of {w}, in order|List the vowels of {w} in the order they come.|What are the vowels of {w}?|Strip the consonants from {w}.|Take out everything but the vowels in {w}.]", "print(''.join(c for c in {w} if c in 'aeiou'))", "The vowels are {0}.", w=word)
simple("which consonants", "[Which consonants are in {w}?|Write only the consonants of {w}.|Keep the consonants of {w}, drop the vowels.|consonants of {w}, in order|{w} without its vowels|What are the consonants of {w}?|Take the vowels out of the word {w}.]", "print(''.join(c for c in {w} if c not in 'aeiou'))", "[Without vowels it is {0}.|The consonants are {0}.]", w=word)
simple("which letters", "[Which different letters does {w} use?|List each letter of {w} once.|the distinct letters of {w}|Write {w} but drop letters that came before.|Which letters do I need for {w}, each named once?|Remove repeated letters from {w}.|What are the different letters in {w}?]", "print(''.join(dict.fromkeys({w})))", "The different letters are {0}.", w=word)
simple("spell with hyphens", "[Put a hyphen between the letters of {w}.|Spell {w} with dashes between the letters.|Write {w} letter by letter, separated by hyphens.|{w} with hyphens between all letters|Separate every letter of {w} by a dash.|How is {w} spelled, with a dash after each letter but the last?]", "print('-'.join({w}))", "{0}", w=word)
simple("spell with spaces", "[Put a space between the letters of {w}.|Spell out {w} with spaces.|Write {w} letter by letter with blanks between.|{w} with spaced out letters|Separate the letters of {w} by spaces.|Space out {w}.]", "print(' '.join({w}))", "{0}", w=word)
simple("shorten text", "[Cut {s} after {n} characters.|The first {n} characters of {s}?|Shorten {s} to {n} characters.|Keep only {n} characters from the start of {s}.|Truncate {s} to {n} characters.|{s}, but no longer than {n} characters]", "print({s}[:{n}])", "{0}", s=sentence, n=chosen("5|6|7|9|11|12"))
linked("part of text", "[Split {s} at each {p}. What is the {n} part?|What is the {n} part of {s}, split by {p}?|Which is the {n} field in {s} if a {p} separates them?|Take the {n} entry of {s} (separator: {p}).|In {s}, what stands {n} when I cut at every {p}?]", "print({s}.split({p})[{n}])", "The {n} part is {0}.", _parts)
linked("count parts", "[How many parts does {s} have when split at each {p}?|Split {s} by {p} and count the pieces.|Into how many pieces does every {p} cut {s}?|With a {p} between fields, how many fields has {s}?]", "print(len({s}.split({p})))", "It has {0} parts.", _parts)

# Again and together
simple("repeat without space", "[Repeat {w} {n} times without spaces.|Write {w} {n} times with nothing in between.|{w} {n} times in a row, no separator|{n} times {w}, glued together|Print {w} {n} times without anything between.|Write {w} {n} times as one long word.|Say {w} {n} times with no gaps.|Chain {n} copies of {w} together directly.|Type {w} {n} times, one directly after the other.|What is {w} times {n} as a string in Python?]", "print({w} * {n})", "{0}", w=word, n=whole(2, 8))
linked("repeat with separator", "[Repeat {w} {n} times with {p} between.|Write {w} {n} times, separated by {p}.|{w} {n} times, {p} in between|Print {w} {n} times joined by {p}.|{n} copies of {w} with {p} between them|Give me {w} {n} times and put {p} in between.|Say {w} {n} times using {p} as a separator.]", "print({p}.join([{w}] * {n}))", "{0}", _separator)
linked("join with", "[Join {l} with {p}.|Put {p} between {l}.|{l} separated by {p}|Write {l} as one string with {p} in between.|Connect {l} using {p}.|Make one line of {l}, {p} between them.|Link {l} together by {p}.|Use {p} to join {l}.|Chain {l} with {p} as the separator.|How does {l} look joined with {p}?]", "print({p}.join({l}))", "{0}", _separator)
simple("join without", "[Join {l} without anything between.|Glue {l} together into one word.|{l} written as one word|Put {l} together with no space.|Concatenate {l}.|Stick {l} directly one after the other.|Combine {l} to a single string, no separator.]", "print(''.join({l}))", "[Together it is {0}.|{0}]", l=words(2, 5))
simple("line each", "[Write each word of {s} on a line of its own.|Print the words of {s} one below the other.|Split {s} into lines, one word a line.|A new line after every word of {s}, please]", "print(*{s}.split(), sep='\\n')", "{0}", s=sentence)
simple("words with commas", "[Put commas between the words of {s}.|Separate the words of {s} with commas.|List the words of {s}, comma-separated.|Turn {s} into a comma-separated list.|{s} with a comma between all words]", "print(', '.join({s}.split()))", "{0}", s=sentence)

# Counting kinds of words and characters
linked("count word", "[How [often|many times] does the word {a} [occur|appear|come up] in {s}?|Count the word {a} in {s}.|How many times do I say {a} in {s}?|{s} - how often is {a} there?|Number of {a} in {s}?|In {s}, how many words are {a}?|How frequently is {a} used in {s}?|Go through {s} and count each {a}.|occurrences of the word {a} in {s}]", "print({s}.split().count({a}))", "The word {a} occurs {0} times.", _repeated)
linked("most common word", "[Which word is the most common in {s}?|What word does {s} repeat most?|most frequent word of {s}|Which word comes up most often in {s}?|In {s}, which word is used the most?|Find the word that {s} has most often.|{s}: the most repeated word?]", "from collections import Counter\nprint(Counter({s}.split()).most_common(1)[0][0])", "The most common word is {0}.", _repeated)
linked("distinct words", "[How many different words are in {s}?|Counting each word once, how many words has {s}?|Number of unique words in {s}?|How many distinct words does {s} use?|Without repeats, how many words are in {s}?|{s} - how many separate words, each counted once?]", "print(len(set({s}.split())))", "It has {0} different words.", _repeated)
simple("distinct letters of text", "[How many different letters are in {s}, ignoring spaces?|How many distinct letters does {s} use, spaces not counted?|Not counting blanks, how many different letters has {s}?|Number of unique letters in {s}, case ignored and spaces left out?|How many letters of the alphabet occur in {s}?|Count the distinct letters of {s}, not the spaces.|Spaces aside, {s} uses how many different letters?]", "print(len(set({s}.lower().replace(' ', ''))))", "It has {0} different letters.", s=lambda r: quoted(r, " ".join(any_word(r) for _ in range(r.randint(2, 6)))))
simple("count long words", "[How many words of {s} have more than {n} letters?|Count the words in {s} that are longer than {n} letters.|How many words in {s} are longer than {n}?|Number of words with over {n} letters in {s}?|In {s}, how many words exceed {n} letters?|{s}: how many words go beyond {n} letters?]", "print(sum(len(w) > {n} for w in {s}.split()))", "{0} words have more than {n} letters.", s=sentence, n=whole(2, 6))
linked("count words starting", "[How many words in {s} start with {c}?|Count the words of {s} that begin with {c}.|How many words beginning with {c} does {s} have?|Number of words with the initial {c} in {s}?|In {s}, how many words have {c} as first letter?|{s}: words starting with {c}, how many?]", "print(sum(w.startswith({c}) for w in {s}.split()))", "{0} words start with {c}.", _initial)
linked("words starting", "[Which words in {s} start with {c}?|List the words of {s} that begin with {c}.|words with the initial {c} in {s}|Find the words beginning with {c} in {s}.|Show only the words of {s} whose first letter is {c}.|Pick every word starting with {c} out of {s}.]", "print(*[w for w in {s}.split() if w.startswith({c})], sep=', ')", "Starting with {c}: {0}.", _initial)
linked("count digits", "[How many digits are in {s}?|Count the digits of {s}.|Number of digits in {s}?|How many numerals does {s} contain?|{s} has how many digits?|In {s}, how many characters are digits?]", "print(sum(c.isdigit() for c in {s}))", "It has {0} digits.", _mixed)
linked("only digits", "[Extract the digits from {s}.|Keep only the digits of {s}.|Which digits are in {s}?|digits of {s}, in order|Strip everything but the digits from {s}.|Take the letters out of {s}, leave the digits.]", "print(''.join(c for c in {s} if c.isdigit()))", "The digits are {0}.", _mixed)
linked("only letters", "[Remove the digits from {s}.|Keep only the letters of {s}.|Which letters are in {s}, without the digits?|Drop all that is not a letter in {s}.|Just the letters of {s}, please]", "print(''.join(c for c in {s} if c.isalpha()))", "The letters are {0}.", lambda r: {"s": quoted(r, f"{any_word(r)}{r.randint(1, 9999)}")})
simple("count capitals", "[How many capital letters are in {s}?|Count the uppercase letters in {s}.|Number of capitals in {s}?|How many big letters does {s} have?|{s}: how many letters are capitals?]", "print(sum(c.isupper() for c in {s}))", "It has {0} capital letters.", s=lambda r: quoted(r, " ".join(any_word(r).capitalize() if r.random() < 0.5 else any_name(r).lower() for _ in range(r.randint(2, 6)))))
simple("count spaces", "[How many spaces are in {s}?|Count the blanks in {s}.|Number of spaces in {s}?|How many times did I hit the space bar for {s}?|In {s}, how many characters are spaces?]", "print({s}.count(' '))", "It has {0} spaces.", s=sentence)
simple("lengths of words", "[How long is each word of {s}?|Give the number of letters of every word in {s}.|word lengths of {s}|List the lengths of the words in {s}.|For each word in {s}, how many letters?]", "print(*[len(w) for w in {s}.split()], sep=', ')", "The lengths are {0}.", s=sentence)
simple("longest word length", "[How many letters has the longest word of {s}?|How long is the longest word in {s}?|Length of the longest word in {s}?|In {s}, what length has the longest word?]", "print(max(len(w) for w in {s}.split()))", "The longest word has {0} letters.", s=sentence)
simple("words by length up", "[Order the words of {s} by length.|Sort the words in {s} from short to long.|Arrange the words of {s}, shortest first.|Put the words of {s} in order of their length.|words of {s} from shortest to longest]", "print(*sorted({s}.split(), key=len), sep=', ')", "By length: {0}.", s=sentence)
simple("words by length down", "[Order the words of {s} from longest to shortest.|Sort the words in {s} from long to short.|Arrange the words of {s}, longest first.|Put the words of {s} in order of falling length.|words of {s} by length, the long ones first]", "print(*sorted({s}.split(), key=len, reverse=True), sep=', ')", "From longest to shortest: {0}.", s=sentence)
simple("words alphabetically", "[Sort the words of {s} alphabetically.|Put the words of {s} in alphabetical order.|Order the words in {s} from A to Z.|words of {s} in the order of the alphabet|How do the words of {s} stand alphabetically?]", "print(*sorted({s}.split(), key=str.lower), sep=', ')", "In alphabetical order: {0}.", s=sentence)

# Yes or no
linked("starts with", "[Does {w} start with {p}?|Is {p} how {w} begins?|Does {w} begin with {p}?|Check whether {w} starts with {p}.|Are the first letters of {w} {p}?|Is {p} at the beginning of {w}?|{w} - does it start with {p}?]", "print('does' if {w}.startswith({p}) else 'does not')", "The word {w} {0} start with {p}.", _part)
linked("ends with", "[Does {w} end with {p}?|Is {p} how {w} ends?|Does {w} end in {p}?|Check whether {w} ends with {p}.|Are the last letters of {w} {p}?|Is {p} at the end of {w}?|{w} - does it end with {p}?|Does {w} stop with {p}?]", "print('does' if {w}.endswith({p}) else 'does not')", "The word {w} {0} end with {p}.", _part)
linked("anagram pair", "[Are {w} and {v} anagrams?|Is {v} an anagram of {w}?|Do {w} and {v} use the same letters?|Can the letters of {w} be rearranged into {v}?|Is {v} a shuffled {w}?|Check if {v} has exactly the letters of {w}.|Could you lay {v} with the letter tiles of {w}, all of them?]", "print('are' if sorted({w}) == sorted({v}) else 'are not')", "{w} and {v} {0} anagrams.", _shuffled)
simple("which longer", "[Which word is longer, {w} or {v}?|Is {w} or {v} the longer word?|{w} or {v}: which has more letters?|Between {w} and {v}, which is longer?|Compare the lengths of {w} and {v}: which wins?|What takes more letters to write, {w} or {v}?]", "print(max({w}, {v}, key=len))", "{0} is longer.", w=lambda r: quoted(r, r.choice(("cat", "sun", "tea", "oak", any_name(r)[:5].lower()))), v=lambda r: quoted(r, any_word(r) + r.choice(("ing", "house", "like"))))
simple("letters shared", "[Which letters do {w} and {v} have in common?|common letters of {w} and {v}|Which letters are in both {w} and {v}?|What letters do {w} and {v} share?|Compare {w} with {v}: which letters are in both?|Find the letters that occur in {w} as well as in {v}.]", "print(*sorted(set({w}) & set({v})), sep=', ')", "Both have {0}.", w=lambda r: quoted(r, any_word(r) + "er"), v=lambda r: quoted(r, any_word(r) + "le"))

# The alphabet
simple("place in alphabet", "[Which position has {c} in the alphabet?|What number in the alphabet is {c}?|Place of {c} in the alphabet?|{c} is which letter of the alphabet, by number?|Where in the alphabet does {c} come?|Counting from a = 1, what is {c}?]", "print(ord({c}) - 96)", "{c} is letter number {0}.", c=letter)
simple("letter of alphabet", "[Which is the {n} letter of the alphabet?|{n} letter of the alphabet?|Which letter comes {n} in the alphabet?|The {n} letter from a to z is which one?]", "print(chr({n} + 96))", "It is {0}.", n=chosen("5th|7th|8th|9th|11th|12th|14th|15th|16th|17th|18th|19th|20th|22nd|23rd|24th", "5|7|8|9|11|12|14|15|16|17|18|19|20|22|23|24"))
simple("alphabet sum", "[What do the letters of {w} add up to if a = 1, b = 2 and so on?|Sum of the alphabet positions of {w}?|Add the places in the alphabet of the letters of {w}.|Letter value of {w} with a = 1 to z = 26?|With a counting 1 and z 26, what is {w} worth?]", "print(sum(ord(c) - 96 for c in {w}))", "The sum is {0}.", w=word)
simple("shift back", "[Decode {w} with a Caesar shift of {n}.|Shift the letters of {w} back by {n}.|{w} was shifted by {n}. What was it before?|Move each letter of {w} {n} places back in the alphabet.|Undo a Caesar cipher of {n} on {w}.|Decrypt {w}, Caesar key {n}.]", "print(''.join(chr((ord(c) - 97 - {n}) % 26 + 97) for c in {w}))", "[Decoded it is {0}.|Shifted back it is {0}.]", w=word, n=whole(1, 12))

# Encodings
linked("from base64", "[Decode {s} from base64.|What does {s} mean in base64?|base64 decode {s}|Which text is {s} in base64?|Turn the base64 {s} back into text.|{s} is base64. What does it say?|Read this base64: {s}|Undo the base64 encoding of {s}.]", "import base64\nprint(base64.b64decode({s}).decode())", "It says {0}.", _base64)
simple("word in base64", "[Base64 of the word {w}?|What is {w} in base64?|Encode {w} as base64.|base64 {w}|Write {w} in base64.|How does {w} look in Base64?|I need {w} base64-encoded.]", "import base64\nprint(base64.b64encode({w}.encode()).decode())", "In base64 it is {0}", w=word)
simple("to hex", "[What is {w} in hex?|Encode {w} in hexadecimal.|hex of the text {w}|Convert the letters of {w} to hex.|Write the bytes of {w} in hexadecimal.|{w} as hex|How does {w} look as hex bytes?|hex-encode {w}]", "print({w}.encode().hex())", "In hex it is {0}.", w=word)
linked("from hex", "[Which text is {s} in hex?|Decode the hex string {s}.|Turn the hex {s} back into text.|{s} is text in hex. What does it say?|What does the hex {s} spell?|hex to text: {s}]", "print(bytes.fromhex({s}).decode())", "It says {0}.", _hex)
simple("sha1", "[What is the SHA-1 [hash|sum|checksum] of {w}?|sha1 of {w}|Hash {w} with SHA1.|Run {w} through SHA-1.|SHA-1 digest of {w}?|I need {w} as a SHA1 hash.]", "import hashlib\nprint(hashlib.sha1({w}.encode()).hexdigest())", "The SHA-1 hash is {0}.", w=word)
simple("sha256", "[What is the SHA-256 [hash|sum|checksum] of {w}?|sha256 of {w}|Hash {w} with SHA256.|Run {w} through SHA-256.|SHA-256 digest of {w}?|Which sha256 hash does {w} have?]", "import hashlib\nprint(hashlib.sha256({w}.encode()).hexdigest())", "The SHA-256 hash is {0}.", w=word)
simple("crc", "[What is the CRC-32 of {w}?|crc32 checksum of {w}|Compute the CRC32 for the text {w}.|Which CRC-32 number has {w}?]", "import zlib\nprint(zlib.crc32({w}.encode()))", "The CRC-32 is {0}.", w=word)
simple("url encode", "[URL-encode {s}.|How is {s} written in a URL?|Percent-encode {s}.|Escape {s} for a web address.|{s} as part of a URL|Quote {s} for use in a link.]", "from urllib.parse import quote\nprint(quote({s}))", "In a URL it is {0}", s=sentence)
simple("letters in binary", "[What is {w} in binary, letter by letter?|Write the letters of {w} in binary.|ASCII bits of {w}?|Turn {w} into eight-bit binary codes.|{w} as zeros and ones]", "print(*[format(ord(c), '08b') for c in {w}])", "In binary it is {0}.", w=lambda r: quoted(r, any_word(r)[:4]))
simple("codes of letters", "[What are the ASCII codes of the letters in {w}?|ASCII codes for {w}|List the character codes of {w}.|Which numbers stand for the letters of {w} in ASCII?|Convert each letter of {w} to its ASCII number.]", "print(*[ord(c) for c in {w}], sep=', ')", "The codes are {0}.", w=word)
simple("character of code", "[Which character has the ASCII code {n}?|What does ASCII {n} stand for?|Which letter is number {n} in ASCII?|character for code {n}|chr of {n}?|What character is {n} in ASCII?]", "print(chr({n}))", "It is {0}", n=chosen("|".join(map(str, [*range(65, 91), *range(97, 123)]))))

# Ways to write names
simple("kebab case", "[Convert {s} to kebab case.|Write {s} in kebab-case.|kebab-case for {s}|Make a slug of {s} with hyphens.|{s} as a URL slug|Lowercase {s} and put hyphens instead of spaces.|Turn {s} into kebab case.]", "print('-'.join({s}.lower().split()))", "{0}", s=sentence)
simple("pascal case", "[Convert {s} to Pascal case.|Write {s} in PascalCase.|PascalCase for {s}|Make a class name of {s}.|{s} as a Python class name|Join the words of {s}, each with a capital.|Turn {s} into Pascal case.]", "print(''.join(w.capitalize() for w in {s}.split()))", "{0}", s=sentence)
simple("constant case", "[Write {s} as a constant with underscores.|{s} in SCREAMING_SNAKE_CASE|Convert {s} to upper snake case.|Make a Python constant name of {s}.|All caps with underscores: {s}]", "print('_'.join({s}.upper().split()))", "{0}", s=sentence)
linked("camel to snake", "[Convert {w} to snake case.|Write {w} in snake_case.|snake_case for {w}|Turn the camelCase name {w} into snake_case.|How is {w} written with underscores?|Rename {w} from camel case to snake case.]", "import re\nprint(re.sub('([A-Z])', r'_\\1', {w}).lower())", "{0}", _camel)
linked("camel words", "[Which words make up {w}?|Split {w} into its words.|Take the name {w} apart, lowercase.|Separate the words in {w} by spaces.|{w} as separate words]", "import re\nprint(re.sub('([A-Z])', r' \\1', {w}).lower())", "{0}", _camel)
simple("sentence case", "[Write {s} with only the first letter capital.|{s} in sentence case|Start {s} with a capital and keep the rest small.|Convert {s} to sentence case.|Only the very first letter of {s} should be a capital.]", "print({s}.capitalize())", "{0}", s=sentence)
simple("initials", "[What are the initials of {a} {b}?|initials of {a} {b}|Which initials has {a} {b}?|{a} {b} signs with which initials?|Give me the initials for {a} {b}.]", "print(*[w[0] + '.' for w in ({a}, {b})])", "The initials are {0}", a=lambda r: (lambda n: Value(n, repr(n)))(any_name(r)), b=lambda r: (lambda n: Value(n, repr(n)))(any_name(r)))
simple("last name first", "[Write {a} {b} with the last name first.|{a} {b}, but family name first, comma, first name|How does {a} {b} stand in a list by last name?|Turn {a} {b} into the form last name, first name.]", "print({b} + ', ' + {a})", "{0}", a=lambda r: (lambda n: Value(n, repr(n)))(any_name(r)), b=lambda r: (lambda n: Value(n, repr(n)))(any_name(r)))
