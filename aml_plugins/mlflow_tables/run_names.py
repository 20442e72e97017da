"""Names for runs that were given none: easier to say than an id."""

from __future__ import annotations

import random

__all__ = ["random_name"]

_HOW = (
    "amber brave bright brisk calm clear clever cosmic crisp curious daring eager early fair fast fleet free gentle "
    "glad golden grand green happy honest humble keen kind light lively lucid lucky mellow merry mighty nimble noble "
    "patient plucky polite proud quick quiet rapid ready rosy sharp shiny silver smart snowy solid steady still sunny "
    "swift tidy tranquil upbeat vivid warm wise witty young zesty"
)
_WHAT = (
    "acorn badger beaver birch bison canyon cedar cloud comet coral crane creek cricket dolphin eagle ember falcon "
    "fern finch fjord forest fox glacier grove gull harbor hare hawk heron island jay juniper koala lake lark lemur "
    "lynx maple marten meadow moose otter owl panda peak pebble pine puffin quail raven reef river robin seal shore "
    "sparrow spruce squid stork swan tern thrush tiger trout walrus willow wren yak"
)


def random_name() -> str:
    """Return something like ``brisk-otter-417``."""
    how, what = (random.choice(words.split()) for words in (_HOW, _WHAT))  # noqa: S311  a name is no secret
    return f"{how}-{what}-{random.randrange(1000)}"  # noqa: S311  as above
