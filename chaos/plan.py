"""Which faults are injected together, in which order: from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.faults import Fault

#: So many faults at once, at most.
AT_ONCE: Final = 3


def rounds(faults: Sequence[Fault], seed: int) -> Iterator[list[Fault]]:
    """Rounds without an end. Every fault has its turn before one has a second."""
    chance = random.Random(seed)
    while True:
        deck = chance.sample(faults, len(faults))
        while deck:
            yield _draw(deck, chance.randint(1, AT_ONCE))


def _draw(deck: list[Fault], number: int) -> list[Fault]:
    """Take so many faults off the deck, as far as there are some that do not touch the same."""
    drawn: list[Fault] = []
    for one in list(deck):
        if len(drawn) < number and all(one.touches.isdisjoint(other.touches) for other in drawn):
            drawn.append(one)
            deck.remove(one)
    return drawn
