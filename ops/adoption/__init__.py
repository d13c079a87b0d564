"""The parts of `python -m ops adopt`: values to settings, what is left, the state, the hand-over."""
