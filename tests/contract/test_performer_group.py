"""The performer service on several ranks: real processes, what they answer, and how they end."""

import asyncio
import functools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import pytest
import torch
from torch import nn

from services.performer.config import PerformerConfig
from services.performer.service import build_performer
from tests.support.suite import header, perform_start, tiny_model
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.config import EngineConfig
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.engine.warm_up import UNITS as WARM_UP_UNITS
from wan_streamer.errors import InvalidInput, PlacementLost
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.server import RunningServer, started
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc
