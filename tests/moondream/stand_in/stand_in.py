"""What the official `moondream.py` does, in the form that matters here: one cache, buffers, settings, generators."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from wiro_mock.moondream.network.crops import crops_of
from wiro_mock.moondream.network.model import Moondream3
from wiro_mock.moondream.sizes import from_config

from .masks import mask_of, speeds_of


class StandIn(nn.Module):
    def __init__(self, told):
        super().__init__()
        self.sizes = sizes = from_config(told)
        made = Moondream3(sizes)
        self.vision, self.text, self.region = made.vision, made.text, made.region
        self.text.register_buffer("freqs_cis", speeds_of(sizes), persistent=False)
        self.register_buffer("attn_mask", mask_of(sizes), persistent=False)
        self.tokenizer = Tokenizer.from_file(str(Path(told["tokenizer_file"])))
        self.use_flex_decoding = True
        self._whole = [made]  # in a list: it is no submodule
        self._cache = None

    def caption(self, image, length="normal", stream=False, settings=None):
        words = self._words(image, list(self.sizes.tokens.caption[length]), settings)
        return {"caption": words if stream else "".join(words)}

    def query(self, image=None, question=None, reasoning=True, spatial_refs=None, stream=False, settings=None):
        before, after = self.sizes.tokens.around["query"]
        words = self._words(image, [*before, *self.tokenizer.encode(question).ids, *after], settings)
        trace = {"reasoning": {"text": "so it is", "grounding": []}} if reasoning else {}
        return {**trace, "answer": words if stream else "".join(words)}

    def detect(self, image, object, settings=None):
        return {"objects": [{"x_min": 0.1, "y_min": 0.1, "x_max": 0.5, "y_max": 0.5}][: settings["max_objects"]]}

    def point(self, image, object, settings=None):
        return {"points": [{"x": 0.5, "y": 0.5}][: settings["max_objects"]]}

    def _words(self, image, prompt, settings):
        """Greedy, token by token; on one cache, so that two at a time spoil each other."""
        assert settings["variant"] is None and not self.use_flex_decoding
        made, wte = self._whole[0], self.text.wte
        made.model["text"], made.model["vision"] = self.text, self.vision
        x = made.embedded(*crops_of(image, self.sizes.vision, wte.dtype), prompt)
        # What the buffers spoil, they spoil silently.
        seen = self.attn_mask[0, 0, : x.shape[1], 0].to(x.dtype)
        x = x * seen[:, None] + 0 * self.text.freqs_cis.real.sum().to(x.dtype)
        if self._cache is None:
            self._cache = self.text.cache(1, 1024)
        hidden, self._pos = made.prefill(x, self._cache, 0), x.shape[1]
        for _ in range(settings["max_tokens"]):
            token = int(made.logits(hidden)[0].argmax())
            if token == self.sizes.tokens.eos_id:
                return
            yield self.tokenizer.decode([token])
            pos = torch.tensor([self._pos])
            hidden = made.step(wte[token][None], pos, self._cache, self._pos + 1)
            self._pos += 1
