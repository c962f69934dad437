"""Partners made by the tool: texts of one side with the fewest words exchanged that behave as the other side does.

For each text whose metric stands on its own side:

1. One backward pass gives the slope of the metric at every token; it ranks exchanges of a word of the text by a word
   of the user's own texts (`_proposals`). A word of the answers, or without answers of what the model itself says
   behind the text, is never put in, and taken out only where the text says it a second time.
2. The most promising MOST_TRIED exchanges are read exactly, TOGETHER at a time, at most MOST_A_WORD of one word, until
   enough words have one that suffices. Where none does, tokens that the model holds likely in the places are tried.
3. An exchange suffices where it closes at least SUFFICIENT of the distance to the other side's mean, and is readable:
   the new word is in its place no less likely than the old one, than where the user has written it, or than all but
   FLOOR of the tokens of all texts; what follows loses no more than one such token; and the answers together are still
   about as likely as on the other side, so that the text does not merely say something else altogether.
4. Where no single exchange suffices, the best are made together, two, then three, greedily.
5. Kept are up to `per_text` of different words: those that leave the text the likeliest, and no less likely than the
   first by LESS_LIKELY. On the tuning models exact patching over these finds the true heads better (head AUC .98 and
   .92 of texts of unequal lengths, of trained models and of a real one) than over those that close the most (.97, .90).
"""

from core.causal.partner_search._given import read_made as read_made
from core.causal.partner_search._search import make_partners as make_partners
