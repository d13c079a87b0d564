"""Day-2 commands over a deployed stack, one file each; `python -m ops --help` lists them."""
