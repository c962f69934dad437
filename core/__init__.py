"""Headlight's engine: which attention heads set anomalous texts apart, how they feed each other, how sure we are."""

import os

# Idle OpenMP threads spin by default; on a machine that is busy otherwise that slows small matrix products
# a hundredfold. Read once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
