"""Loads YAML into frozen settings; each domain package owns its section."""
