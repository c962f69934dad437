"""Forms of files: bytes as characters, cells, records, sheets."""
