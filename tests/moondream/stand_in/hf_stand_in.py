"""A repository of our own in the form of the official one, with its traps; the numbers are computed by our module."""

from transformers import PretrainedConfig, PreTrainedModel

from .stand_in import StandIn


class HfConfig(PretrainedConfig):
    model_type = "moondream3"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.config = {}  # as the official class: what config.json says is lost


class HfMoondream(PreTrainedModel):
    config_class = HfConfig

    def __init__(self, config):
        super().__init__(config)
        self.model = StandIn(config.config)
        self.caption, self.query = self.model.caption, self.model.query
        self.detect, self.point = self.model.detect, self.model.point
        # No post_init(), as in the official code before transformers 5.
