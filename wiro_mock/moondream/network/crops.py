"""A picture becomes crops: the whole of it in small, and overlapping tiles of it in large.

This is work for the processor, and more of it than all else of a caption where the picture is large: it is done in
the request's own thread.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wiro_mock.moondream.sizes import VisionSizes

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def tiling_of(height: int, width: int, window: int, most: int) -> tuple[int, int]:
    """How many rows and columns of windows cover so many pixels: at most `most` in all, but more in a very long strip.

    That the strip gets more is the official code's doing; `pictures.PIXELS` bounds it.
    """
    if height <= window or width <= window:
        return 1, 1
    rows, columns = math.ceil(height / window), math.ceil(width / window)
    if rows * columns > most:
        ratio = math.sqrt(most / (rows * columns))
        return max(1, math.floor(rows * ratio)), max(1, math.floor(columns * ratio))
    rows = max(math.floor(math.sqrt(most * height / width)), rows)
    columns = max(math.floor(math.sqrt(most * width / height)), columns)
    if rows * columns > most:
        if columns > rows:
            columns = most // rows
        else:
            rows = most // columns
    return max(1, rows), max(1, columns)


def crops_of(picture: Picture, sizes: VisionSizes, dtype: torch.dtype) -> tuple[Tensor, tuple[int, int]]:
    """Crops [1 + rows x columns, 3, pixels, pixels] in -1..1, and (rows, columns). `picture` is RGB.

    The reference normalises in the arithmetic of its dtype, and so does this.
    """
    margin = 2 * sizes.overlap_margin * sizes.enc_patch_size
    window, edge = (sizes.grid - 2 * sizes.overlap_margin) * sizes.enc_patch_size, sizes.crop_size
    rows, columns = tiling_of(picture.height - margin, picture.width - margin, window, sizes.max_crops)
    large = np.asarray(picture.resize((columns * window + margin, rows * window + margin), Image.Resampling.LANCZOS))
    crops = [np.asarray(picture.resize((edge, edge), Image.Resampling.LANCZOS))]
    for top in range(0, rows * window, window):
        crops += [large[top : top + edge, left : left + edge] for left in range(0, columns * window, window)]
    numbers = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).to(dtype)
    return numbers.div_(255).sub_(0.5).div_(0.5), (rows, columns)
