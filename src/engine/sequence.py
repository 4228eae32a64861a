"""One reply being generated: what the engine tracks about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from engine.adapters.layers import Adapter
from engine.block_manager import Digest, chain, root
from engine.chat.detokenize import Detokenizer
from engine.chat.stop import StopStrings
from engine.request import Request
from engine.sampling.constraint import ConstraintState
from engine.sampling.state import SamplingState


class Status(Enum):
    WAITING = auto()
    RUNNING = auto()
    FINISHED = auto()


@dataclass(slots=True, eq=False)
class Sequence:
    """Tokens of one choice of a request, and the KV blocks that hold them."""

    request: Request
    index: int
    """Which of the request's `n` choices this is."""
    arrival: float
    """`time.monotonic()` when the request came in."""
    detokenizer: Detokenizer
    stops: StopStrings
    sampling: SamplingState
    constraint: ConstraintState | None = None
    adapter: Adapter | None = None
    status: Status = Status.WAITING
    token_ids: list[int] = field(init=False)
    """Prompt then reply, in order."""
    num_prompt_tokens: int = field(init=False)
    blocks: list[int] = field(default_factory=list[int])
    """Block `i` holds tokens `[i * block_size, (i + 1) * block_size)`. Replaced by a new list, never shortened."""
    num_dropped: int = 0
    """Leading entries of `blocks` that were given up because no later token can see them; they read 0."""
    digests: list[Digest] = field(default_factory=list[Digest])
    """Of the full blocks, as far as they were needed."""
    num_computed: int = 0
    """How many leading tokens have keys and values in the cache."""
    num_cached_tokens: int = 0
    """Prompt tokens that came from the prefix cache instead of being computed."""
    was_preempted: bool = False
    """What the prefix cache gives back from then on may be its own."""
    started: float | None = None
    """When its first chunk was scheduled."""
    first_token: float | None = None
    last_token: float = 0.0
    """When the last token was sampled, once there is one."""

    def __post_init__(self) -> None:
        self.token_ids = list(self.request.prompt)
        self.num_prompt_tokens = len(self.token_ids)

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def num_generated(self) -> int:
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def num_pending(self) -> int:
        """Tokens whose keys and values are still to be computed; 1 while decoding."""
        return len(self.token_ids) - self.num_computed

    @property
    def held_blocks(self) -> list[int]:
        return self.blocks[self.num_dropped :]

    @property
    def priority(self) -> tuple[float, int]:
        """Smaller came earlier."""
        return self.arrival, self.index

    def extend_digests(self, block_size: int, num_blocks: int) -> list[Digest]:
        """Digests of the first `num_blocks` full blocks, computed as needed."""
        while len(self.digests) < num_blocks:
            start = len(self.digests) * block_size
            parent = self.digests[-1] if self.digests else self._root()
            self.digests.append(chain(parent, self.token_ids[start : start + block_size]))
        return self.digests[:num_blocks]

    def _root(self) -> Digest:
        """What the first digest follows from: keys and values of one adapter are good for no other."""
        generation = "" if self.adapter is None else self.adapter.generation
        return root(self.request.cache_salt, generation)
