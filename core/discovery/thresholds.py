"""What the stability of a selection must reach. Free of torch, so that pages and reports can name the numbers."""

BAR = 0.8
DIVERSITY = 0.5
