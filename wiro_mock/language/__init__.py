"""The scenario language from the inside: steps and their checks, times and substitution, YAML without its traps.

`wiro_mock.scenario` is what it makes, `wiro_mock.loader` is what reads it. Internal: import those two.
"""
