"""Promises of Wiro's API, checkable against any base URL: the mock, a server of one's own, or the real thing.

`checks` holds one function per promise; `runner` plays them. README.md in this folder is the guide.
"""
