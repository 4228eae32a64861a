"""More of lists: orders, places, what is in them, and what changes."""

# fmt: off
from __future__ import annotations

import random

from training.ask import linked, simple
from training.families.strings_spelling import ORDINALS, Slots, quoted
from training.slots import Value, numbers, whole, words
from training.vocabulary import any_word


def _said(rng: random.Random, values: list[str]) -> Value:
    """A list of words as people write one."""
    form = rng.randrange(4)
    if form == 0:
        return Value(f"{', '.join(values[:-1])} and {values[-1]}", str(values))
    return Value((", ".join(values), ",".join(values), f"[{', '.join(values)}]")[form - 1], str(values))


def _some(rng: random.Random, least: int = 4, most: int = 8) -> list[str]:
    return list(dict.fromkeys(any_word(rng) for _ in range(rng.randint(least, most))))


def _nth(rng: random.Random) -> Slots:
    values = _some(rng)
    n = rng.randrange(min(len(values), len(ORDINALS)))
    return {"l": _said(rng, values), "n": Value(ORDINALS[n], str(n))}


def _member(rng: random.Random) -> Slots:
    """A list, something in it, and something else."""
    values = _some(rng)
    return {"l": _said(rng, values), "a": quoted(rng, rng.choice(values)), "b": quoted(rng, any_word(rng))}


def _perhaps(rng: random.Random) -> Slots:
    values = _some(rng)
    return {"l": _said(rng, values), "a": quoted(rng, rng.choice(values) if rng.random() < 0.5 else any_word(rng))}


def _initial(rng: random.Random) -> Slots:
    values = _some(rng, 5, 9)
    c = rng.choice(values)[0]
    return {"l": _said(rng, values), "c": Value(rng.choice((c, f"'{c}'", f'"{c}"')), repr(c))}


def _position(rng: random.Random) -> Slots:
    values = rng.sample(range(1, 99), rng.randint(5, 9))
    n = str(rng.choice(values))
    return {"l": Value(rng.choice((", ", ",", " ")).join(map(str, values)), str(values)), "n": Value(n, n)}


def _range(rng: random.Random) -> Slots:
    low, high = sorted(rng.sample(range(5, 80), 2))
    values = [rng.randint(low, high), *(rng.randint(1, 99) for _ in range(rng.randint(5, 9)))]
    rng.shuffle(values)
    return {"l": Value(", ".join(map(str, values)), str(values)), "a": Value(str(low), str(low)), "b": Value(str(high), str(high))}


linked("list sort by length down", "[Sort {l} from longest to shortest.|Order the words {l}, the longest first.|Arrange {l} by falling length.|{l} from longest to shortest|Put the long words first: {l}|Rank {l} by their number of letters, most first.|Line up {l} from long to short.|By length, the longest in front: {l}|Order these by decreasing length: {l}|Beginning with the longest word, list {l}.]", "print(*sorted({l}, key=len, reverse=True), sep=', ')", "From longest to shortest: {0}.", lambda r: {"l": _said(r, _some(r))})
linked("list sort by last letter", "[Sort {l} by their last letter.|Order the words {l} by how they end, alphabetically.|Arrange {l} by the final letter of each.|{l} in the order of their last letters|Put {l} in order by last letter.]", "print(*sorted({l}, key=lambda w: w[-1]), sep=', ')", "By the last letter: {0}.", lambda r: {"l": _said(r, _some(r))})
linked("list first by alphabet", "[Which of {l} comes first [alphabetically|in the alphabet|in a dictionary]?|Of {l}, which stands first in alphabetical order?|Alphabetically, what is the first of {l}?|Who or what is on top if {l} are in alphabetical order?|{l}: which would a dictionary list first?|The first of {l} by alphabet?]", "print(min({l}))", "{0} comes first.", lambda r: {"l": _said(r, _some(r))})
linked("list last by alphabet", "[Which of {l} comes last [alphabetically|in the alphabet|in a dictionary]?|Of {l}, which stands last in alphabetical order?|Alphabetically, what is the last of {l}?|{l}: which would a dictionary list last?|The last of {l} by alphabet?|What is at the bottom if {l} are put in alphabetical order?]", "print(max({l}))", "{0} comes last.", lambda r: {"l": _said(r, _some(r))})
linked("list shortest of", "[Which of {l} is the shortest?|Find the shortest word of {l}.|{l}: which is shortest?|Which has the fewest letters: {l}?|shortest among {l}|Among {l}, which word is the shortest?|Pick the one with the fewest letters: {l}|What takes the fewest letters to write, {l}?]", "print(min({l}, key=len))", "The shortest is {0}.", lambda r: {"l": _said(r, _some(r))})
linked("list nth item", "[What is the {n} item of {l}?|Which is the {n} of {l}?|{n} entry of {l}?|In {l}, what comes {n}?|Name the {n} in the list {l}.|My list is {l}. What is the {n} one?|Give me the {n} element of {l}.|{l} - the {n} one, please|Who or what stands in {n} place in {l}?|Read out the {n} of these: {l}]", "print({l}[{n}])", "The {n} is {0}.", _nth)
linked("list last item", "[What is the last item of {l}?|Which is the last of {l}?|last entry of {l}|In {l}, what comes at the end?|Name the final one in {l}.|My list is {l}. What is the last one?|Give me the last element of {l}.|{l}: what ends the list?]", "print({l}[-1])", "The last is {0}.", lambda r: {"l": _said(r, _some(r))})
linked("list place in list", "[At which position is {a} in {l}?|Which place has {a} in {l}?|position of {a} in {l}|Where in the list {l} is {a}?|Counting from one, where does {a} stand in {l}?|In {l}, {a} is number what?|How far down the list {l} do I find {a}?|Find the place of {a} in {l}.]", "print({l}.index({a}) + 1)", "The position of {a} is {0}.", _member)
linked("list place of number", "[At which position is {n} in {l}?|Where in {l} do I find {n}?|position of {n} in {l}|Counting from one, where does {n} stand in {l}?|In the list {l}, {n} comes at which place?]", "print({l}.index({n}) + 1)", "{n} is at position {0}.", _position)
linked("list is in list", "[Is {a} in the list {l}?|Does {l} include {a}?|Is {a} one of {l}?|Check if {a} is among {l}.|Can I find {a} in {l}?|{a} - is it on this list: {l}?|Did I write {a} on my list {l}?|Has the list {l} got {a}?|Is {a} missing from {l} or is it there?]", "print('is' if {a} in {l} else 'is not')", "The entry {a} {0} in the list.", _perhaps)
linked("list without item", "[Remove {a} from {l}.|Take {a} off the list {l}.|{l} without {a}|Delete {a} from {l}.|Cross out {a}: {l}|What remains of {l} without {a}?|Drop {a} and give me the rest of {l}.|My list is {l}. I no longer need {a}.|Leave out {a} when listing {l}.]", "print(*[x for x in {l} if x != {a}], sep=', ')", "What remains: {0}.", _member)
linked("list with item", "[Add {b} to the end of {l}.|Put {b} at the end of the list {l}.|{l}, and {b} appended|Append {b} to {l}.|My list is {l}. Add {b}, please.|Extend the list {l} by {b}.|Write {b} below the list {l}.]", "print(*[*{l}, {b}], sep=', ')", "The list is now {0}.", _member)
linked("list put in front", "[Put {b} in front of {l}.|Add {b} at the start of the list {l}.|Insert {b} as the first of {l}.|Let {b} come before {l}.|Begin the list {l} with {b}.]", "print(*[{b}, *{l}], sep=', ')", "The list is now {0}.", _member)
linked("list replace item", "[Replace {a} [with|by] {b} in {l}.|In the list {l}, change {a} to {b}.|Swap {a} for {b} on the list {l}.|{l}, but {b} instead of {a}|Put {b} in the place of {a}: {l}|My list is {l}. Make {a} into {b}.]", "print(*[{b} if x == {a} else x for x in {l}], sep=', ')", "The list is now {0}.", _member)
linked("list items starting", "[Which of {l} start with {c}?|Find all of {l} that begin with {c}.|{l}: which have {c} as their first letter?|List those of {l} beginning with {c}.|From {l}, keep only what starts with {c}.|Filter {l} by the first letter {c}.]", "print(*[w for w in {l} if w.startswith({c})], sep=', ')", "Starting with {c}: {0}.", _initial)
linked("list count starting", "[How many of {l} start with {c}?|Count those of {l} that begin with {c}.|{l}: how many have {c} as their first letter?|Number of entries of {l} beginning with {c}?|How many in {l} have the initial {c}?]", "print(sum(w.startswith({c}) for w in {l}))", "{0} of them start with {c}.", _initial)
linked("list lengths of items", "[How many letters does each of {l} have?|Give the length of each of {l}.|lengths of {l}|For every one of {l}, count the letters.|How long is each of these: {l}?|List the number of letters for each of {l}.]", "print(*[len(w) for w in {l}], sep=', ')", "The lengths are {0}.", lambda r: {"l": _said(r, _some(r))})
simple("list upper items", "[Write {l} in capitals.|Put all of {l} in upper case.|{l}, each in capital letters|Make every one of {l} all caps.|Uppercase each of {l}.]", "print(*[w.upper() for w in {l}], sep=', ')", "{0}", l=words(3, 6))
simple("list number items", "[Number {l}.|Write {l} as a numbered list.|Put numbers in front of {l}, from 1 on.|{l} as a list with numbers|Make a numbered list of {l}.]", "for n, item in enumerate({l}, 1):\n    print(f'{n}. {item}')", "{0}", l=words(3, 5))
simple("list every second item", "[Take every second of {l}, starting with the first.|Every other one of {l}, the first included|Skip each second entry of {l}.|Starting at the first, pick every second of {l}.|Which remain if I drop the second, fourth and so on of {l}?]", "print(*{l}[::2], sep=', ')", "Every second: {0}.", l=words(5, 8))
simple("list first items", "[What are the first {n} of {l}?|Only the first {n} of {l}, please|Take the first {n} from {l}.|Cut the list {l} after {n}.|Which {n} come first in {l}?]", "print(*{l}[:{n}], sep=', ')", "The first {n}: {0}.", l=numbers(6, 10), n=whole(2, 4))
simple("list last items", "[What are the last {n} of {l}?|Only the last {n} of {l}, please|Take the last {n} from {l}.|Which {n} come at the end of {l}?|The final {n} in {l}?]", "print(*{l}[-{n}:], sep=', ')", "The last {n}: {0}.", l=numbers(6, 10), n=whole(2, 4))
simple("list both lists", "[Put {l} and {m} together and sort them.|Merge {l} and {m} into one sorted list.|Combine the lists {l} and {m} in ascending order.|One list from {l} and {m}, sorted|Join {l} with {m}, smallest first.]", "print(*sorted({l} + {m}), sep=', ')", "Together: {0}.", l=numbers(3, 5), m=numbers(3, 5))
simple("list bottom three", "[What are the three [smallest|lowest] numbers [in|of] {l}?|The lowest 3 of {l}|bottom three: {l}|Which three of {l} are the lowest?|Name the three smallest of {l}.|From {l} take the three smallest.|Pick the 3 lowest values out of {l}.]", "print(*sorted({l})[:3], sep=', ')", "The three smallest are {0}.", l=numbers(6, 12))
simple("list second smallest", "[What is the second [smallest|lowest] number [in|of] {l}?|second lowest of {l}|Which of {l} comes right after the smallest?|Leaving out the smallest, what is the least of {l}?|Just above the minimum of {l} is which number?]", "print(sorted(set({l}))[1])", "The second smallest is {0}.", l=numbers(5, 10))
simple("list closest to", "[Which of {l} is closest to {n}?|Find the number in {l} nearest to {n}.|{l}: which comes closest to {n}?|Nearest to {n} among {l}?|Which of {l} misses {n} by the least?]", "print(min({l}, key=lambda x: abs(x - {n})))", "{0} is closest to {n}.", l=numbers(5, 9), n=whole(10, 90))
linked("list between", "[Which of {l} are between {a} and {b}?|Show the numbers from {a} to {b} in {l}.|List those of {l} that lie between {a} and {b}.|Keep what is from {a} up to {b}: {l}|{l}: which are in the range {a} to {b}?]", "print(*[n for n in {l} if {a} <= n <= {b}], sep=', ')", "Between {a} and {b}: {0}.", _range)
linked("list count between", "[How many of {l} are between {a} and {b}?|Count the numbers from {a} to {b} in {l}.|How many in {l} lie between {a} and {b}?|{l}: how many fall in the range {a} to {b}?]", "print(sum({a} <= n <= {b} for n in {l}))", "{0} of them are between {a} and {b}.", _range)
simple("list filter below", "[Which of {l} are [less|smaller|lower] than {n}?|Show the numbers below {n} in {l}.|List those of {l} under {n}.|Keep only what is under {n}: {l}|{l}: which ones are below {n}?|Filter {l} for values under {n}.|Throw out {n} and all above from {l}.]", "print(*[n for n in {l} if n < {n}], sep=', ')", "Below {n}: {0}.", l=numbers(6, 12, 1, 60), n=whole(40, 90))
simple("list count odd", "[How many of {l} are odd?|Count the odd numbers in {l}.|{l}: how many odd ones?|number of odd values in {l}|How many of {l} cannot be divided by two?|In {l}, how many are odd?]", "print(sum(n % 2 == 1 for n in {l}))", "{0} are odd.", l=numbers(7, 12))
simple("list sum even", "[What is the sum of the even numbers in {l}?|Add up just the even ones of {l}.|Total of the even values in {l}?|Leave out the odd numbers and sum {l}.|{l}: sum of the even ones]", "print(sum(n for n in {l} if n % 2 == 0))", "The even numbers add up to {0}.", l=numbers(6, 10))
simple("list largest minus smallest", "[What is the difference between the largest and the smallest of {l}?|range of {l}|How far apart are the extremes of {l}?|Largest minus smallest in {l}?|Spread of the numbers {l}?|From the lowest to the highest of {l}, how far is it?]", "numbers = {l}\nprint(round(max(numbers) - min(numbers), 4))", "The difference is {0}.", l=numbers())
simple("list steps between", "[What are the differences between neighbours in {l}?|By how much does {l} change from one to the next?|Differences of consecutive numbers in {l}?|Step from each number of {l} to the next?]", "numbers = {l}\nprint(*[round(b - a, 4) for a, b in zip(numbers, numbers[1:])], sep=', ')", "The differences are {0}.", l=numbers(4, 7))
simple("list halve each", "[Halve each of {l}.|Divide every number in {l} by 2.|{l}, each cut in half|Half of each of {l}?|What comes out when {l} are halved one by one?]", "print(*[round(n / 2, 4) for n in {l}], sep=', ')", "Halved: {0}.", l=numbers(3, 7))
simple("list only in first", "[Which numbers are in {l} but not in {m}?|What does {l} have that {m} does not?|Take everything in {m} away from {l}.|Numbers of {l} that are missing in {m}?|Compare {l} with {m}: what is only in the first?]", "print(*sorted(set({l}) - set({m})), sep=', ')", "Only in the first: {0}.", l=numbers(6, 10, 1, 15), m=numbers(4, 7, 1, 15))
simple("list repeated numbers", "[Which numbers occur more than once in {l}?|What is there twice or more in {l}?|Find the duplicates in {l}.|Which values repeat in {l}?|{l}: which are there several times?]", "numbers = {l}\nprint(*sorted({n for n in numbers if numbers.count(n) > 1}), sep=', ')", "More than once: {0}.", l=numbers(9, 14, 1, 8))
simple("list where largest", "[At which position is the largest of {l}?|Where in {l} is the maximum?|Which place in {l} has the biggest number?|Counting from one, where does the highest of {l} stand?]", "numbers = {l}\nprint(numbers.index(max(numbers)) + 1)", "The largest is at position {0}.", l=numbers())
