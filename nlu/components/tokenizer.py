"""Words by jieba, with a dictionary of our own and without blank tokens.

Rasa's own tokenizer keeps blanks as tokens and adds the dictionary to jieba's one global table, where the words of an
older model stay for ever. This one has its own table per model.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import jieba
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.jieba_tokenizer import JiebaTokenizer
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.training_data.message import Message


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=True)
class ZhTokenizer(JiebaTokenizer):
    """`dictionary_path` is a folder; its files are copied into the model."""

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self._words = jieba.Tokenizer()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ZhTokenizer:
        tokenizer = cls(config, model_storage, resource)
        tokenizer._learn(Path(config["dictionary_path"]))
        return tokenizer

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ZhTokenizer:
        tokenizer = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            tokenizer._learn(Path(folder))
        return tokenizer

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes cached training notice that a dictionary file has changed."""
        digest = hashlib.sha256()
        for file in sorted(Path(config["dictionary_path"]).iterdir()):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        words = self._words.tokenize(message.get(attribute))
        return self._apply_token_pattern([Token(word, start) for word, start, _ in words if word.strip()])

    def _learn(self, folder: Path) -> None:
        for file in sorted(folder.iterdir()):
            self._words.load_userdict(str(file))
