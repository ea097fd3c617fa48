"""A seeded synthetic lake with planted truth: people, what they do and why, and what habitue should find."""
