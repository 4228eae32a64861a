"""Who watches a turn without taking part: metrics, traces."""

from __future__ import annotations

from engine import ChatModel
from mistralrs_agent.agent.events import Event


class TurnObserver:
    """Of one turn, made when it begins; does nothing until a subclass says what."""

    def model(self, model: ChatModel) -> ChatModel:
        """What the turn uses in place of `model`."""
        return model

    def note(self, event: Event) -> None:
        """Something happened; pieces of text and thinking are left out."""

    def end(self, error: BaseException | None) -> None:
        """The turn is over: it ended by itself, or with what was raised, `GeneratorExit` and cancelling included."""
