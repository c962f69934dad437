"""Sentences made from a result, one home for the report, report.html, the command line and the pages.

Most functions take `Facts` and a language ("en" or "ja"), and are true for each state of a run:

- none           no head stands out
- no_difference  the model behaves the same on both sides, so that nothing was tested
- untested       candidates without evidence
- tested         effects were measured, whatever they are
"""
