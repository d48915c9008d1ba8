"""How well is a customer understood? `.venv-rasa/bin/python -m nlu.evaluate [--folds 5]`

Whole families of phrases are held out in turn, so that no paraphrase of a test phrase was trained on. The pipeline of
config.yml is trained and asked exactly as Rasa does, without Rasa's server around it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from nlu.fingerprint import ROOT
from nlu.train import QUIET

FALLBACK = "nlu_fallback"
NOT_OURS = {FALLBACK, "out_of_scope"}
SURE = 0.8
# What nobody means anything by. None of it is in the training data.
NONSENSE = [
    "sdlkfj",
    "wqoeiruzx",
    "啊吧啊吧啊",
    "嗡嗡嗡咿呀",
    "3847261",
    "zxcvbnm",
    "的的的了了了",
    "ppppp",
    "锟斤拷烫烫烫",
    "q1w2e3r4",
    "吧唧吧唧",
    "ㄅㄆㄇㄈ",
    "@#¥%&*",
    "龘靐齉",
    "xswl",
    "yyds",
    "咕噜咕噜",
    "lorem",
    "ipsum",
    "dolor",
    "阿巴阿巴",
    "0000000",
    "uiop[]",
    "呱呱呱",
    "滴滴答答",
    "wertyu",
    "嘟嘟嘟嘟",
    "fghjkl",
    "mmmmm",
    "噼里啪啦",
    "哐哐哐",
    "aaaaabbbb",
    "七上八下九",
    "铛铛铛",
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate the assistant's understanding on held-out families.")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="classifier setting to try, such as C=10")
    parser.add_argument("--config", default="config.yml", help="another pipeline to compare with")
    parser.add_argument("--misses", action="store_true", help="print what was taken for something else")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.environ.update(QUIET)
    _silence()
    settings = {key: json.loads(value) for key, value in (one.split("=", 1) for one in arguments.set)}
    report(
        _cross_validate(arguments.folds, arguments.config, settings),
        _nonsense(arguments.config, settings),
        misses=arguments.misses,
    )


def report(answers: list[dict[str, Any]], nonsense: list[dict[str, Any]], *, misses: bool) -> None:
    right = [a for a in answers if a["guess"] == a["intent"]]
    ours = [a for a in answers if a["intent"] != "out_of_scope"]
    foreign = [a for a in answers if a["intent"] == "out_of_scope"]
    taken = [a for a in ours if a["guess"] not in NOT_OURS]
    sure = [a for a in taken if a["confidence"] >= SURE]
    print(f"phrases {len(answers)}, families {len({(a['intent'], a['family']) for a in answers})}")
    print(f"intent right, families held out       {_share(right, answers)}")
    print(f"macro F1                              {_macro_f1(answers):.3f}")
    print(f"best guess right, before the fallback {_share([a for a in answers if a['first'] == a['intent']], answers)}")
    print(f"our intents: taken up                 {_share(taken, ours)}")
    print(f"our intents: right when taken up      {_share([a for a in taken if a['guess'] == a['intent']], taken)}")
    print(f"our intents: surer than {SURE}           {_share(sure, ours)}")
    print(f"our intents: right when so sure       {_share([a for a in sure if a['guess'] == a['intent']], sure)}")
    print(f"out of scope: turned down             {_share([a for a in foreign if a['guess'] in NOT_OURS], foreign)}")
    acted = [a for a in foreign if a["guess"] not in NOT_OURS | {"faq"} and a["confidence"] >= SURE]
    print(f"out of scope: taken for a task, sure  {_share(acted, foreign)}")
    print(f"nonsense: turned down                 {_share([a for a in nonsense if a['guess'] in NOT_OURS], nonsense)}")
    print(f"expected calibration error            {_calibration_error(answers):.3f}")
    for intent in sorted({a["intent"] for a in answers}):
        of_intent = [a for a in answers if a["intent"] == intent]
        wrong = Counter(a["guess"] for a in of_intent if a["guess"] != intent)
        print(f"  {intent:18} {_share([a for a in of_intent if a['guess'] == intent], of_intent)}  {dict(wrong)}")
    if misses:
        for a in [a for a in answers if a["guess"] != a["intent"]] + [
            a for a in nonsense if a["guess"] not in NOT_OURS
        ]:
            print(f"{a['intent']:18} {a['guess']:18} {a['first']:18} {a['top']:.2f}  {a['text']}")


def _cross_validate(folds: int, config: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    from nlu.components.phrase_importer import phrases

    rows = list(phrases())
    families: dict[str, list[str]] = defaultdict(list)
    for intent, family, _ in rows:
        if family not in families[intent]:
            families[intent].append(family)
    # Families are dealt out intent by intent, so that no fold takes all of an intent's ways of speaking.
    fold_of = {
        (intent, family): (i + shift) % folds
        for shift, (intent, names) in enumerate(families.items())
        for i, family in enumerate(names)
    }
    answers = []
    for fold in range(folds):
        held_out = [row for row in rows if fold_of[row[:2]] == fold]
        pipeline = Pipeline([row for row in rows if fold_of[row[:2]] != fold], config, settings)
        answers += [
            {"intent": row[0], "family": row[1], **one}
            for row, one in zip(held_out, pipeline.ask([r[2] for r in held_out]), strict=True)
        ]
    return answers


def _nonsense(config: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    from nlu.components.phrase_importer import phrases

    return [{"intent": "nonsense", **one} for one in Pipeline(list(phrases()), config, settings).ask(NONSENSE)]


class Pipeline:
    """The NLU part of config.yml, trained on rows of (intent, family, text)."""

    def __init__(self, rows: list[tuple[str, str, str]], config_file: str, settings: dict[str, Any]) -> None:
        from rasa.engine.graph import ExecutionContext, GraphSchema
        from rasa.engine.recipes.default_recipe import DefaultV1Recipe
        from rasa.engine.storage.local_model_storage import LocalModelStorage
        from rasa.engine.storage.resource import Resource
        from rasa.shared.nlu.training_data.message import Message
        from rasa.shared.nlu.training_data.training_data import TrainingData
        from rasa.shared.utils.common import class_from_module_path
        from rasa.shared.utils.io import read_yaml_file

        from nlu.components.phrase_importer import PhraseImporter

        everything = PhraseImporter(training_data_paths=["nlu/data"]).get_nlu_data("zh")
        data = TrainingData(
            training_examples=[Message.build(text=text, intent=intent) for intent, _, text in rows],
            regex_features=everything.regex_features,
            lookup_tables=everything.lookup_tables,
        )
        self._folder = tempfile.TemporaryDirectory()
        self._components = []
        storage = LocalModelStorage(Path(self._folder.name))
        for number, item in enumerate(read_yaml_file(config_file)["pipeline"]):
            name = item["name"]
            if "." in name:
                class_from_module_path(name)
            kind = DefaultV1Recipe._from_registry(name.rsplit(".", 1)[-1]).clazz
            config = {**kind.get_default_config(), **{k: v for k, v in item.items() if k != "name"}}
            if name.endswith("Classifier") and "." in name:
                config.update(settings)
            context = ExecutionContext(GraphSchema({}), node_name=f"{number}_{kind.__name__}")
            component = kind.create(config, storage, Resource(context.node_name), context)
            if hasattr(component, "train"):
                component.train(data)
            if hasattr(component, "process_training_data"):
                component.process_training_data(data)
            self._components.append(component)

    def ask(self, texts: list[str]) -> list[dict[str, Any]]:
        from rasa.shared.nlu.constants import TEXT
        from rasa.shared.nlu.training_data.message import Message

        messages = [Message(data={TEXT: text}) for text in texts]
        for component in self._components:
            component.process(messages)
        answers = []
        for text, message in zip(texts, messages, strict=True):
            ranking = [one for one in message.get("intent_ranking") or [] if one["name"] != FALLBACK]
            intent = message.get("intent")
            top = ranking[0] if ranking else {"name": "none", "confidence": 0.0}
            answers.append(
                {
                    "text": text,
                    "guess": intent["name"],
                    "confidence": intent["confidence"],
                    "first": top["name"],
                    "top": top["confidence"],
                }
            )
        return answers


def _silence() -> None:
    import warnings

    import structlog

    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    logging.getLogger("jieba").setLevel(logging.WARNING)


def _share(some: list[Any], of: list[Any]) -> str:
    return f"{100 * len(some) / max(1, len(of)):5.1f} %  ({len(some)}/{len(of)})"


def _macro_f1(answers: list[dict[str, Any]]) -> float:
    scores = []
    for intent in {a["intent"] for a in answers}:
        hits = sum(a["intent"] == intent == a["guess"] for a in answers)
        scores.append(2 * hits / max(1, sum((a["intent"] == intent) + (a["guess"] == intent) for a in answers)))
    return sum(scores) / len(scores)


def _calibration_error(answers: list[dict[str, Any]]) -> float:
    """Mean distance of confidence and share of right guesses, over ten equal ranges of confidence."""
    ranges: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for a in answers:
        ranges[min(9, int(a["top"] * 10))].append(a)
    gaps = (abs(sum(a["top"] - (a["first"] == a["intent"]) for a in part)) for part in ranges.values())
    return sum(gaps) / len(answers)


if __name__ == "__main__":
    main()
