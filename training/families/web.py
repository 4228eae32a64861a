"""Questions about the world: made-up facts on made-up pages, so that only reading can answer them."""

# fmt: off
from __future__ import annotations

import random
from dataclasses import dataclass

from training.ask import Ask, Call, Round, as_json, family
from training.phrases import filled, phrased, written
from training.vocabulary import any_name, any_title, any_word
from training.words import NAMES, SURNAMES

SITES = ["en.wikipedia.org", "www.britannica.com", "bookpedia.net", "www.worldfacts.info", "news.example.org", "www.dailyherald.com", "archive.org", "www.citylife.net", "sciencehub.org", "www.techradar.net", "sportsdesk.com", "www.moviebase.org", "docs.example.com", "www.gov.example"]
ADJECTIVES = ["Copper", "Silent", "Crimson", "Hidden", "Last", "Golden", "Broken", "Distant", "Winter", "Hollow", "Paper", "Northern", "Burning", "Glass", "Salt"]
THINGS = ["Lantern", "River", "Garden", "Mirror", "Harbour", "Orchard", "Bridge", "Tower", "Letter", "Compass", "Island", "Clock", "Forest", "Crown", "Shore"]
PLACES = ["Velmora", "Tarnwick", "Osterhaven", "Lindale", "Marrow", "Quillon", "Brightwater", "Eskdale", "Norrland", "Pellham", "Castor", "Drumlin", "Ravenna", "Solberg"]
FILLER = (
    "It is well known in the region and has been described in several books.", "Visitors often ask about its history.",
    "Many people have written about it since.", "The article was last updated in spring.", "Further details can be found in the archive.",
    "It has received mixed reviews over the years.", "Local newspapers have reported on it regularly.", "See also the list of related topics.",
    "The site collects facts from readers.", "A longer version of this text appeared in print.", "It attracted wide attention at the time.",
)  # fmt: skip


def _title(r: random.Random) -> str:
    return any_title(r) if r.random() < 0.5 else f"The {r.choice(ADJECTIVES)} {r.choice(THINGS)}"


def _person(r: random.Random) -> str:
    return f"{r.choice(NAMES)} {r.choice(SURNAMES)}" if r.random() < 0.5 else f"{any_name(r)} {any_name(r)}"


def _place(r: random.Random) -> str:
    return r.choice(PLACES) if r.random() < 0.4 else any_name(r)


def _year(r: random.Random) -> str:
    return str(r.randint(1500, 2026))


def _company(r: random.Random) -> str:
    return f"{any_word(r).title()}{r.choice(('soft', ' Labs', ' Systems', 'corp', ' & Sons', ' Motors', 'ly'))}"


def _number(r: random.Random) -> str:
    return f"{r.randint(1, 999) * 10 ** r.randint(0, 4):,}"


def _version(r: random.Random) -> str:
    return f"{r.randint(1, 30)}.{r.randint(0, 20)}" + (f".{r.randint(0, 9)}" if r.random() < 0.5 else "")


def _product(r: random.Random) -> str:
    return f"{any_word(r).title()}{r.choice(('DB', ' OS', 'Script', ' Engine', ' Studio', 'Kit', ''))}"


def _day(r: random.Random) -> str:
    return f"{r.randint(1, 28)} {r.choice(['January', 'March', 'April', 'June', 'July', 'September', 'October', 'December'])} {r.randint(1900, 2026)}"


def _money(r: random.Random) -> str:
    return f"{r.choice('$€£')}{r.randint(5, 4000):,}"


def _weather(r: random.Random) -> str:
    return f"{r.choice(('sunny', 'cloudy', 'rainy', 'windy', 'foggy', 'snowy'))} with {r.randint(-8, 34)} °C"


def _score(r: random.Random) -> str:
    return f"{r.randint(0, 6)}-{r.randint(0, 6)}"


MAKERS = {
    "title": _title, "person": _person, "place": _place, "year": _year, "company": _company, "number": _number, "version": _version,
    "product": _product, "day": _day, "money": _money, "weather": _weather, "score": _score,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """What is asked, how pages tell it, and how the answer says it; `{s}` is the subject, `{v}` what is looked for."""

    subject: str
    value: str
    question: str
    told: str
    answer: str


FACTS: dict[str, Fact] = {
    "author": Fact("title", "person", "[Who wrote {s}?|Who is the author of {s}?|Which author wrote {s}?|{s} was written by whom?|author of {s}?|Who is {s} by?|By which writer is {s}?|I am looking for the author of {s}.|Whose book is {s}?|Do you know who wrote {s}?]", "[{s} is a novel by {v}.|{s} was written by {v}.|{v} is the author of {s}.|{s}, a book by the writer {v}, tells of a family.|The writer {v} finished {s} after years of work.]", "[{s} was written by {v}.|{v} wrote {s}.]"),
    "published": Fact("title", "year", "[When was {s} [published|written]?|In which year did {s} [appear|come out]?|What year was {s} published?|{s} was first printed in what year?|Publication year of {s}?|Since when has {s} been in print?|What year did {s} hit the shelves?]", "[{s} was published in {v}.|First published in {v}, {s} is still read.|{s} appeared in {v}.]", "{s} was published in {v}."),
    "director": Fact("title", "person", "[Who directed [the film|] {s}?|Who is the director of {s}?|Which director made {s}?|Who made the film {s}?|{s}: who directed it?|By which director is {s}?|Name the director of {s}.]", "[{s} is a film directed by {v}.|The film {s} was directed by {v}.|{v} directed {s} in a single summer.]", "{s} was directed by {v}."),
    "painter": Fact("title", "person", "[Who painted {s}?|Which artist painted {s}?|Who is the painter of {s}?|By whom is the painting {s}?|{s}: who painted it?|Whose painting is {s}?]", "[{s} is a painting by {v}.|{v} painted {s}.]", "{s} was painted by {v}."),
    "composer": Fact("title", "person", "[Who composed {s}?|Who wrote the music of {s}?|Which composer wrote {s}?|By whom is the music of {s}?|{s}: who composed it?|Whose composition is {s}?]", "[{s} was composed by {v}.|{v} composed {s}.|The music of {s} is by {v}.]", "{s} was composed by {v}."),
    "singer": Fact("title", "person", "[Who sings {s}?|Who recorded the song {s}?|Who is the singer of {s}?|Whose song is {s}?|{s}: who sang it?|By which singer is {s}?]", "[The song {s} was recorded by {v}.|{s} is a song by {v}.]", "The song {s} is by {v}."),
    "inventor": Fact("product", "person", "[Who invented {s}?|Who is the inventor of {s}?|Who created {s}?|Who developed {s}?|Whose invention is {s}?|Who came up with {s}?|{s} was thought up by whom?|Who do we owe {s} to?]", "[{s} was invented by {v}.|{v} invented {s}.|{s} was created by {v}.]", "{s} was created by {v}."),
    "founder": Fact("company", "person", "[Who founded {s}?|Who is the founder of {s}?|Who started the company {s}?|Who set up {s}?|{s} was founded by whom?|Whose company was {s} in the beginning?|Name the founder of {s}.]", "[{s} was founded by {v}.|{v} founded {s}.|{s} is a company founded by {v}.]", "{s} was founded by {v}."),
    "ceo": Fact("company", "person", "[Who is the [current|] [CEO|boss|head] of {s}?|Who runs {s}?|Who leads {s} now?|Who is in charge of {s}?|CEO of {s}?|Name the head of {s}.|Who has the top job at {s}?]", "[The CEO of {s} is {v}.|{v} has been chief executive of {s} since last year.|{s} is led by {v}.]", "{s} is led by {v}."),
    "founded": Fact("company", "year", "[When was {s} founded?|In [what|which] year was {s} founded?|How old is the company {s}?|founding year of {s}|Since when has {s} existed?|{s} was started in what year?|What year did {s} begin?]", "[{s} was founded in {v}.|Founded in {v}, {s} employs many people.|The company {s} has existed since {v}.]", "{s} was founded in {v}."),
    "headquarters": Fact("company", "place", "[Where is {s} based?|Where is the headquarters of {s}?|In which city is {s}?|Where does {s} have its head office?|{s} is based where?|Home of the company {s}?|Which town is {s} from?]", "[{s} is based in {v}.|The headquarters of {s} are in {v}.]", "{s} is based in {v}."),
    "employees": Fact("company", "number", "[How many [employees|people work] [does|at] {s}[ have|]?|How many people does {s} employ?|Number of people working for {s}?|How big is the staff of {s}?|{s}: how many employees?|Size of the workforce of {s}?]", "[{s} employs {v} people.|{s} has {v} employees.]", "{s} has {v} employees."),
    "share price": Fact("company", "money", "[What is the [share|stock] price of {s}?|How much is a {s} share [now|today|]?|current stock price of {s}|What are {s} shares worth?|{s} stock: what is the price?|At how much does {s} trade?]", "[The share price of {s} is {v}.|Shares of {s} closed at {v}.|A share of {s} costs {v}.]", "A share of {s} costs {v}."),
    "population": Fact("place", "number", "[What is the population of {s}?|How many people live in {s}?|How many inhabitants has {s}?|population of {s}|How big is {s} in terms of people?|Number of inhabitants of {s}?|How many residents does {s} have?|How populous is {s}?|{s}: population?]", "[{s} has {v} inhabitants.|The population of {s} is {v}.|About {v} people live in {s}.]", "{s} has {v} inhabitants."),
    "mayor": Fact("place", "person", "[Who is the [current|] mayor of {s}?|Who governs {s}?|mayor of {s}?|Who is in charge of the town of {s}?|Name the mayor of {s}.|{s} has whom as mayor?]", "[The mayor of {s} is {v}.|{v} was elected mayor of {s}.]", "The mayor of {s} is {v}."),
    "river": Fact("place", "place", "[Which river flows through {s}?|What river is {s} on?|Name the river of {s}.|On which river does {s} lie?|River through {s}?]", "[The river {v} flows through {s}.|{s} lies on the river {v}.]", "The river {v} flows through {s}."),
    "weather": Fact("place", "weather", "[What is the weather [like|] in {s}[ today| now|]?|How is the weather in {s}?|weather {s} today|Will it rain in {s}?|Is it warm in {s}?|weather forecast for {s}|What is it like outside in {s}?|Do I need a coat in {s}?|Current weather, {s}?|How warm is it in {s}?]", "[The weather in {s} is {v}.|Today it is {v} in {s}.|{s}: {v}.]", "In {s} it is {v}."),
    "built": Fact("title", "year", "[When was {s} built?|In which year was {s} built?|How old is {s}?|Since when does {s} stand?|Year of construction: {s}?|{s} was put up when?]", "[{s} was built in {v}.|Built in {v}, {s} is a landmark.]", "{s} was built in {v}."),
    "height": Fact("title", "number", "[How [tall|high] is {s}?|What is the height of {s}?|How many metres high is {s}?|{s}: how many metres tall?|How far up does {s} reach?|Height of {s}?]", "[{s} is {v} metres high.|With a height of {v} metres, {s} can be seen from afar.]", "{s} is {v} metres high."),
    "architect": Fact("title", "person", "[Who designed {s}?|Who was the architect of {s}?|Whose design is {s}?|Architect of {s}?|{s} was planned by whom?]", "[{s} was designed by {v}.|The architect of {s} was {v}.]", "{s} was designed by {v}."),
    "where": Fact("title", "place", "[Where is {s}?|Where can I find {s}?|In which [town|city] is {s}?|location of {s}|In what place is {s}?|{s} is where?|To which city must I go for {s}?]", "[{s} is in {v}.|{s} stands in the centre of {v}.|You find {s} in {v}.]", "{s} is in {v}."),
    "release": Fact("product", "version", "[What is the [latest|newest|current] version of {s}?|Which version of {s} is [the latest|current]?|latest {s} version|What version is {s} at now?|Newest {s} release?|Up to which version is {s} now?|Which {s} version is the most recent?|{s}: latest version?]", "[The latest version of {s} is {v}.|{s} {v} has been released.|Version {v} of {s} came out this month.]", "The latest version of {s} is {v}."),
    "released": Fact("product", "day", "[When was {s} released?|When did {s} come out?|What is the release date of {s}?|release date {s}|Since when is {s} out?|On what day was {s} released?|{s} came out when?]", "[{s} was released on {v}.|The release of {s} was on {v}.]", "{s} was released on {v}."),
    "price": Fact("product", "money", "[How much does {s} cost?|What is the price of {s}?|What does {s} cost now?|price of {s}|How much is {s}?|What do I have to pay for {s}?|{s}: what does it cost?|How expensive is {s}?]", "[{s} costs {v}.|The price of {s} is {v}.|{s} sells for {v}.]", "{s} costs {v}."),
    "maker": Fact("product", "company", "[Which company makes {s}?|Who makes {s}?|Who sells {s}?|What company is behind {s}?|Who produces {s}?|{s} is made by whom?|From which company is {s}?|Manufacturer of {s}?]", "[{s} is made by {v}.|{v} makes {s}.|{s} is a product of {v}.]", "{s} is made by {v}."),
    "born": Fact("person", "day", "[When was {s} born?|What is the birthday of {s}?|birth date of {s}|On which day was {s} born?|What is the date of birth of {s}?|{s} was born on what day?|When did {s} come into the world?|Birthday of {s}?]", "[{s} was born on {v}.|{s} (born {v}) grew up in the north.]", "{s} was born on {v}."),
    "birthplace": Fact("person", "place", "[Where was {s} born?|What is the birthplace of {s}?|In which town was {s} born?|{s} comes from which town?|Where did {s} come into the world?|Place of birth of {s}?]", "[{s} was born in {v}.|Born in {v}, {s} moved away early.]", "{s} was born in {v}."),
    "died": Fact("person", "year", "[When did {s} die?|In which year did {s} die?|{s} died in what year?|Year of death: {s}?|Until what year did {s} live?]", "[{s} died in {v}.|{s} lived there until death in {v}.]", "{s} died in {v}."),
    "spouse": Fact("person", "person", "[Who is {s} married to?|Who is the [husband|wife|partner] of {s}?|Whom did {s} marry?|{s} is married to whom?|Name the spouse of {s}.]", "[{s} is married to {v}.|{s} and {v} married in autumn.]", "{s} is married to {v}."),
    "known for": Fact("person", "title", "[What is {s} known for?|What did {s} write?|Which book made {s} famous?|Name a work by {s}.|What made {s} famous?|{s} is famous for which work?|Best known work of {s}?]", "[{s} is known for {v}.|{s} became famous with {v}.]", "{s} is known for {v}."),
    "winner": Fact("title", "person", "[Who won [the|] {s} [Cup|Prize|Award]?|Who is the winner of the {s} [Prize|Award]?]", "[{v} won the {s} Prize.|The {s} Award went to {v}.]", "{v} won it."),
    "match": Fact("place", "score", "[How did {s} play [yesterday|last night|]?|What was the score of {s}[ yesterday|]?|result of the {s} game]", "[{s} played {v} on Saturday.|The game of {s} ended {v}.]", "The game of {s} ended {v}."),
    "event": Fact("title", "day", "[When is the {s} [Festival|Fair|Conference]?|On what date does the {s} [Festival|Fair] take place?]", "[The {s} Festival takes place on {v}.|The {s} Fair opens on {v}.]", "It takes place on {v}."),
    "license": Fact("product", "title", "[Which licence does {s} [use|have]?|Under which license is {s}?]", "[{s} is under {v} licence.|The licence of {s} is called {v}.]", "The licence of {s} is {v}."),
    "news": Fact("company", "title", "[What is [the latest news|new] [about|at|from] {s}?|Any news about {s}?|latest news on {s}]", "[{s} has announced a product called {v}.|News: {s} presented {v} today.]", "{s} has announced {v}."),
}  # fmt: skip


def page_of(rng: random.Random, title: str, sentences: list[str]) -> dict[str, str]:
    slug = "_".join(title.replace("&", "and").split())
    url = f"https://{rng.choice(SITES)}/{rng.choice(('wiki/', '', 'article/', 'facts/'))}{slug}"
    return {"title": title + rng.choice(("", "", f" - {rng.choice(PLACES)} Facts", " | Encyclopedia")), "description": "", "url": url, "content": " ".join(sentences)}


def _distractor(rng: random.Random, subject: str) -> dict[str, str]:
    fact = rng.choice(list(FACTS.values()))
    s = MAKERS[fact.subject](rng)
    told = filled(phrased(rng, fact.told), {"s": s, "v": MAKERS[fact.value](rng)})
    return page_of(rng, s, [told, *rng.sample(FILLER, rng.randint(1, 3))]) if s != subject else _distractor(rng, s)


def results_of(rng: random.Random, page: dict[str, str], subject: str, others: int) -> str:
    pages = [_distractor(rng, subject) for _ in range(others)]
    pages.insert(min(others, rng.choice((0, 0, 0, 1, 2))), page)
    domains = list(dict.fromkeys(p["url"].split("/")[2] for p in pages))
    return as_json({"sources": domains, "output": pages})


def _about(rng: random.Random, fact: Fact, subject: str, value: str) -> list[str]:
    """The page of a subject: the fact, others of the same subject, and sentences that say nothing."""
    more = [f for f in FACTS.values() if f.subject == fact.subject and f is not fact]
    told = [filled(phrased(rng, fact.told), {"s": subject, "v": value})]
    for other in rng.sample(more, min(len(more), rng.randint(0, 3))):
        told.append(filled(phrased(rng, other.told), {"s": subject, "v": MAKERS[other.value](rng)}))
    told += rng.sample(FILLER, rng.randint(0, 2))
    rng.shuffle(told)
    return told


def query_of(question: str) -> str:
    return question.rstrip("?. ")


SOURCE = " (Source: {p})"


def _searches(name: str) -> None:
    fact = FACTS[name]

    @family(f"web {name}")
    def make(rng: random.Random) -> Ask:
        said = {"s": MAKERS[fact.subject](rng)}
        said["v"] = MAKERS[fact.value](rng)
        bare = phrased(rng, fact.question)
        page = page_of(rng, said["s"], _about(rng, fact, said["s"], said["v"]))
        results = results_of(rng, page, said["s"], rng.choice((0, 1, 1, 2, 3)))
        answer = filled(phrased(rng, fact.answer) + SOURCE, said | {"p": page["title"]})
        query = query_of(filled(bare, said))
        return Ask(filled(written(rng, bare), said), (Round((Call("search", query, results),)),), answer, no_output=True)

    del make


for _name in FACTS:
    _searches(_name)


@family("web then page")
def search_then_read(rng: random.Random) -> Ask:
    """What was found only names the page; it must be read."""
    fact = rng.choice(list(FACTS.values()))
    said = {"s": MAKERS[fact.subject](rng), "v": MAKERS[fact.value](rng)}
    bare = phrased(rng, fact.question)
    page = page_of(rng, said["s"], [f"All about {said['s']}.", rng.choice(FILLER)])
    results = results_of(rng, page, said["s"], rng.choice((0, 1)))
    text = as_json({"sources": [page["url"].split("/")[2]], "title": page["title"], "output": " ".join(_about(rng, fact, said["s"], said["v"]))})
    answer = filled(phrased(rng, fact.answer) + SOURCE, said | {"p": page["title"]})
    rounds = (Round((Call("search", query_of(filled(bare, said)), results),)), Round((Call("page", page["url"], text),)))
    return Ask(filled(written(rng, bare), said), rounds, answer, no_output=True)


@family("web not found")
def search_without_answer(rng: random.Random) -> Ask:
    fact = rng.choice(list(FACTS.values()))
    said = {"s": MAKERS[fact.subject](rng)}
    bare = phrased(rng, fact.question)
    results = as_json({"status": "success", "note": "Nothing was found; the search engine may also refuse automated queries now. Try other words."})
    if rng.random() < 0.6:
        pages = [_distractor(rng, said["s"]) for _ in range(rng.randint(1, 3))]
        results = as_json({"sources": list(dict.fromkeys(p["url"].split("/")[2] for p in pages)), "output": pages})
    asked = filled(written(rng, bare), said)
    calls = (Round((Call("search", query_of(filled(bare, said)), results),)),)
    return Ask(asked, calls, "I searched the web, but what I found does not answer this.", no_output=True)


@family("read page")
def read_page(rng: random.Random) -> Ask:
    fact = rng.choice(list(FACTS.values()))
    said = {"s": MAKERS[fact.subject](rng), "v": MAKERS[fact.value](rng)}
    page = page_of(rng, said["s"], _about(rng, fact, said["s"], said["v"]))
    said["u"] = page["url"]
    bare = phrased(rng, fact.question)
    form = phrased(rng, "[{q} See {u}|Read {u} and tell me: {q}|According to {u}, {q}|Look at {u}. {q}|{u} - {q}|On the page {u}: {q}]")
    asked = filled(filled(form, {"q": bare}), said)
    text = as_json({"sources": [page["url"].split("/")[2]], "title": page["title"], "output": page["content"]})
    return Ask(asked, (Round((Call("page", page["url"], text),)),), filled(phrased(rng, fact.answer), said), no_output=True)


@family("what page says")
def what_page_says(rng: random.Random) -> Ask:
    fact = rng.choice(list(FACTS.values()))
    said = {"s": MAKERS[fact.subject](rng), "v": MAKERS[fact.value](rng)}
    told = filled(phrased(rng, fact.told), said)
    page = page_of(rng, said["s"], [told, *rng.sample(FILLER, 2)])
    asked = phrased(rng, "[What does {u} say?|Read {u}.|Summarise {u}[ for me|].|What is {u} about?|Open {u}.|Fetch {u} and summarize it.|What is on the page {u}?]")
    text = as_json({"sources": [page["url"].split("/")[2]], "title": page["title"], "output": page["content"]})
    return Ask(filled(written(rng, asked), {"u": page["url"]}), (Round((Call("page", page["url"], text),)),), f"The page says: {told}", no_output=True)


@family("told to search")
def told_to_search(rng: random.Random) -> Ask:
    fact = rng.choice(list(FACTS.values()))
    said = {"s": MAKERS[fact.subject](rng), "v": MAKERS[fact.value](rng)}
    page = page_of(rng, said["s"], [filled(phrased(rng, fact.told), said), *rng.sample(FILLER, rng.randint(0, 2))])
    asked = phrased(rng, "[Search [the web|online|the internet] for {s}.|Google {s}.|Look up {s} [online|on the web|].|Find out about {s}.|What can you find about {s} online?|web search: {s}|Can you look up {s} for me?]")
    results = results_of(rng, page, said["s"], rng.choice((0, 1, 2)))
    answer = f"I found this: {page['content'].split('. ')[0].rstrip('.')}.{SOURCE.replace('{p}', page['title'])}"
    return Ask(filled(written(rng, asked), said), (Round((Call("search", said["s"], results),)),), answer, no_output=True)


@family("page fails")
def page_fails(rng: random.Random) -> Ask:
    url = page_of(rng, _title(rng), [])["url"]
    failed = as_json({"status": "failed", "tool": "mistralrs_website_content_extractor", "error": rng.choice((f"{url}: the server answered 404", f"{url} could not be reached: ConnectError"))})
    asked = phrased(rng, "[What does {u} say?|Read {u}.|Summarise {u}.|Open {u}, please.]")
    return Ask(filled(written(rng, asked), {"u": url}), (Round((Call("page", url, failed),)),), f"I could not read {url}.", no_output=True)
