"""The stages of a run: read, transform, write; and the pipeline that decides which must run."""
