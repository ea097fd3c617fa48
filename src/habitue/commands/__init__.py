"""What people ask of a lake beside a run: look-ups, decisions, proposals, repairs. No stage rests on them."""
