"""Audiences: the rule grammar, membership, holdouts and splits, changes, funnel and overlap."""
