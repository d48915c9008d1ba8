"""A pressed choice is a command; the words on it are not.

The gateway sends the id of the choice as `metadata.choice`. Only the gateway can (the channel asks for its token), so
that an id is trusted with full confidence, whatever the classifier thought of the label.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

INTENT_OF_CHOICE = {
    "affirm": "affirm",
    "deny": "deny",
    "cancel": "cancel",
    "human": "ask_human",
    "report": "report_problem",
    "ticket_status": "ask_ticket_status",
    "skip": "inform",
    "skip_all": "inform",
    "set": "inform",
}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class ChoiceReader(GraphComponent):
    """Stands last, after the fallback, whose doubts do not concern choices."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ChoiceReader:
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            metadata = message.get("metadata")
            choice = metadata.get("choice") if isinstance(metadata, dict) else None
            name = INTENT_OF_CHOICE.get(choice.split(":", 1)[0]) if isinstance(choice, str) else None
            if name:
                intent = {"name": name, "confidence": 1.0}
                message.set("intent", intent, add_to_output=True)
                message.set("intent_ranking", [dict(intent)], add_to_output=True)
                message.set("entities", [], add_to_output=True)
        return messages
