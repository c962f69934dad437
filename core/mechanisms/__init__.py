"""What each head or MLP block that matters does: where it looks, what it writes, its role, and the model without it."""
