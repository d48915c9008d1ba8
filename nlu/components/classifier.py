"""Which intent: logistic regression over counts of characters and words and the vector of the whole text.

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
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.preprocessing import normalize


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ZhIntentClassifier(LogisticRegressionClassifier):
    """Adds `C` (less is smoother) and `meaning` (how much the vector weighs beside the counts) to Rasa's settings."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **LogisticRegressionClassifier.get_default_config(),
            "max_iter": 300,
            "tol": 1e-3,
            "C": 10.0,
            "meaning": 4.0,
        }

    def __init__(self, config: dict[str, Any], name: str, model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, name, model_storage, resource)
        self.clf.set_params(C=self.config["C"])

    def _create_X(self, messages: list[Message]) -> csr_matrix:
        return self._rows([_counts(m) for m in messages], messages)

    def _rows(self, counts: list[Any], messages: list[Message]) -> csr_matrix:
        loud = normalize(vstack([csr_matrix(row, dtype=np.float64).log1p() for row in counts]))
        meanings = np.vstack([m.get_dense_features(attribute=TEXT)[1].features for m in messages])
        return hstack([loud, csr_matrix(self.config["meaning"] * meanings)]).tocsr()

    def process(self, messages: list[Message]) -> list[Message]:
        counted = [(counts, message) for message in messages if (counts := _counts(message)) is not None and counts.nnz]
        known = [message for _, message in counted]
        for message in messages:
            message.set("intent", {"name": None, "confidence": 0.0}, add_to_output=True)
            message.set("intent_ranking", [], add_to_output=True)
        if known:
            for message, row in zip(
                known, self.clf.predict_proba(self._rows([counts for counts, _ in counted], known)), strict=True
            ):
                ranking = [{"name": str(self.clf.classes_[i]), "confidence": float(row[i])} for i in np.argsort(-row)]
                message.set("intent", dict(ranking[0]), add_to_output=True)
                message.set("intent_ranking", ranking[: self.config["ranking_length"]], add_to_output=True)
        return messages


def _counts(message: Message) -> Any:
    """The text's counts, or None for a text in which nothing was found."""
    sentence = message.get_sparse_features(attribute=TEXT)[1]
    return sentence.features if sentence is not None else None
