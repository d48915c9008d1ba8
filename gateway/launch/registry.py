"""pip's configuration in uv's words, so that a machine set up for one installer works with the other."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def parse_pip_configuration(text: str) -> dict[str, str]:
    """The output of `pip config list` as option → value; the environment's value wins over a file's."""
    options: dict[str, tuple[int, str]] = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        section, _, option = key.partition(".")
        if not separator or not option:
            continue
        strength = {"global": 0, "install": 1, ":env:": 2}.get(section, -1)
        if strength >= options.get(option, (0, ""))[0]:
            options[option] = (strength, str(ast.literal_eval(value)))
    return {option: value for option, (_, value) in options.items()}


def uv_environment(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv that say what pip's options say. What the operator set for uv stays as it is."""
    said: dict[str, str] = {}
    if index := pip.get("index-url"):
        said["UV_DEFAULT_INDEX"] = index
    # Indexes in local folders are left out: they hold a part of some release, and uv, unlike pip, would
    # stop at that part.
    if extra := [each for each in pip.get("extra-index-url", "").split() if not each.startswith("file:")]:
        said["UV_INDEX"] = " ".join(extra)
        # As pip does it: the best version of all indexes. The hashes of the locks make that safe.
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if links := pip.get("find-links", "").split():
        said["UV_FIND_LINKS"] = ",".join(links)
    if certificate := pip.get("cert"):
        said["SSL_CERT_FILE"] = certificate
    return {name: value for name, value in said.items() if name not in environment}
