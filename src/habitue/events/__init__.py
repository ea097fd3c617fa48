"""Events: clocks, repeats, bots, and the visits they form."""
