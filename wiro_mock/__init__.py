"""wiro_mock: the Wiro that developers test against."""
