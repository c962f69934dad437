"""What a graphics card computes, and how fast: `make gpu`, or `python -m core benchmark --gpu`.

Four sections, the most important first, each with its share of the time: results held against the processor's
(`equality`), whole analyses beside one forward pass (`speed`), memory beyond the weights (`memory`), and one analysis
at the size of a model of 7 billion parameters (`large`). What did not fit the time is named with the reason.
"""
