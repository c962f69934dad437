"""Models that are fetched: what the hub says of one, its download, and what stands in for an unreachable hub.

Nothing here imports torch but `package`, which turns a GGUF file into a folder of safetensors.
"""
