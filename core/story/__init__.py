"""A finished run as it is told: words, units, answers, the lines between them, and the picture of it.

Read from the run's files alone, without torch.
"""

from core.story.building import story_of as story_of
from core.story.card import Card as Card
from core.story.card import card_html as card_html
from core.story.card import proven_cards as proven_cards
from core.story.story import Line as Line
from core.story.story import Node as Node
from core.story.story import Said as Said
from core.story.story import Story as Story
from core.story.story import StoryText as StoryText
from core.story.story import Word as Word
from core.story.svg import draw as draw
from core.story.titles import role_meaning as role_meaning
from core.story.titles import role_name as role_name
from core.story.titles import title as title
