"""The pipeline: the steps of a run in their order, which of them must run, and the call that runs them."""
