"""Adapters and mappings: whatever a company has becomes canonical rows."""
