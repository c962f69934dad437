"""The three ways to give examples: two boxes to paste into, a file, a table. All write the draft's examples."""

from pages.parts.examples.inputs.texts import add, change, take

__all__ = ["add", "change", "take"]
