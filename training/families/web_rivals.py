"""Pages that hold several facts of one kind, of which the question asks for one: it must be read, not the first taken."""

# fmt: off
from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from training.ask import Ask, Call, Round, as_json, family
from training.families.web import FILLER, MAKERS, SOURCE, page_of, query_of, results_of
from training.phrases import filled, phrased, written


@dataclass(frozen=True, slots=True)
class Rivals:
    """Two values of one kind; `{s}` is the subject, `{v}` and `{u}` are the values, `asks` asks for the one or the other."""

    subject: str
    value: str
    told: tuple[str, ...]
    """The sentences of the page: those of `{v}`, those of `{u}`, or both in one."""
    first: tuple[str, str]
    """Question and answer for `{v}`."""
    second: tuple[str, str]


RIVALS: dict[str, Rivals] = {
    "places in a race": Rivals("place", "person", ("[{v} won the {s} Race.|First place in the {s} Race went to {v}.|The {s} Race was won by {v}.]", "[{u} came second.|Second was {u}.|{u} took second place.]"),
                               ("[Who won the {s} Race?|Winner of the {s} Race?|Who was first in the {s} Race?|Who came in first at the {s} Race?|Who took the gold in the {s} Race?]", "[{v} won the {s} Race.|The {s} Race was won by {v}.]"),
                               ("[Who came second in the {s} Race?|Who was the runner-up of the {s} Race?|Second place in the {s} Race?|Who finished right behind the winner of the {s} Race?]", "[{u} came second in the {s} Race.|Second in the {s} Race was {u}.]")),
    "versions": Rivals("product", "version", ("[The latest version of {s} is {v}.|{s} {v} is the newest release.|Version {v} of {s} came out this week.]", "[The version before was {u}.|Version {u} is older and no longer supported.|{u} was the previous release.]"),
                       ("[What is the newest version of {s}?|Latest release of {s}?|Which {s} version is up to date?|What version of {s} should I install to have the newest?|current {s} release?]", "[The latest version of {s} is {v}.|The newest release of {s} is {v}.]"),
                       ("[What was the previous version of {s}?|Which {s} version came before the newest?|Which older version of {s} is mentioned?|Last but one release of {s}?]", "[The previous version of {s} is {u}.|Before, {s} was at {u}.]")),
    "heads": Rivals("company", "person", ("[{s} was founded by {v}.|{v} founded {s}.|The founder of {s} is {v}.]", "[Today it is led by {u}.|{u} is the chief executive now.|Since last year {u} has been its CEO.]"),
                    ("[Who founded {s}?|Who started {s}?|Who set up {s}?|Founder of {s}?|By whom was {s} founded?|Who is behind the founding of {s}?]", "[{s} was founded by {v}.|The founder of {s} is {v}.]"),
                    ("[Who runs {s} today?|Who is the present head of {s}?|Who leads {s} at the moment?|CEO of {s}?|Who is in charge at {s} these days?|Who's the boss of {s}?]", "[{s} is led by {u}.|The head of {s} is {u}.]")),
    "mayors": Rivals("place", "person", ("[{v} is mayor of {s}.|The mayor of {s} is {v}.|{s} is governed by the mayor {v}.]", "[Before that, {u} held the office.|{u} was the mayor before.|The former mayor is {u}.]"),
                     ("[Who is mayor of {s} now?|The present mayor of {s}?|Who heads the town hall of {s}?|Who currently governs {s}?|{s}: who is mayor?]", "The mayor of {s} is {v}."),
                     ("[Who was mayor of {s} before?|The former mayor of {s}?|Who held the office of mayor in {s} previously?|Who was the last mayor of {s} before the present one?]", "Before, {u} was mayor of {s}.")),
    "length and width": Rivals("title", "number", ("[{s} is {v} metres long.|{s} has a length of {v} metres.]", "[It is {u} metres wide.|Its width is {u} metres.|The width is {u} metres.]"),
                               ("[How long is {s}?|What length has {s}?|Length of {s} in metres?|From end to end, how many metres does {s} measure?]", "{s} is {v} metres long."),
                               ("[How wide is {s}?|What width has {s}?|Width of {s} in metres?|How broad is {s}?]", "{s} is {u} metres wide.")),
    "height and depth": Rivals("title", "number", ("[{s} is {v} metres high.|{s} rises {v} metres.]", "[Its foundations are {u} metres deep.|Below ground it reaches {u} metres.]"),
                               ("[How high is {s}?|What is the height of {s}?|How many metres does {s} rise?|How tall is {s}?]", "{s} is {v} metres high."),
                               ("[How deep are the foundations of {s}?|How far down does {s} reach?|What is the depth of the foundations of {s}?]", "The foundations of {s} are {u} metres deep.")),
    "built and restored": Rivals("title", "year", ("[{s} was built in {v}.|{s} was put up in {v}.|Construction of {s} ended in {v}.]", "[It was restored in {u}.|After a fire it was renovated in {u}.|The restoration followed in {u}.]"),
                                 ("[When was {s} built?|In which year was {s} put up?|Year of construction of {s}?|{s} was built in what year?|Since when does {s} stand?]", "{s} was built in {v}."),
                                 ("[When was {s} restored?|In which year was {s} renovated?|When did they restore {s}?|Year of the restoration of {s}?]", "{s} was restored in {u}.")),
    "life": Rivals("person", "year", ("[{s} was born in {v}.|{s}, born in {v}, was a painter.|{s} came into the world in {v}.]", "[Death came in {u}.|The painter died in {u}.|In {u} the artist died.]"),
                   ("[In what year was {s} born?|Birth year of {s}?|When did the life of {s} begin?|{s} was born when?|What is the year of birth of {s}?]", "{s} was born in {v}."),
                   ("[In what year did {s} die?|Year of death of {s}?|When did {s} pass away?|Until when did {s} live?]", "{s} died in {u}.")),
    "words and music": Rivals("title", "person", ("[The music of {s} was written by {v}.|{v} composed {s}.|{s} was set to music by {v}.]", "[The words are by {u}.|{u} wrote the lyrics.|The text is by {u}.]"),
                              ("[Who composed {s}?|Who is the composer of {s}?|Whose music is {s}?|By whom is the music of {s}?]", "{s} was composed by {v}."),
                              ("[Who wrote the lyrics of {s}?|Whose words are sung in {s}?|Who is the lyricist of {s}?|By whom are the words of {s}?]", "The words of {s} are by {u}.")),
    "director and star": Rivals("title", "person", ("[The film {s} was directed by {v}.|{v} made the film {s}.|{s} is a film of the director {v}.]", "[{u} plays the lead.|The main part is played by {u}.|It stars {u}.]"),
                                ("[Who directed {s}?|Whose film is {s}?|Director of {s}?|Who was behind the camera for {s}?]", "{s} was directed by {v}."),
                                ("[Who stars in {s}?|Who plays the lead in {s}?|Who is the main actor of {s}?|Leading role in {s}?]", "{u} plays the lead in {s}.")),
    "author and translator": Rivals("title", "person", ("[{s} was written by {v}.|The novel {s} is by {v}.|{v} wrote {s}.]", "[It was translated by {u}.|{u} translated it.|The translation is by {u}.]"),
                                    ("[Who wrote {s}?|By whom is {s}?|Author of {s}?|Whose novel is {s}?|Which writer gave us {s}?]", "{s} was written by {v}."),
                                    ("[Who translated {s}?|Who is the translator of {s}?|By whom is the translation of {s}?|Whose translation of {s} is it?]", "{s} was translated by {u}.")),
    "city and country side": Rivals("company", "place", ("[{s} has its headquarters in {v}.|The head office of {s} is in {v}.|{s} is based in {v}.]", "[Its factory is in {u}.|Everything is made in {u}.|The works are in {u}.]"),
                                    ("[Where is {s} based?|Where is the head office of {s}?|In which town are the headquarters of {s}?|Home town of {s}?]", "{s} is based in {v}."),
                                    ("[Where is the factory of {s}?|Where does {s} make its goods?|In which town does {s} produce?|Where are the works of {s}?]", "The factory of {s} is in {u}.")),
    "prices": Rivals("product", "money", ("[{s} costs {v} for adults.|Adults pay {v} for {s}.]", "[Students pay {u}.|For students it is {u}.]"),
                     ("[What do adults pay for {s}?|How much is {s} for adults?|Adult price of {s}?|What does {s} cost an adult?]", "For adults {s} costs {v}."),
                     ("[What do students pay for {s}?|How much is {s} for students?|Student price of {s}?|What does {s} cost a student?]", "For students {s} costs {u}.")),
    "old and new price": Rivals("product", "money", ("[{s} now costs {v}.|The price of {s} is {v} today.|Today {s} sells for {v}.]", "[It used to be {u}.|Last year it was {u}.|The old price was {u}.]"),
                                ("[What does {s} cost now?|Today's price of {s}?|How much do I pay for {s} today?|Present price of {s}?]", "{s} costs {v}."),
                                ("[What did {s} cost before?|Old price of {s}?|How much was {s} formerly?|What did people use to pay for {s}?]", "{s} used to cost {u}.")),
    "people then and now": Rivals("place", "number", ("[{s} has {v} inhabitants.|{v} people live in {s} today.|The population of {s} is {v}.]", "[A century ago there were {u}.|Once it had {u}.|In the old census it was {u}.]"),
                                  ("[How many people live in {s} today?|Population of {s} now?|How big is {s} by number of people?|Number of inhabitants of {s} at present?]", "{s} has {v} inhabitants."),
                                  ("[How many people lived in {s} a century ago?|What was the population of {s} long ago?|How many inhabitants did {s} once have?]", "{s} once had {u} inhabitants.")),
    "opening and closing": Rivals("place", "day", ("[The {s} Exhibition opens on {v}.|The {s} Exhibition starts on {v}.]", "[It closes on {u}.|The last day is {u}.|It ends on {u}.]"),
                                  ("[When does the {s} Exhibition open?|First day of the {s} Exhibition?|On which date does the {s} Exhibition start?|From when on can I visit the {s} Exhibition?]", "The {s} Exhibition opens on {v}."),
                                  ("[When does the {s} Exhibition close?|Last day of the {s} Exhibition?|Until when is the {s} Exhibition on?|On which date does the {s} Exhibition end?]", "The {s} Exhibition ends on {u}.")),
    "weather days": Rivals("place", "weather", ("[Today it is {v} in {s}.|{s} today: {v}.]", "[Tomorrow it will be {u}.|For tomorrow {u} is expected.|Tomorrow: {u}.]"),
                           ("[What is it like outside in {s} today?|Weather today in {s}?|How is today's weather in {s}?|What kind of day is it in {s}, weather-wise?]", "Today it is {v} in {s}."),
                           ("[What will the weather be in {s} tomorrow?|Weather tomorrow in {s}?|Forecast for {s} tomorrow?|How will tomorrow be in {s}, sunny or not?]", "Tomorrow it will be {u} in {s}.")),
    "games": Rivals("place", "score", ("[The first game of {s} ended {v}.|{s} played {v} in the first game.]", "[The second ended {u}.|In the second it was {u}.]"),
                    ("[How did the first game of {s} end?|Score of {s} in the first game?|Result of the first {s} match?]", "The first game of {s} ended {v}."),
                    ("[How did the second game of {s} end?|Score of {s} in the second game?|Result of the second {s} match?]", "The second game of {s} ended {u}.")),
}  # fmt: skip


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
ORDERS: dict[str, Callable[[str], tuple[int, ...]]] = {
    "year": lambda text: (int(text),),
    "version": lambda text: tuple(map(int, text.split("."))),
    "day": lambda text: (int(text.split()[2]), MONTHS.index(text.split()[1]), int(text.split()[0])),
}
"""What was first is earlier, and what is newest is higher."""


def _made(rng: random.Random, rivals: Rivals) -> tuple[dict[str, str], str, str, list[str]]:
    """The values, a question, its answer, and the page, which tells both facts."""
    said = {"s": MAKERS[rivals.subject](rng), "v": MAKERS[rivals.value](rng), "u": MAKERS[rivals.value](rng)}
    while said["u"] == said["v"]:
        said["u"] = MAKERS[rivals.value](rng)
    if rivals.value in ORDERS:
        said["v"], said["u"] = sorted((said["v"], said["u"]), key=ORDERS[rivals.value], reverse=rivals.value == "version")
    question, answer = rng.choice((rivals.first, rivals.second))
    told = [filled(phrased(rng, sentence), said) for sentence in rivals.told]
    sentences = [*rng.sample(FILLER, rng.choice((0, 0, 1))), *told, *rng.sample(FILLER, rng.randint(0, 2))]
    if rng.random() < 0.3:
        sentences.insert(0, f"All about {said['s']}.")
    return said, phrased(rng, question), phrased(rng, answer), sentences


def _family(name: str) -> None:
    rivals = RIVALS[name]

    @family(f"web {name}")
    def make(rng: random.Random) -> Ask:
        said, bare, answer, sentences = _made(rng, rivals)
        page = page_of(rng, said["s"], sentences)
        results = results_of(rng, page, said["s"], rng.choice((0, 1, 1, 2)))
        call = Call("search", query_of(filled(bare, said)), results)
        return Ask(filled(written(rng, bare), said), (Round((call,)),), filled(answer + SOURCE, said | {"p": page["title"]}), no_output=True)

    del make


for _name in RIVALS:
    _family(_name)


@family("read one of two")
def read_one_of_two(rng: random.Random) -> Ask:
    """The address is given; the page holds two facts of a kind."""
    said, bare, answer, sentences = _made(rng, rng.choice(list(RIVALS.values())))
    page = page_of(rng, said["s"], sentences)
    said["u_"] = page["url"]
    form = phrased(rng, "[{q} Look here: {u_}|Open {u_} and answer: {q}|The page {u_} should tell: {q}|{q} It is on {u_}|Use {u_}. {q}|{q} ({u_})]")
    text = as_json({"sources": [page["url"].split("/")[2]], "title": page["title"], "output": page["content"]})
    return Ask(filled(filled(form, {"q": bare}), said), (Round((Call("page", page["url"], text),)),), filled(answer, said), no_output=True)


@family("search then one of two")
def search_then_one_of_two(rng: random.Random) -> Ask:
    said, bare, answer, sentences = _made(rng, rng.choice(list(RIVALS.values())))
    page = page_of(rng, said["s"], [f"All about {said['s']}.", rng.choice(FILLER)])
    text = as_json({"sources": [page["url"].split("/")[2]], "title": page["title"], "output": " ".join(sentences)})
    rounds = (
        Round((Call("search", query_of(filled(bare, said)), results_of(rng, page, said["s"], rng.choice((0, 1)))),)),
        Round((Call("page", page["url"], text),)),
    )
    return Ask(filled(written(rng, bare), said), rounds, filled(answer + SOURCE, said | {"p": page["title"]}), no_output=True)
