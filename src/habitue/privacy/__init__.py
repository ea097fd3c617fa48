"""Privacy: the consent gate (and the vault)."""
