"""The catalogs of translations, one for each language but English, which the texts themselves are in.

python -m scripts.translations            add texts that are new to each catalog, drop those that are gone
python -m scripts.translations --check    exit with 1 and name what is missing, outdated or does not fit
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from polaris.domain.arguments import StrictStruct, arguments, help_of
from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import KINDS
from polaris.domain.languages import ENGLISH, NAMES
from polaris.translations import DIRECTORY
from polaris.verbs import GROUPS

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None, "lazy_gettext": None, "say": None, "say_count": (1, 2)}
SOURCES = {"polaris": [("**.py", "python")], "templates": [("**.html", "jinja2")]}
LANGUAGES = [language for language in NAMES if language != ENGLISH]


def main(arguments: list[str]) -> int:
    texts = extracted()
    if arguments == ["--check"]:
        problems = [problem for language in LANGUAGES for problem in check(language, texts)]
        sys.stderr.writelines(f"{problem}\n" for problem in problems)
        return bool(problems)
    for language in LANGUAGES:
        update(language, texts)
    return 0


def extracted() -> Catalog:
    """Return every text of the code, the templates, and the forms of verbs and commands."""
    texts = Catalog()
    for folder, methods in SOURCES.items():
        for _, _, text, _, context in extract_from_dir(ROOT / folder, methods, keywords=KEYWORDS):
            texts.add(text, flags=("python-format",) if "%(" in str(text) else (), context=context)
    for text in of_forms():
        texts.add(text)
    return texts


def of_forms() -> Iterator[str]:
    """Yield the texts of the catalogs of verbs and of commands: they stand there without a mark."""
    for verb in (verb for group in GROUPS.values() for verb in group.values()):
        yield from _of_type(verb.type, verb.words)
    for kind, type_ in KINDS.items():
        yield parameters.title(kind)
        yield from _of_type(type_)


def _of_type(type_: type[StrictStruct], worded: Container[str] = ()) -> Iterator[str]:
    yield from help_of(type_)
    for argument in arguments(type_):
        yield from filter(None, (argument.label, argument.meaning))
        if argument.name not in worded:  # choices that are not ours, such as OCPP's types of cards, are no texts
            yield from (choice for choice in argument.choices if choice.islower())


def update(language: str, texts: Catalog) -> None:
    """Give a catalog exactly the extracted texts; keep the translations that it has."""
    before = catalog(language)
    after = Catalog(language, header_comment="# Translations to $LANGUAGE.", fuzzy=False)
    for text in texts:
        if text.id:
            old = before.get(text.id, text.context)
            string = old.string if old and _is_same(old, text) else None
            after.add(text.id, string, flags=text.flags, context=text.context)
    file = BytesIO()
    write_po(file, after, width=120, no_location=True, omit_header=True, sort_output=True)
    path(language).write_bytes(file.getvalue().lstrip())


def check(language: str, texts: Catalog) -> Iterator[str]:
    """Yield what is wrong with a catalog, in sentences."""
    held = catalog(language)
    for text in texts:
        if text.id and not _is_translated(held.get(text.id, text.context), text):
            yield f"{language}: not translated: {_named(text)}"
    for message in held:
        if message.id and texts.get(message.id, message.context) is None:
            yield f"{language}: no longer used: {_named(message)}"
    for message, errors in held.check():
        yield from (f"{language}: {error}: {_named(message)}" for error in errors)


def catalog(language: str) -> Catalog:
    if not path(language).exists():
        return Catalog(language)
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def path(language: str) -> Path:
    return DIRECTORY / f"{language}.po"


def _named(message: Message) -> str:
    return f"{message.id!r} ({message.context})" if message.context else repr(message.id)


def _is_same(one: Message, other: Message) -> bool:
    return one.id == other.id  # a plural may have become a singular


def _is_translated(message: Message | None, text: Message) -> bool:
    if message is None or not _is_same(message, text):
        return False
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(strings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
