"""Models: who answers an agent's turns. The SDK's ones for providers, and a scripted one."""

from .consumer import ModelCallConsumer
from .providers import Models

__all__ = ["ModelCallConsumer", "Models"]
