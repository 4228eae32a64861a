"""All families of requests: importing this package fills `training.ask.FAMILIES`.

What stands before the first underscore of a module's name is the kind of its requests.
"""

from training.families import (
    arithmetic,
    arithmetic_money,
    arithmetic_shapes,
    copying,
    dates,
    foreign,
    lists,
    made_up,
    rivals,
    special,
    spelling,
    stories,
    strings,
    tables,
    units,
    web,
)

MODULES = (
    *(arithmetic, arithmetic_money, arithmetic_shapes),
    *(stories, strings, dates, units, tables, web, foreign, made_up, special),
    *(spelling, lists, rivals, copying),
)

__all__ = ["MODULES"]
