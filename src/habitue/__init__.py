"""habitue: one profile per person, what each is worth, who is leaving, and the audiences that follow."""

__version__ = "0.1.0"
