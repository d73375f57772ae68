"""What each choice brings: the same training with one thing changed, over several seeds.

rows: the choices, and what was published about them.   running: trains and tests what is missing.
page: the table of docs/ablations.md.
"""
