"""Tools of the caller, with names and schemas of all kinds; and what to say when the tool that would be needed is not there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from training.ask import Ask, Call, Round, as_json, family
from training.families.web import PLACES
from training.phrases import filled, phrased, written
from training.words import NAMES, WORDS

Argument = tuple[str, Any]
"""How it is said, and its value in the call."""


def _city(r: random.Random) -> Argument:
    text = r.choice(
        (*PLACES, "Paris", "Rome", "Oslo", "Tokyo", "Lima", "Cairo", "New York", "Boston", "Madrid", "Zurich")
    )
    return text, text


def _person(r: random.Random) -> Argument:
    text = r.choice(NAMES)
    return text, text


def _text(r: random.Random) -> Argument:
    text = r.choice(("see you at noon", "the report is ready", "happy birthday", "dinner at eight", "I will be late", "thank you for the gift",
                     "call me back", "the meeting has moved", "bring the tickets", "I am on my way", "good luck tomorrow"))  # fmt: skip
    return f"{chr(34)}{text}{chr(34)}" if r.random() < 0.5 else text, text


def _count(low: int, high: int) -> Callable[[random.Random], Argument]:
    def make(r: random.Random) -> Argument:
        number = r.randint(low, high)
        return str(number), number

    return make


def _one_of(*values: str) -> Callable[[random.Random], Argument]:
    def make(r: random.Random) -> Argument:
        text = r.choice(values)
        return text, text

    return make


def _said_as(**values: str) -> Callable[[random.Random], Argument]:
    """Value → how it is said."""

    def make(r: random.Random) -> Argument:
        value = r.choice(list(values))
        return values[value], value

    return make


def _date(r: random.Random) -> Argument:
    month, day = r.randint(1, 12), r.randint(1, 28)
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{day} {names[month - 1]} 2027", f"2027-{month:02}-{day:02}"


def _time(r: random.Random) -> Argument:
    hour = r.randint(6, 22)
    minute = r.choice((0, 15, 30))
    return f"{hour}:{minute:02}", f"{hour:02}:{minute:02}"


def _mail(r: random.Random) -> Argument:
    text = f"{r.choice(NAMES).lower()}@{r.choice(('example.com', 'mail.org', 'work.net'))}"
    return text, text


def _word(r: random.Random) -> Argument:
    text = r.choice(WORDS)
    return text, text


def _number(r: random.Random) -> Argument:
    number = r.randint(2, 900)
    return str(number), number


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


@dataclass(frozen=True, slots=True)
class Foreign:
    """A tool of a caller and what it is asked."""

    names: str
    description: str
    schema: Mapping[str, Mapping[str, Any]]
    ask: str
    """`{x}` are the arguments as said; an argument that is optional may be missing in some of the phrasings."""
    make: Mapping[str, Callable[[random.Random], Argument]]
    result: Callable[[random.Random, Mapping[str, Any]], tuple[str, str]]
    """What the tool returns, and the answer to the user."""
    optional: tuple[str, ...] = ()
    doing: str = ""
    """What cannot be done without it: `send emails`; empty: other tools can stand in."""
    other_ways: tuple[str, ...] = field(default=())


def _json(
    answer: str, **fields: Callable[[random.Random], Any]
) -> Callable[[random.Random, Mapping[str, Any]], tuple[str, str]]:
    def make(r: random.Random, arguments: Mapping[str, Any]) -> tuple[str, str]:
        values = {name: value(r) for name, value in fields.items()}
        return as_json(values), filled(phrased(r, answer), {**arguments, **values})

    return make


def _done(answer: str) -> Callable[[random.Random, Mapping[str, Any]], tuple[str, str]]:
    def make(r: random.Random, arguments: Mapping[str, Any]) -> tuple[str, str]:
        result = r.choice(
            (
                '{"ok": true}',
                '{"status": "done"}',
                "ok",
                "done",
                '{"success": true}',
                '{"status": "success"}',
                '{"result": "ok"}',
            )
        )
        return result, filled(phrased(r, answer), arguments)

    return make


def _int(low: int, high: int) -> Callable[[random.Random], int]:
    return lambda r: r.randint(low, high)


def _of(*values: Any) -> Callable[[random.Random], Any]:
    return lambda r: r.choice(values)


TOOLS: dict[str, Foreign] = {
    "weather": Foreign("get_weather|weather|current_weather|fetch_weather|getWeather|weather_lookup", "Get the current weather of a city", {"city": STRING, "unit": choice("celsius", "fahrenheit")},
        "[What is the weather [like|] in {city}?|How is the weather in {city}[ today|]?|weather in {city}|Is it cold in {city}?|Tell me the weather of {city}.|Do I need a coat in {city}?]", {"city": _city}, _json("[It is {sky} in {city} with {temperature} degrees.|In {city} it is {sky}, {temperature} degrees.]", temperature=_int(-10, 38), sky=_of("sunny", "cloudy", "rainy", "windy")), ("unit",)),
    "forecast": Foreign("get_forecast|forecast|weather_forecast|predict_weather", "Weather forecast for the next days", {"location": STRING, "days": INTEGER},
        "[What will the weather be in {location} [for the next|in the next] {days} days?|{days} day forecast for {location}|Forecast for {location}, {days} days.]", {"location": _city, "days": _count(2, 10)}, _json("The next {days} days in {location} will be {outlook}.", outlook=_of("mostly sunny", "rainy", "cold and clear", "mild"))),
    "mail": Foreign("send_email|email|send_mail|compose_email|mail_send", "Send an email", {"to": STRING, "subject": STRING, "body": STRING},
        "[Send an email to {to} [with subject|about] {subject} saying {body}.|Email {to}: subject {subject}, text {body}.|Write a mail to {to}, subject {subject}: {body}]", {"to": _mail, "subject": _word, "body": _text}, _done("[I sent the email to {to}.|The email to {to} is sent.]"), doing="send emails"),
    "message": Foreign("send_message|text_message|send_sms|sms|message_contact", "Send a text message to a contact", {"recipient": STRING, "text": STRING},
        "[Text {recipient}: {text}.|Send {recipient} a message [saying|that says] {text}.|Tell {recipient} {text}.|Message {recipient} that {text}.|Write an SMS to {recipient}: {text}]", {"recipient": _person, "text": _text}, _done("I sent the message to {recipient}."), doing="send messages"),
    "timer": Foreign("set_timer|start_timer|timer|countdown", "Start a countdown", {"minutes": INTEGER},
        "[Set a timer for {minutes} minutes.|Start a {minutes} minute timer.|timer {minutes} min|Wake me in {minutes} minutes.|Remind me in {minutes} minutes.]", {"minutes": _count(1, 90)}, _done("[The timer is set for {minutes} minutes.|I started a timer of {minutes} minutes.]"), doing="set timers"),
    "alarm": Foreign("set_alarm|create_alarm|alarm|alarm_clock", "Set an alarm", {"time": STRING},
        "[Set an alarm for {time}.|Wake me at {time}.|alarm at {time}|I need to get up at {time}.]", {"time": _time}, _done("The alarm is set for {time}."), doing="set alarms"),
    "event": Foreign("create_event|add_event|calendar_add|schedule_meeting|create_calendar_event", "Add an event to the calendar", {"title": STRING, "date": STRING, "time": STRING},
        "[Add {title} to my calendar on {date} at {time}.|Schedule {title} for {date} at {time}.|Put {title} in the calendar: {date}, {time}.|Book a {title} meeting on {date} at {time}.]", {"title": _word, "date": _date, "time": _time}, _done("{title} is in your calendar on {date} at {time}."), doing="change your calendar"),
    "reminder": Foreign("create_reminder|add_reminder|remind|set_reminder", "Create a reminder", {"text": STRING, "date": STRING},
        "[Remind me on {date}: {text}.|Set a reminder for {date}: {text}|On {date}, remind me of this: {text}]", {"text": _text, "date": _date}, _done("I will remind you on {date}."), doing="set reminders"),
    "music": Foreign("play_music|play_song|start_playback|play|music_player", "Play music", {"query": STRING},
        "[Play [some|] {query}.|Put on {query}[ music|].|I want to hear {query}.|Start playing {query}.|Can you play {query}?]", {"query": _one_of("jazz", "Mozart", "the Beatles", "rock", "something calm", "piano music", "Bach", "my favourites", "blues", "techno")}, _done("I am playing {query}."), doing="play music"),
    "light": Foreign("set_light|light|control_light|switch_light|smart_light", "Switch a light", {"room": STRING, "state": choice("on", "off")},
        "[Turn {state} the light[s|] in the {room}.|Switch the {room} light {state}.|{room} light {state}|Lights {state} in the {room}, please.|Make the {room} light go {state}.]", {"room": _one_of("kitchen", "bedroom", "bathroom", "hall", "living room", "garage", "office"), "state": _one_of("on", "off")}, _done("The light in the {room} is {state}."), doing="control lights"),
    "heating": Foreign("set_temperature|thermostat|heating|set_thermostat", "Set the temperature of a room", {"room": STRING, "degrees": NUMBER},
        "[Set the {room} to {degrees} degrees.|Heat the {room} to {degrees} degrees.|Make it {degrees} degrees in the {room}.|{room} temperature {degrees}]", {"room": _one_of("kitchen", "bedroom", "bathroom", "hall", "living room", "office"), "degrees": _count(15, 25)}, _done("The {room} is set to {degrees} degrees."), doing="control the heating"),
    "door": Foreign("lock_door|door_lock|set_lock|door", "Lock or unlock a door", {"door": STRING, "action": choice("lock", "unlock")},
        "[{action} the {door} door.|Please {action} the {door} door.|Can you {action} the {door} door?]", {"door": _one_of("front", "back", "garage", "garden"), "action": _one_of("lock", "unlock")}, _done("Done: {action} the {door} door."), doing="control doors"),
    "flight": Foreign("search_flights|find_flights|flights|flight_search", "Find flights between two cities", {"origin": STRING, "destination": STRING, "date": STRING},
        "[Find flights from {origin} to {destination} on {date}.|Is there a flight from {origin} to {destination} on {date}?|I want to fly from {origin} to {destination} on {date}.|flights {origin} - {destination}, {date}]", {"origin": _city, "destination": _city, "date": _date}, _json("There is flight {flight} from {origin} to {destination} for {price} euros.", flight=lambda r: f"{r.choice('ABKLX')}{r.choice('ABKLX')}{r.randint(100, 999)}", price=_int(40, 900)), doing="book flights"),
    "train": Foreign("next_train|train_times|get_departures|find_train", "Next train between two stations", {"from_station": STRING, "to_station": STRING},
        "[When is the next train from {from_station} to {to_station}?|Next train {from_station} - {to_station}?|How do I get from {from_station} to {to_station} by train?]", {"from_station": _city, "to_station": _city}, _json("The next train from {from_station} to {to_station} leaves at {departure} from platform {platform}.", departure=lambda r: _time(r)[0], platform=_int(1, 14))),
    "hotel": Foreign("find_hotel|search_hotels|hotel_search|book_hotel", "Find hotels in a city", {"city": STRING, "nights": INTEGER, "guests": INTEGER},
        "[Find a hotel in {city} for {nights} nights for {guests} people.|I need a hotel in {city}, {nights} nights, {guests} guests.|hotel {city} {nights} nights {guests} persons]", {"city": _city, "nights": _count(1, 9), "guests": _count(1, 5)}, _json("{hotel} in {city} has a room for {price} euros a night.", hotel=_of("Hotel Central", "The Blue Inn", "Park House", "Villa Rosa"), price=_int(40, 300)), doing="book hotels"),
    "table": Foreign("reserve_table|book_table|restaurant_booking|make_reservation", "Reserve a table in a restaurant", {"restaurant": STRING, "people": INTEGER, "time": STRING},
        "[Book a table at {restaurant} for {people} at {time}.|Reserve a table for {people} people at {restaurant}, {time}.|table for {people} at {restaurant} at {time}]", {"restaurant": _one_of("Luigi's", "The Oak", "Sushi Bar", "Chez Marie", "Taj Palace"), "people": _count(2, 9), "time": _time}, _done("A table at {restaurant} is booked for {people} people at {time}."), doing="book tables"),
    "taxi": Foreign("order_taxi|call_cab|book_ride|request_ride", "Order a taxi", {"pickup": STRING, "destination": STRING},
        "[Get me a taxi from {pickup} to {destination}.|Order a cab from {pickup} to {destination}.|I need a ride from {pickup} to {destination}.]", {"pickup": _one_of("the station", "home", "the airport", "the office", "the hotel"), "destination": _one_of("the museum", "the harbour", "the stadium", "the theatre", "the hospital")}, _json("A taxi from {pickup} to {destination} comes in {minutes} minutes.", minutes=_int(2, 20)), doing="order taxis"),
    "pizza": Foreign("order_food|order_pizza|food_order|place_order", "Order food", {"item": STRING, "quantity": INTEGER},
        "[Order {quantity} {item}.|I want {quantity} {item}.|Get me {quantity} {item}, please.|Can you order {quantity} {item}?]", {"item": _one_of("pizzas", "burgers", "salads", "noodle soups", "sandwiches", "coffees"), "quantity": _count(1, 6)}, _done("I ordered {quantity} {item}."), doing="order food"),
    "stock": Foreign("get_stock_price|stock_price|quote|stock_quote|ticker", "Current price of a share", {"symbol": STRING},
        "[What is the price of {symbol}[ stock|]?|How is {symbol} stock doing?|stock price of {symbol}|quote for {symbol}|How much is one {symbol} share?]", {"symbol": _one_of("AAPL", "MSFT", "TSLA", "NVDA", "IBM", "SAP", "BMW", "ORCL", "SHEL", "NKE")}, _json("{symbol} is at {price}.", price=lambda r: round(r.uniform(5, 900), 2))),
    "currency": Foreign("convert_currency|currency|exchange|fx_convert|currency_converter", "Convert money between currencies at today's rate", {"amount": NUMBER, "from_currency": STRING, "to_currency": STRING},
        "[Convert {amount} {from_currency} to {to_currency}.|How much is {amount} {from_currency} in {to_currency}?|{amount} {from_currency} in {to_currency}|What are {amount} {from_currency} in {to_currency}?]", {"amount": _number, "from_currency": _one_of("USD", "EUR", "GBP", "JPY", "CHF"), "to_currency": _one_of("SEK", "INR", "CAD", "AUD", "PLN")}, _json("{amount} {from_currency} are {result} {to_currency}.", result=lambda r: round(r.uniform(5, 9000), 2))),
    "translate": Foreign("translate|translate_text|translator|translation", "Translate text into another language", {"text": STRING, "target_language": STRING},
        "[Translate {text} [to|into] {target_language}.|What is {text} in {target_language}?|How do you say {text} in {target_language}?|{text} in {target_language}]", {"text": _text, "target_language": _one_of("French", "German", "Spanish", "Italian", "Polish", "Japanese")}, _json("In {target_language}: {translation}", translation=_of("à bientôt", "bis morgen", "muchas gracias", "buona fortuna", "do zobaczenia", "arigato"))),
    "contact": Foreign("find_contact|lookup_contact|get_phone_number|contacts_search", "Look up a contact's phone number", {"name": STRING},
        "[What is {name}'s [phone|] number?|Find the phone number of {name}.|Look up {name} in my contacts.|number of {name}?]", {"name": _person}, _json("The number of {name} is {phone}.", phone=lambda r: f"+{r.randint(10, 99)} {r.randint(100, 999)} {r.randint(1000, 9999)}"), doing="look into your contacts"),
    "call": Foreign("make_call|phone_call|dial|call_contact", "Call somebody", {"contact": STRING},
        "[Call {contact}.|Phone {contact}, please.|Dial {contact}.|Ring {contact} up.|I want to talk to {contact} on the phone.]", {"contact": _person}, _done("I am calling {contact}."), doing="make phone calls"),
    "todo": Foreign("add_todo|create_task|add_task|todo_add|new_task", "Add an item to the task list", {"task": STRING, "priority": choice("low", "medium", "high")},
        "[Add {task} to my to-do list[, priority {priority}| with {priority} priority].|New task with {priority} priority: {task}|Put {task} on my task list, priority {priority}.]", {"task": _one_of("buy milk", "call the bank", "clean the kitchen", "pay the rent", "water the plants", "renew the passport"), "priority": _one_of("low", "medium", "high")}, _done("{task} is on your list with {priority} priority."), doing="change your task list"),
    "shopping": Foreign("add_to_cart|shopping_list_add|add_item|cart_add", "Add items to the shopping list", {"items": {"type": "array", "items": STRING}},
        "[Add {items} to my shopping list.|Put {items} on the shopping list.|I need to buy {items}, note it.]", {"items": lambda r: (lambda v: (" and ".join(v), v))(r.sample(("milk", "eggs", "bread", "apples", "rice", "soap", "cheese", "tea"), 2))}, lambda r, a: ('{"ok": true}', f"I added {' and '.join(a['items'])} to your shopping list."), doing="change your shopping list"),
    "dictionary": Foreign("define_word|dictionary|lookup_word|define", "Look up a word in the dictionary", {"word": STRING},
        "[Look up {word} in the dictionary.|Dictionary entry of {word}, please.|Define {word} with the dictionary.]", {"word": _word}, _json("{word}: {definition}.", definition=_of("a thing made by hand", "a kind of plant", "a state of rest", "something very large", "an old instrument"))),
    "database": Foreign("run_query|query_database|sql|execute_sql", "Run a query on the company database", {"sql": STRING},
        "[How many {t} are in the database?|Count the {t} in the database.|Query the number of {t}.]", {"sql": lambda r: (lambda t: (t, f"SELECT COUNT(*) FROM {t}"))(r.choice(("customers", "orders", "products", "invoices", "users", "employees")))}, lambda r, a: (lambda n: (f'[{{"count": {n}}}]', f"There are {n}."))(r.randint(3, 9000)), other_ways=("t",), doing="ask a database"),
    "ticket": Foreign("create_ticket|open_issue|report_bug|create_issue", "Open a ticket in the issue tracker", {"title": STRING, "severity": choice("minor", "major", "critical")},
        "[Open a {severity} ticket: {title}.|Create a {severity} issue called {title}.|Report a {severity} bug: {title}]", {"title": _one_of("login fails", "page is slow", "wrong total", "crash on start", "missing icon"), "severity": _one_of("minor", "major", "critical")}, _json("I opened the {severity} ticket {id}.", id=lambda r: f"T-{r.randint(100, 9999)}"), doing="open tickets"),
    "order": Foreign("order_status|track_order|get_order|package_tracking", "Status of an order", {"order_id": STRING},
        "[Where is my order {order_id}?|What is the status of order {order_id}?|Track {order_id}.|Has {order_id} been sent?]", {"order_id": lambda r: (lambda t: (t, t))(f"{r.choice('ABCD')}-{r.randint(1000, 99999)}")}, _json("Order {order_id} is {status}.", status=_of("on its way", "delivered", "being packed", "delayed")), doing="look up orders"),
    "distance": Foreign("get_distance|route|directions|travel_time", "Distance and travel time between two places", {"start": STRING, "end": STRING, "mode": choice("car", "bike", "walk")},
        "[How far is it from {start} to {end} by {mode}?|Distance from {start} to {end} by {mode}?|How long do I need from {start} to {end} by {mode}?]", {"start": _city, "end": _city, "mode": _one_of("car", "bike")}, _json("From {start} to {end} by {mode} it is {km} km, which takes {minutes} minutes.", km=_int(2, 900), minutes=_int(5, 900))),
    "recipe": Foreign("find_recipe|recipe_search|get_recipe|recipes", "Find a recipe", {"ingredient": STRING},
        "[Find [me|] a recipe with {ingredient}.|What can I cook with {ingredient}? Look for a recipe.|recipe with {ingredient}]", {"ingredient": _one_of("tomatoes", "rice", "eggs", "spinach", "salmon", "potatoes", "lentils")}, _json("I found the recipe {recipe}, which takes {minutes} minutes.", recipe=_of("Summer Stew", "Golden Bake", "Quick Pan", "Green Bowl"), minutes=_int(10, 90))),
    "movie": Foreign("movie_showtimes|cinema|find_movie|showtimes", "Show times of a film", {"movie": STRING, "city": STRING},
        "[When does {movie} run in {city}?|Show times of {movie} in {city}?|Is {movie} on in {city}?]", {"movie": _one_of("Star Path", "The Long Night", "Blue Coast", "Robots", "Two Sisters"), "city": _city}, _json("{movie} is shown in {city} at {time} in the {cinema}.", time=lambda r: _time(r)[0], cinema=_of("Odeon", "Rex", "Capitol", "Palace"))),
    "volume": Foreign("set_volume|volume|audio_volume|change_volume", "Set the volume in percent", {"level": INTEGER},
        "[Set the volume to {level}[ percent|%|].|Volume {level}.|Make it louder, volume {level}.|turn the volume to {level}]", {"level": _count(0, 100)}, _done("The volume is at {level}."), doing="change the volume"),
    "screenshot": Foreign("take_screenshot|screenshot|capture_screen|screen_capture", "Take a picture of the screen", {},
        "[Take a screenshot.|Capture my screen.|Make a picture of the screen.]", {}, _json("I saved the screenshot as {file}.", file=lambda r: f"screen{r.randint(1, 99)}.png"), doing="take screenshots"),
    "battery": Foreign("battery_level|get_battery|battery_status|device_battery", "How full the battery is", {},
        "[How full is my battery?|What is the battery level?|battery status|Do I need to charge?]", {}, _json("The battery is at {percent}%.", percent=_int(3, 100)), doing="see the battery"),
    "photo": Foreign("take_photo|camera|capture_photo|snap", "Take a photo with the camera", {"camera": choice("front", "back")},
        "[Take a photo with the {camera} camera.|Use the {camera} camera to take a picture.|{camera} camera, take a photo]", {"camera": _one_of("front", "back")}, _done("I took a photo with the {camera} camera."), doing="take photos"),
    "bank": Foreign("transfer_money|bank_transfer|pay|send_money", "Send money to somebody", {"recipient": STRING, "amount": NUMBER},
        "[Send {amount} euros to {recipient}.|Transfer {amount} to {recipient}.|Pay {recipient} {amount} dollars.|Give {recipient} {amount} euros from my account.]", {"recipient": _person, "amount": _number}, _done("I sent {amount} to {recipient}."), doing="send money"),
    "balance": Foreign("account_balance|get_balance|bank_balance|check_balance", "Balance of an account", {"account": choice("checking", "savings")},
        "[What is the balance of my {account} account?|How much money is in my {account} account?|{account} balance]", {"account": _one_of("checking", "savings")}, _json("Your {account} account holds {balance} euros.", balance=_int(3, 20000)), doing="see your bank account"),
    "print": Foreign("print_document|printer|print_file|send_to_printer", "Print a document", {"file": STRING, "copies": INTEGER},
        "[Print {copies} copies of {file}.|I need {copies} printouts of {file}.|print {file} {copies} times on paper]", {"file": _one_of("letter.pdf", "report.docx", "tickets.pdf", "form.pdf"), "copies": _count(1, 9)}, _done("I printed {copies} copies of {file}."), doing="print"),
    "note": Foreign("save_note|create_note|notes_add|write_note", "Save a note", {"title": STRING, "content": STRING},
        "[Save a note called {title}: {content}.|Make a note {title} with the text {content}.|Note {title}: {content}]", {"title": _word, "content": _text}, _done("I saved the note {title}.")),
    "sensor": Foreign("read_sensor|get_sensor|sensor_value|sensor", "Read a sensor of the house", {"sensor": choice("temperature", "humidity", "co2", "noise")},
        "[What does the {sensor} sensor [show|say]?|Read the {sensor} sensor.|{sensor} in the house?]", {"sensor": _one_of("temperature", "humidity", "co2", "noise")}, _json("The {sensor} sensor shows {value}.", value=_int(1, 900)), doing="read sensors"),
    "joke": Foreign("random_joke|get_joke|joke_api|fetch_joke", "A random joke", {"topic": STRING},
        "[Get a joke about {topic} from the joke tool.|Fetch a joke on {topic}.|Use the joke tool: {topic}.]", {"topic": _one_of("cats", "dogs", "school", "cars", "doctors")}, _json("{joke}", joke=_of("Why did the car nap? It was tired.", "My dog is a magician: a labracadabrador.", "The cat joined the orchestra, it was purrfect."))),
}  # fmt: skip


def spec_of(tool: Foreign, name: str) -> dict[str, Any]:
    required = [argument for argument in tool.schema if argument not in tool.optional]
    parameters = {"type": "object", "properties": {k: dict(v) for k, v in tool.schema.items()}, "required": required}
    return {"name": name, "description": tool.description, "parameters": parameters}


def _drawn(tool: Foreign, rng: random.Random) -> tuple[dict[str, str], dict[str, Any]]:
    """Arguments as said, and as called."""
    pairs = {name: make(rng) for name, make in tool.make.items()}
    said = {name: pair[0] for name, pair in pairs.items()}
    said |= {alias: next(iter(said.values())) for alias in tool.other_ways}
    return said, {name: pair[1] for name, pair in pairs.items()}


def _foreign(key: str) -> None:
    tool = TOOLS[key]

    @family(f"own {key}")
    def make(rng: random.Random) -> Ask:
        said, arguments = _drawn(tool, rng)
        name = rng.choice(tool.names.split("|"))
        result, answer = tool.result(rng, arguments)
        asked = filled(written(rng, phrased(rng, tool.ask)), said)
        call = Call("own", "", result, name, arguments)
        return Ask(asked, (Round((call,)),), answer[:1].upper() + answer[1:], no_output=True, tool=spec_of(tool, name))

    if tool.doing:

        @family(f"without {key}")
        def without(rng: random.Random) -> Ask:
            said, _ = _drawn(tool, rng)
            asked = filled(written(rng, phrased(rng, tool.ask)), said)
            return Ask(asked, (), f"I can't {tool.doing}: I have no tool for that here.", no_output=True)

        del without
    del make


for _key in TOOLS:
    _foreign(_key)

CANNOT = {
    "drive": "[Drive me to {p}.|Take me to {p} by car.]", "cook": "[Cook dinner for me.|Make me a coffee.|Bake me a cake.]",
    "clean things": "[Clean my room.|Wash my car.|Do the dishes.|Mow the lawn.]", "see your screen": "[What is on my screen?|What am I looking at?]",
    "post online": "[Post {t} on my timeline.|Tweet {t}.|Publish {t} on my blog.|Share {t} with my followers.]",
    "buy things": "[Buy me a new {i}.|Purchase {i} tickets.|Order a {i} for me.]", "sign documents": "[Sign this contract for me.|Put my signature on the form.]",
    "change passwords": "[Change my {i} password.|Reset my password.|Log me in to my account.]", "track people": "[Where is {n} right now?|Track the phone of {n}.|Where did I park my car?]",
    "book appointments": "[Book me a dentist appointment.|Make an appointment with Dr {n}.|Get me a slot at the hairdresser.]",
    "listen to audio": "[What song is playing?|Transcribe what I am saying.|Listen to this recording.]", "restart devices": "[Restart my phone.|Turn off the TV.|Reboot the router.|Start the washing machine.]",
    "record video": "[Record a video of me.|Film the garden.]", "read your mail": "[Read my emails.|Do I have new mail?|Check my inbox.|Any new messages for me?]",
    "see your calendar": "[What is on my calendar today?|Am I free tomorrow?|When is my next meeting?]", "follow accounts": "[Follow {n} on social media.|Like the last post of {n}.]",
    "feed animals": "[Feed my cat.|Walk the dog.|Water my plants.]", "apply for things": "[Apply for a visa for me.|Submit my tax return.|Renew my passport.]",
}  # fmt: skip


def _cannot(doing: str) -> None:
    @family(f"cannot {doing}")
    def make(rng: random.Random) -> Ask:
        said = {
            "p": _city(rng)[0],
            "t": _text(rng)[0],
            "i": rng.choice(("phone", "laptop", "concert", "bank", "chair", "mail")),
            "n": rng.choice(NAMES),
        }
        asked = filled(written(rng, phrased(rng, CANNOT[doing])), said)
        return Ask(asked, (), f"I can't {doing}: I have no tool for that here.", no_output=True)

    del make


for _doing in CANNOT:
    _cannot(_doing)


def others(rng: random.Random, count: int, besides: str = "") -> list[dict[str, Any]]:
    """Some tools of callers that nobody asks for."""
    keys = rng.sample(list(TOOLS), count)
    made = [spec_of(TOOLS[key], rng.choice(TOOLS[key].names.split("|"))) for key in keys]
    return [spec for spec in made if spec["description"] != besides]


def arguments_text(call: Call) -> str:
    return json.dumps(call.arguments, ensure_ascii=False)
