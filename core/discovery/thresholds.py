"""What the stability of a selection must reach. Free of torch, so that pages and reports can name the numbers."""

BAR = 0.8
"""Least mean Jaccard overlap of selections, and least share of effects that hold on texts left out."""

DIVERSITY = 0.5
"""Least share of the candidates' score that is not due to a more varied anomalous side."""
