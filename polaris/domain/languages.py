"""The languages of the pages."""

from __future__ import annotations

ENGLISH = "en"  # of the texts themselves
NAMES = {ENGLISH: "English", "de": "Deutsch", "fr": "Français", "nl": "Nederlands", "es": "Español"}
