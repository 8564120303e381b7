"""Drift: what a real service sends, or sent when it was recorded, against what the mock sends for the same requests.

`takes` are values: what was asked and what came. `tap` takes down a live one (`probe` asks it, `hearing` receives its
webhooks), `recordings` and `har` read those on disk. `replay` asks a mock the same (`scripts` says what it is to play,
`asking` how, `storage` which file is meant), `judging` holds both together (`answers`, `outcomes`, `streams`,
`welcome`, `hooks`, `downloads`). `by_itself` and `timing` look at what the mock would play if nobody told it.
`remedies` and `lines` know what to change, `report` tells. The guide is in wiro_mock/contract/README.md.
"""
