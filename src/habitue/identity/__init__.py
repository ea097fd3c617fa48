"""Identity resolution: which identifiers belong to one person, and since when that was known."""
