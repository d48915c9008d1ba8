"""The first component: one form of text for training and for customers.

It also takes the power out of a leading slash. Rasa reads "/restart" or "/greet{...}" in a customer's message as a
command, because its last component looks for a slash at the start of the text that we set here.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from core.normaliser import VERSION, normalise

# Nobody speaks like this; who types it tries what the machine does.
_COMMAND = re.compile(r"/+ ?[a-z_]+ ?(@ ?[\d.]+)? ?(\{.*\})?$", re.DOTALL)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class ZhNormalizer(GraphComponent):
    """Replaces the text that later components see; the tracker keeps what the customer wrote."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ZhNormalizer:
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes cached training notice that the normal form has changed."""
        return VERSION

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            message.set(TEXT, plain(message.get(TEXT) or ""))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        # Annotated examples stand in normal form already; their entities' offsets would not survive a change.
        self.process([e for e in training_data.training_examples if e.get(TEXT) and not e.get("entities")])
        return training_data


def plain(text: str) -> str:
    """The normal form without leading slashes; a whole command (`/restart`, `/greet{"a": "b"}`) is no text at all."""
    normal = normalise(text)
    return "" if _COMMAND.match(normal) else normal.lstrip("/ ")
