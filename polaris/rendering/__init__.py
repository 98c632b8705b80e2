"""Rendering of values as text and HTML: filters, translations and fragments. It knows no page."""
