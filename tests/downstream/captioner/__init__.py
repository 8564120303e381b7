"""Captions of pictures from the Wiro API, with whichever HTTP library you already have."""
