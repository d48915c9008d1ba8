"""Which intent: logistic regression over character and word counts.

Rasa's own classifier has no strength of regularisation to choose, sees long texts louder than short ones, and fails
on a text without any feature (only emoji, only unknown marks). Chosen over DIET by measurement: see nlu/README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.logistic_regression_classifier import LogisticRegressionClassifier
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from scipy.sparse import csr_matrix, vstack
from sklearn.preprocessing import normalize


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ZhIntentClassifier(LogisticRegressionClassifier):
    """Adds `C` (less is smoother) and `temperature` (more is humbler) to Rasa's settings."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**LogisticRegressionClassifier.get_default_config(), "max_iter": 300, "C": 30.0, "temperature": 1.0}

    def __init__(self, config: dict[str, Any], name: str, model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, name, model_storage, resource)
        self.clf.set_params(C=self.config["C"])

    def _create_X(self, messages: list[Message]) -> csr_matrix:
        return normalize(vstack([csr_matrix(_features(m), dtype=np.float64).log1p() for m in messages]))

    def process(self, messages: list[Message]) -> list[Message]:
        known = [m for m in messages if _features(m) is not None and _features(m).nnz]
        for message in messages:
            message.set("intent", {"name": None, "confidence": 0.0}, add_to_output=True)
            message.set("intent_ranking", [], add_to_output=True)
        if known:
            scores = np.log(np.clip(self.clf.predict_proba(self._create_X(known)), 1e-12, 1.0))
            scores = np.exp(scores / self.config["temperature"])
            for message, row in zip(known, scores / scores.sum(axis=1, keepdims=True), strict=True):
                ranking = [{"name": str(self.clf.classes_[i]), "confidence": float(row[i])} for i in np.argsort(-row)]
                message.set("intent", dict(ranking[0]), add_to_output=True)
                message.set("intent_ranking", ranking[: self.config["ranking_length"]], add_to_output=True)
        return messages


def _features(message: Message) -> Any:
    """The sentence's sparse features, or None for a text in which nothing was found."""
    sentence = message.get_sparse_features(attribute=TEXT)[1]
    return sentence.features if sentence is not None else None
