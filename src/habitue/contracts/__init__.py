"""Every table in one place: name, grain, columns, checks, personal-data class, retention."""
