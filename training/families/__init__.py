"""All families of requests: importing this package fills `training.ask.FAMILIES`.

What stands before the first underscore of a module's name is the kind of its requests.
"""

from training.families import (
    arithmetic,
    arithmetic_everyday,
    arithmetic_money,
    arithmetic_prices,
    arithmetic_shapes,
    dates,
    foreign,
    made_up,
    special,
    special_copying,
    stories,
    stories_everyday,
    strings,
    strings_lists,
    strings_spelling,
    tables,
    units,
    web,
    web_rivals,
)

MODULES = (
    *(arithmetic, arithmetic_everyday, arithmetic_money, arithmetic_prices, arithmetic_shapes),
    *(stories, stories_everyday, strings, dates, units, tables, web, foreign, made_up, special),
    *(strings_spelling, strings_lists, web_rivals, special_copying),
)

__all__ = ["MODULES"]
