"""Callers' tools that are made up on the spot: a pattern, a thing it is about, words nobody has seen together.

No two are alike, so that which tool fits must be read from the list, and what goes into a call from the request.
"""

# fmt: off
from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.ask import Ask, Call, Round, as_json, family
from training.families.foreign import INTEGER, NUMBER, STRING, choice
from training.phrases import filled, phrased, written
from training.vocabulary import any_code, any_name, any_text, any_title, any_word

DEVICES = ["fan", "sprinkler", "oven", "radio", "heater", "shutter", "gate", "pump", "projector", "kettle", "washing machine", "dishwasher", "freezer", "lawn mower", "fountain", "telescope", "drone", "printer", "siren", "lift", "crane", "boiler", "conveyor", "aquarium filter", "sauna", "humidifier", "air conditioner", "garage door", "fireplace", "curtains", "television", "speaker", "charger", "robot arm", "mixer", "toaster", "treadmill", "greenhouse roof", "pool cover", "awning"]
ROOMS = ["attic", "cellar", "porch", "study", "barn", "workshop", "lobby", "gym", "pantry", "balcony", "guest room", "dining room", "west wing", "laboratory", "warehouse", "classroom", "terrace", "corridor", "gallery", "canteen", "stable", "shed", "reception", "server room", "meeting room"]
ITEMS = ["chair", "battery", "helmet", "bottle", "shirt", "screw", "lamp", "bike", "book", "tent", "blanket", "tyre", "camera", "pencil", "mug", "carpet", "seed packet", "filter", "cable", "brush", "ladder", "towel", "candle", "basket", "radiator", "shovel", "pillow", "stamp", "medal", "plate", "umbrella", "boot", "glove", "drum", "violin"]
MEASURES = ["humidity", "air pressure", "water level", "noise level", "pollen count", "snow depth", "wave height", "wind speed", "air quality", "soil moisture", "radiation", "water temperature", "traffic", "visibility", "rainfall", "power use", "queue length", "occupancy", "rent", "fuel price", "crime rate", "tax rate", "unemployment rate", "literacy rate", "tide"]
RECORDS = ["invoice", "shipment", "membership", "reservation", "claim", "contract", "application", "repair", "sample", "licence", "subscription", "container", "voucher", "loan", "policy", "refund", "visa", "case", "delivery", "order line", "warranty", "permit", "appointment", "export", "backup"]
LOST = ["suitcase", "van", "tractor", "cat", "cow", "boat", "glider", "tablet", "keys", "trailer", "wallet", "horse", "satellite", "bicycle", "camera bag", "scooter", "yacht", "backpack"]
FACTS = ["birthday", "office", "desk number", "manager", "shoe size", "email address", "room", "team", "start date", "favourite dish", "blood type", "student number", "hometown", "job title", "timetable", "locker", "nickname", "allergy"]
GROUPS = ["guest list", "playlist", "reading list", "watch list", "packing list", "menu", "agenda", "queue", "wish list", "blocklist", "inventory", "mailing list", "catalogue", "schedule", "collection", "scoreboard"]
DEEDS = ["press-ups", "pages", "kilometres", "glasses of water", "laps", "calories", "steps", "hours of sleep", "cigarettes", "pills", "minutes of yoga", "cups of tea", "bird sightings", "chapters", "rows of knitting"]
OPEN = ["bakery", "museum", "pharmacy", "pool", "market", "cinema", "zoo", "post office", "gym", "garage", "bank", "castle", "café", "theatre", "clinic", "bookshop", "ferry office", "station"]
STATES = ["delayed", "approved", "in transit", "on hold", "closed", "waiting for payment", "ready", "rejected", "under review", "packed", "lost", "expired", "active", "cancelled", "at the border", "almost finished"]
WHERE = ["behind the shed", "in the harbour", "near the bridge", "at the station", "in the second hall", "on the hill", "by the lake", "at the north gate", "in Lane 4", "under the stairs", "at the mill", "in the car park"]

Said = Callable[[random.Random], tuple[str, Any]]
Result = Callable[[random.Random, Mapping[str, Any]], tuple[str, str]]


def _same(make: Callable[[random.Random], str]) -> Said:
    def said(r: random.Random) -> tuple[str, Any]:
        text = make(r)
        return text, text

    return said


def _quoted(make: Callable[[random.Random], str]) -> Said:
    """At times in quotes, which the call leaves out."""

    def said(r: random.Random) -> tuple[str, Any]:
        text = make(r)
        return r.choice((text, f"'{text}'", f'"{text}"')), text

    return said


def _count(low: int, high: int) -> Said:
    def said(r: random.Random) -> tuple[str, Any]:
        number = r.randint(low, high)
        return str(number), number

    return said


def _of(*values: str) -> Said:
    return _same(lambda r: r.choice(values))


def _clock(r: random.Random) -> str:
    return f"{r.randint(0, 23)}:{r.choice((0, 5, 10, 15, 20, 30, 40, 45, 50, 55)):02}"


def _any_value(r: random.Random) -> Any:
    return r.choice((r.randint(1, 20), r.randint(10, 999), round(r.uniform(0, 100), 1), round(r.uniform(0, 2000), 2)))


def _title_or_name(r: random.Random) -> str:
    return any_title(r) if r.random() < 0.5 else any_name(r)


def _person(r: random.Random) -> str:
    return any_name(r) if r.random() < 0.6 else f"{any_name(r)} {any_name(r)}"


def _done(answer: str) -> Result:
    def result(r: random.Random, arguments: Mapping[str, Any]) -> tuple[str, str]:
        content = r.choice(('{"ok": true}', '{"status": "done"}', "ok", "done", '{"success": true}', '{"status":"started"}', '{"result": "ok"}', '{"accepted": true}', "accepted"))
        return content, filled(phrased(r, answer), arguments)

    return result


def _found(answer: str, **fields: Callable[[random.Random], Any]) -> Result:
    def result(r: random.Random, arguments: Mapping[str, Any]) -> tuple[str, str]:
        values = {name: make(r) for name, make in fields.items()}
        more = {r.choice(("unit", "source", "updated", "checked")): r.choice(("today", "station 4", "auto", "new"))} if r.random() < 0.25 else {}
        return as_json({**values, **more}), filled(phrased(r, answer), {**arguments, **values})

    return result


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of tool; `{t}` is the thing it is about, `{s}` the same as a name in code."""

    things: list[str]
    names: str
    description: str
    schema: Mapping[str, Mapping[str, Any]]
    ask: str
    make: Mapping[str, Said]
    result: Result
    doing: str = ""


PLEASE = "[Please |Could you |Can you |I want you to |]"
PATTERNS: dict[str, Pattern] = {
    "switch": Pattern(DEVICES, "set_{s}|{s}_switch|{s}_power|control_{s}|toggle_{s}", "[Switch|Turn] the {t} [of a room |]on or off", {"room": STRING, "state": choice("on", "off")},
        f"[{PLEASE}[switch|turn] {{state}} the {{t}} in the {{room}}.|{PLEASE}[switch|turn] the {{room}} {{t}} {{state}}.|{{room}} {{t}} {{state}}|The {{t}} in the {{room}} should be {{state}}.|Get the {{t}} {{state}} in the {{room}}.]",
        {"room": _of(*ROOMS), "state": _of("on", "off")}, _done("[The {t} in the {room} is {state}.|I switched the {room} {t} {state}.]"), "control the {t}"),
    "level": Pattern(DEVICES, "{s}_level|set_{s}_level|adjust_{s}|{s}_setting|{s}", "[Set|Adjust] [how strong|the level of] the {t}", {"level": INTEGER},
        f"[{PLEASE}[set|put|bring] the {{t}} to [level |]{{level}}.|{{t}} [to|at] {{level}}|I want the {{t}} at {{level}}.|Change the {{t}} to {{level}}.]", {"level": _count(1, 100)}, _done("The {t} is set to {level}."), "control the {t}"),
    "run": Pattern(DEVICES, "run_{s}|start_{s}|{s}_timer|{s}_run", "[Run|Start] the {t} for some minutes", {"place": STRING, "minutes": INTEGER},
        f"[{PLEASE}[run|start] the {{t}} in the {{place}} for {{minutes}} [minutes|min].|{{minutes}} minutes of the {{t}} in the {{place}}, please.|Let the {{place}} {{t}} run for {{minutes}} minutes.|The {{t}} in the {{place}} should run {{minutes}} minutes.]",
        {"place": _of(*ROOMS), "minutes": _count(2, 90)}, _done("[The {t} in the {place} runs for {minutes} minutes.|I started the {t} in the {place} for {minutes} minutes.]"), "run the {t}"),
    "move": Pattern(DEVICES, "move_{s}|{s}_position|{s}_move|shift_{s}", "Move the {t} of a room", {"room": STRING, "direction": choice("up", "down", "left", "right")},
        f"[{PLEASE}[move|bring] the {{t}} [in|of] the {{room}} {{direction}}.|{{room}}: {{t}} {{direction}}|The {{room}} {{t}} has to go {{direction}}.]", {"room": _of(*ROOMS), "direction": _of("up", "down", "left", "right")}, _done("The {t} in the {room} went {direction}."), "move the {t}"),
    "make": Pattern(["juice maker", "soup machine", "ice maker", "popcorn machine", "vending machine", "bread maker", "smoothie bar", "waffle iron", "tea maker", "3D printer"], "{s}|start_{s}|{s}_order|use_{s}", "[Let the {t} make something|Orders at the {t}]", {"kind": STRING, "amount": INTEGER},
        "[[Make|Prepare] {amount} portions of {kind} with the {t}.|I'd like {amount} {kind} from the {t}.|{t}: {amount} times {kind}, please.|Have the {t} make {amount} {kind}.]", {"kind": _same(any_word), "amount": _count(1, 9)}, _done("[The {t} is making {amount} {kind}.|{amount} {kind} will be ready soon.]"), "use a {t}"),
    "state": Pattern(RECORDS, "{s}_status|{s}_state|get_{s}|check_{s}|{s}_lookup|lookup_{s}", "[Status|State] of a {t}[ by its number|]", {"id": STRING},
        "[What is the [status|state] of {t} {id}?|How is {t} {id} doing?|Check {t} {id}.|Is {t} {id} done [yet|]?|Any news about {t} {id}?|What happened to {t} {id}?|{t} {id}: how far is it?]", {"id": _same(any_code)}, _found("[{t} {id} is {state}.|The {t} {id} is {state}.]", state=lambda r: r.choice(STATES)), "look up a {t}"),
    "where": Pattern(LOST, "locate_{s}|find_{s}|{s}_locator|{s}_position|{s}_gps|where_is_{s}", "[Where the {t} is|Finds the {t}|Position of the {t}]", {},
        "[Where [is|are] [my|the|our] {t}?|Find [my|the|our] {t}.|I can't find [my|the|our] {t}.|Locate the {t}.|Can you see where the {t} is?]", {}, _found("[The {t} is {place}.|Your {t}: {place}.|I found the {t} {place}.]", place=lambda r: r.choice(WHERE)), "find the {t}"),
    "where whose": Pattern([*LOST, *RECORDS[:8]], "locate_{s}|find_{s}|track_{s}|{s}_tracking|{s}_position", "Where a {t} is [now|at present|]", {"id": STRING},
        "[Where is {t} {id} [now|right now|]?|Locate {t} {id}.|Track {t} {id}.|In which place is {t} {id}?|Show me the position of {t} {id}.]", {"id": _same(any_code)}, _found("{t} {id} is {location}.", location=lambda r: r.choice((*WHERE, f"in {any_name(r)}", "with customs officers", "in the depot"))), "track a {t}"),
    "measure": Pattern(MEASURES, "get_{s}|{s}|current_{s}|{s}_of|read_{s}", "[Current {t} [of|at] a place|The {t} somewhere]", {"place": STRING},
        "[What is the {t} in {place}?|How [high|strong|large|big] is the {t} in {place}[ now| today|]?|{t} {place}?|Tell me the {t} for {place}.|Give me {place}'s {t}.|I need the {t} at {place}.|Current {t} of {place}?]", {"place": _same(_title_or_name)}, _found("[The {t} in {place} is {value}.|In {place} the {t} is {value}.]", value=_any_value)),
    "stock": Pattern(ITEMS, "{s}_stock|count_{s}s|{s}s_left|stock_of_{s}s|{s}_inventory", "How many {t}s a [store|branch|depot] has", {"store": STRING},
        "[How many {t}s [are left|do they have|are there] in {store}?|Number of {t}s in {store}?|Does {store} still have {t}s?|Check the {t}s in {store}.]", {"store": _same(_title_or_name)}, _found("[There are {count} {t}s in {store}.|{store} has {count} {t}s.]", count=lambda r: r.randint(0, 400))),
    "price": Pattern(ITEMS, "{s}_price|price_of_{s}s|quote_{s}s|{s}_cost|{s}_offer", "What {t}s cost at a shop", {"shop": STRING, "count": INTEGER},
        "[[What|How much] [are|is it for] {count} {t}s at {shop}?|What do {count} {t}s cost at {shop}?|{count} {t}s from {shop}: what do I pay?|I want {count} {t}s from {shop}, how much is that?]", {"shop": _same(_title_or_name), "count": _count(2, 60)}, _found("[{count} {t}s cost {total} at {shop}.|That is {total} for {count} {t}s.]", total=_any_value)),
    "has": Pattern(["museum", "shop", "archive", "gallery", "video store", "record shop", "collection", "depot", "map room", "seed bank", "toy store", "game shop"], "search_{s}|{s}_search|{s}_has|ask_{s}|{s}_catalogue", "Whether the {t} has [a title|something]", {"title": STRING},
        "[Does the {t} have {title}?|Is {title} in the {t}?|Look for {title} in the {t}.|Can I get {title} at the {t}?|Has the {t} got the [item|work] {title}?]", {"title": _quoted(any_title)},
        lambda r, a: (lambda shelf, there: (as_json({"available": there, "place": shelf} if there else {"available": False}), filled("Yes, the {t} has {title}; it is at " + shelf + "." if there else "No, the {t} does not have {title}.", a)))(any_code(r), r.random() < 0.7)),
    "log": Pattern(DEEDS, "log_{s}|add_{s}|record_{s}|{s}_diary|track_{s}", "[Write down|Record|Log] {t}", {"number": NUMBER, "day": STRING},
        "[[Log|Record|Write down|Note] {number} {t} for {day}.|I did {number} {t} on {day}, write that down.|{day}: {number} {t}|Add {number} {t} on {day}.|Keep in mind that {day} was {number} {t}.]", {"number": _count(1, 90), "day": _of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "yesterday")}, _done("[I recorded {number} {t} for {day}.|{number} {t} for {day} are written down.]"), "keep a diary of {t}"),
    "spend": Pattern(["donation", "payment", "fee", "fine", "bill", "income", "purchase", "withdrawal", "saving", "budget entry"], "record_{s}|add_{s}|log_{s}|{s}_entry|book_{s}", "[Enter|Record|Book] a {t}", {"sum": NUMBER, "about": STRING},
        "[[Enter|Book|Record] a {t} of {sum} for {about}.|{t}: {sum}, {about}|There was a {t} of {sum} for {about}, keep it.|I had a {t} of {sum} because of {about}, enter it.]", {"sum": _count(2, 900), "about": _same(any_word)}, _done("[The {t} of {sum} for {about} is entered.|I recorded {sum} for {about}.]"), "keep your books"),
    "append": Pattern(GROUPS, "add_to_{s}|{s}_add|extend_{s}|put_on_{s}|{s}", "Put something on the {t}", {"entry": STRING},
        "[[Add|Put] {entry} [to|on] the {t}.|{entry} belongs on the {t}.|The {t} needs {entry}.|Write {entry} on the {t}.]", {"entry": _quoted(_title_or_name)}, _done("[{entry} is on the {t} now.|I put {entry} on the {t}.]"), "change the {t}"),
    "drop": Pattern(GROUPS, "remove_from_{s}|{s}_remove|delete_from_{s}|take_off_{s}", "Take something off the {t}", {"entry": STRING},
        "[[Remove|Delete] {entry} from the {t}.|Take {entry} off the {t}.|{entry} should not be on the {t} any more.]", {"entry": _quoted(_title_or_name)}, _done("[{entry} is off the {t}.|I removed {entry} from the {t}.]"), "change the {t}"),
    "person": Pattern(FACTS, "{s}_of|get_{s}|{s}|find_{s}|person_{s}", "The {t} of a [person|colleague|member]", {"person": STRING},
        "[What is the {t} of {person}?|What is {person}'s {t}?|Tell me {person}'s {t}.|{t} of {person}?|Look up the {t} of {person}.|Do you have {person}'s {t}?]", {"person": _same(_person)}, _found("[{person}'s {t} is {value}.|The {t} of {person} is {value}.]", value=lambda r: r.choice((any_code(r), any_title(r), any_word(r), str(r.randint(2, 90))))), "look up people"),
    "hours": Pattern(OPEN, "{s}_hours|{s}_opening|when_{s}|{s}_times|open_{s}", "Opening hours of a {t}", {"name": STRING, "day": STRING},
        "[When does the {t} {name} open on {day}?|Is the {t} {name} open on {day}?|{day} hours of the {t} {name}?|At what time can I go to the {t} {name} on {day}?]", {"name": _same(any_name), "day": _of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}, _found("[The {t} {name} opens at {opens} on {day}.|On {day} it opens at {opens}.]", opens=_clock)),
    "next": Pattern(["tram", "ferry", "shuttle", "cable car", "lesson", "feeding", "tour", "show", "match", "high tide", "pickup", "delivery round", "lecture", "service"], "next_{s}|{s}_times|{s}_schedule|when_{s}|{s}_departures", "When the next {t} is", {"at": STRING},
        "[When is the next {t} at {at}?|Next {t} from {at}?|At what time is the {t} at {at}?|How long until the {t} at {at}?|{t} times for {at}]", {"at": _same(_title_or_name)}, _found("[The next {t} at {at} is at {time}.|At {at} the next {t} is at {time}.]", time=_clock)),
    "between": Pattern(["shipping cost", "fare", "toll", "phone rate", "transfer fee", "time difference", "exchange fee", "customs duty", "freight rate", "sailing time"], "{s}|get_{s}|{s}_between|lookup_{s}", "The {t} between two [places|codes]", {"source": STRING, "target": STRING},
        "[What is the {t} from {source} to {target}?|{t} {source} to {target}?|How high is the {t} between {source} and {target}?|Give me the {t} from {source} to {target}.]", {"source": _same(lambda r: r.choice((any_name(r), any_name(r), any_code(r)))), "target": _same(any_name)}, _found("[The {t} from {source} to {target} is {value}.|From {source} to {target} it is {value}.]", value=_any_value)),
    "rename": Pattern(["folder", "album", "channel", "layer", "column", "branch", "project", "sheet", "device", "group", "profile", "station"], "rename_{s}|{s}_rename|change_{s}_name|retitle_{s}", "Give a {t} another name", {"old": STRING, "new": STRING},
        "[{PLEASE}[rename|retitle] the {t} {old} [to|as] {new}.|The {t} {old} should be called {new}.|Call the {t} {old} {new} from now on.|Give the {t} {old} the new name {new}.]".replace("{PLEASE}", PLEASE), {"old": _quoted(any_word), "new": _quoted(any_word)}, _done("[The {t} {old} is now {new}.|I renamed {old} to {new}.]"), "rename a {t}"),
    "say": Pattern(["notice board", "team chat", "radio channel", "loudspeaker", "group chat", "pager", "news ticker", "door display", "forum", "intercom", "fax", "guest book"], "post_to_{s}|{s}_post|announce_{s}|write_to_{s}|{s}_message|send_{s}", "[Put a text on|Say something over|Send a text to] the {t}", {"message": STRING},
        "[[Put|Write] {message} on the {t}.|Send {message} to the {t}.|{t}: {message}|The {t} should say {message}.|Announce {message} over the {t}.]", {"message": _quoted(any_text)}, _done("[{message} is on the {t}.|I sent this to the {t}: {message}]"), "write to the {t}"),
    "give": Pattern(["task", "shift", "desk", "parking space", "badge", "key card", "locker", "ticket", "project", "seat", "mentor", "laptop"], "assign_{s}|give_{s}|{s}_assign|set_{s}", "Give a {t} to a person", {"id": STRING, "person": STRING},
        "[[Give|Assign] {t} {id} to {person}.|{person} gets {t} {id}.|{t} {id} is for {person} now.|Let {person} have {t} {id}.]", {"id": _same(any_code), "person": _same(_person)}, _done("[{person} has {t} {id} now.|I gave {t} {id} to {person}.]"), "assign a {t}"),
    "rate": Pattern(["film", "hotel", "recipe", "driver", "song", "course", "app", "meal", "wine", "guide", "podcast", "seller"], "rate_{s}|{s}_rating|review_{s}|score_{s}", "Rate a {t} with stars", {"id": STRING, "stars": INTEGER},
        "[Rate the {t} {id} with {stars} stars.|{stars} stars for the {t} {id}.|Give the {t} {id} {stars} stars.|The {t} {id} deserves {stars} stars.]", {"id": _quoted(any_title), "stars": _count(1, 5)}, _done("[I rated {id} with {stars} stars.|{id} has {stars} stars from you.]"), "rate a {t}"),
    "at": Pattern(["feeder", "wake-up call", "backup", "watering", "alarm bell", "newsletter", "recording", "gate check", "night light", "update", "test run", "sync"], "schedule_{s}|{s}_at|plan_{s}|set_{s}_time", "Set when the {t} takes place", {"time": STRING, "target": STRING},
        "[Schedule the {t} of {target} for {time}.|Plan the {t} for {target} at {time}.|The {t} of {target} should be at {time}.|{t} for {target}: {time}]", {"time": _same(_clock), "target": _same(_title_or_name)}, _done("[The {t} of {target} is planned for {time}.|{target} has its {t} at {time}.]"), "schedule things"),
    "code means": Pattern(["error code", "hazard code", "airport code", "post code", "part number", "colour code", "product key", "dialling code", "plant label", "course number"], "{s}|explain_{s}|lookup_{s}|decode_{s}|{s}_meaning", "What a {t} stands for", {"code": STRING},
        "[What does {t} {code} mean?|Which one is {t} {code}?|Explain {t} {code}.|What is behind {t} {code}?|{t} {code}?]", {"code": _same(any_code)}, _found("[{t} {code} means {meaning}.|{code} stands for {meaning}.]", meaning=lambda r: r.choice((any_text(r), any_title(r))))),
    "who": Pattern(["room", "boat", "table", "studio", "court", "office", "shift", "garage", "slot", "bench", "kitchen", "lab"], "who_has_{s}|{s}_user|{s}_booking|{s}_owner", "Who has a {t} on a day", {"number": INTEGER, "day": STRING},
        "[Who has {t} {number} on {day}?|Is {t} {number} taken on {day}?|{t} {number} on {day}: who is it?|Whose is {t} {number} on {day}?]", {"number": _count(1, 60), "day": _of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "tomorrow")}, _found("[{person} has {t} {number} on {day}.|{t} {number} is taken by {person}.]", person=_person), "see bookings"),
}  # fmt: skip


PARAMETERS = {
    "id": "{s}|{s}_id|id|number|code|reference|{s}_number", "room": "room|zone|area|location|where", "place": "place|city|location|where|area|site",
    "state": "state|mode|status|setting", "level": "level|value|percent|strength", "minutes": "minutes|duration|mins|minutes_long", "direction": "direction|way|to",
    "kind": "kind|type|item|what", "amount": "amount|count|portions|quantity", "count": "count|quantity|amount|n|pieces", "shop": "shop|store|seller|at",
    "store": "store|branch|shop|where", "title": "title|name|query|item", "number": "number|amount|value|count", "day": "day|date|when|weekday", "sum": "sum|amount|value|price",
    "about": "about|purpose|reason|category|note", "entry": "entry|item|name|what", "person": "person|name|who|employee|member", "name": "name|place|which|{s}", "at": "at|stop|place|station|where",
    "source": "source|from|origin|start|base", "target": "target|to|destination|end", "old": "old|from|name|old_name|current", "new": "new|to|new_name|title",
    "message": "message|text|content|body", "stars": "stars|rating|score|points", "time": "time|at|when|clock", "code": "code|{s}|id|key",
}  # fmt: skip
"""What a tool calls an argument, whatever the request is about."""
OPTIONAL: dict[str, Mapping[str, Any]] = {
    "language": STRING, "unit": choice("metric", "imperial"), "verbose": {"type": "boolean"}, "limit": INTEGER, "comment": STRING, "format": choice("short", "long"),
}
"""What tools take besides, and nobody asks for."""


def _tool(pattern: Pattern, about: Mapping[str, str], rng: random.Random) -> tuple[dict[str, Any], dict[str, str]]:
    """A tool of that pattern, as a function in OpenAI's shape, and what it calls the arguments."""
    parameters = {slot: filled(rng.choice(PARAMETERS[slot].split("|")), about) for slot in pattern.schema}
    if len(set(parameters.values())) < len(parameters):
        parameters = {slot: slot for slot in parameters}
    name = filled(rng.choice(pattern.names.split("|")), about)
    description = filled(phrased(rng, pattern.description), about)
    properties = {parameters[slot]: dict(spec) for slot, spec in pattern.schema.items()}
    besides = {key: dict(OPTIONAL[key]) for key in rng.sample(list(OPTIONAL), 1) if rng.random() < 0.2}
    return {
        "name": name if rng.random() < 0.8 else _camel(name),
        "description": description[:1].upper() + description[1:],
        "parameters": {"type": "object", "properties": properties | besides, "required": list(properties)},
    }, parameters


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _drawn(pattern: Pattern, rng: random.Random) -> tuple[dict[str, str], dict[str, tuple[str, Any]]]:
    """What it is about, and what is said and meant in each slot."""
    thing = any_word(rng) if rng.random() < 0.1 else rng.choice(pattern.things)
    about = {"t": thing, "s": thing.lower().replace(" ", "_").replace("-", "_")}
    return about, {slot: make(rng) for slot, make in pattern.make.items()}


def _asked(pattern: Pattern, about: Mapping[str, str], drawn: Mapping[str, tuple[str, Any]], rng: random.Random) -> str:
    return filled(written(rng, phrased(rng, pattern.ask)), {**about, **{slot: said for slot, (said, _) in drawn.items()}})


def _made(key: str) -> None:
    pattern = PATTERNS[key]

    @family(f"own new {key}")
    def make(rng: random.Random) -> Ask:
        about, drawn = _drawn(pattern, rng)
        tool, parameters = _tool(pattern, about, rng)
        meant = {slot: value for slot, (_, value) in drawn.items()}
        result, answer = pattern.result(rng, {**about, **meant})
        answer = filled(answer, about)
        call = Call("own", "", result, tool["name"], {parameters[slot]: value for slot, value in meant.items()})
        return Ask(_asked(pattern, about, drawn, rng), (Round((call,)),), answer[:1].upper() + answer[1:], no_output=True, tool=tool)

    if pattern.doing:

        @family(f"without new {key}")
        def without(rng: random.Random) -> Ask:
            about, drawn = _drawn(pattern, rng)
            return Ask(_asked(pattern, about, drawn, rng), (), f"I can't {filled(pattern.doing, about)}: I have no tool for that here.", no_output=True)

        del without
    del make


for _key in PATTERNS:
    _made(_key)
