"""Partners made by the tool: texts of one side with the fewest words exchanged that behave as the other side does.

For each text whose metric stands on its own side:

1. One backward pass gives the slope of the metric at every token; it ranks exchanges of a word of the text by a word
   of the user's own texts (`_proposals`). A word of the answers, or without answers of what the model itself says
   behind the text, is never put in, and taken out only where the text says it a second time.
2. The most promising MOST_TRIED exchanges are read exactly, TOGETHER at a time, at most MOST_A_WORD of one word, until
   enough words have one that suffices. Where none does, tokens that the model holds likely in the places are tried.
3. An exchange suffices where it closes at least SUFFICIENT of the distance to the other side's mean, and is readable:
   a token of the new word is in its place no less likely than FLOOR of the text's own tokens, or than the old word,
   and what follows loses no more than one such token.
4. Where no single exchange suffices, the best are made together, two, then three, greedily.
5. Kept are up to `per_text` of different words; of one word that which comes nearest to the other side's level.
"""

from core.causal.partner_search._given import read_made as read_made
from core.causal.partner_search._search import make_partners as make_partners
