"""What each head or MLP block that matters does: where it looks, what it writes, its role, and the model without it."""

from core.mechanisms.gathering import Told as Told
from core.mechanisms.gathering import mechanisms as mechanisms
from core.mechanisms.gathering import steps_of as steps_of
