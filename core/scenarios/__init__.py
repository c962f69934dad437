"""Bundled models with examples and, where it is known, the true circuit: `core.scenarios.loader` reads them."""
