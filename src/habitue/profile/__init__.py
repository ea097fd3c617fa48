"""One row per person and day: everything known of a person before the start of that day."""
