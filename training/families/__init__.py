"""All families of requests: importing this package fills `training.ask.FAMILIES`."""

from training.families import arithmetic, dates, foreign, made_up, special, stories, strings, tables, units, web

MODULES = (arithmetic, stories, strings, dates, units, tables, web, foreign, made_up, special)

__all__ = ["MODULES"]
