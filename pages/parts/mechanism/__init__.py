"""The mechanism card of a head or MLP block, as Circuit and Evidence show it."""
