"""A real Moondream 3 in a process of its own, behind the public Moondream protocol.

This room knows nothing of Wiro and nothing of the rest of the house: whoever speaks the protocol may use the server,
the mock as well as Moondream's own client. It is started by `wiro-mock moondream serve` and needs the extra
`moondream`; torch and its kin are imported inside functions, so that importing a module of this room costs nothing
(only those in `network/` import torch, and only `loading` and the engine import them).

    refusals, words, sizes      what is said no to; ids → text; how large the model is
    asking → pictures           a request's body → an `Ask`; its picture, decoded with limits
    line, job                   who waits, in order; one request on its way through an engine
    network/, checkpoint        the model in torch; a folder of weights, checked before it is read
    slots | reference           the two engines: our own module in slots; the official code, one at a time
    app → running               HTTP; the process
    checking, bench             for who has weights; for who has a GPU
"""
