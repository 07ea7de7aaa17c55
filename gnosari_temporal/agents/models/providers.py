"""The models of a worker by name: which class answers, made on first use."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ...errors import ModelNotConfigured
from ...settings import Settings
from ..model_call import SCRIPTED
from .scripted import ScriptedModel

if TYPE_CHECKING:
    from ..model_call import Model
    from .sdk import SdkModels


class Models:
    """Finds the model of a name.

    ``scripted:FILE`` plays a file of turns; ``litellm/NAME`` goes through LiteLLM; every other name is a model of
    OpenAI, or of whoever answers at ``OPENAI_BASE_URL``. The Agents SDK, whose import takes two seconds, is imported
    by the first call that needs it.
    """

    def __init__(self, settings: Settings) -> None:
        """The environment of the settings has ``OPENAI_API_KEY`` and so on."""
        self._settings = settings
        self._sdk: SdkModels | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._sdk is not None:
            await self._sdk.close()

    async def get(self, name: str) -> Model:
        """The model of this name.

        Raises:
            ModelNotConfigured: what it needs is missing.
            TeamError: a script is wrong.
        """
        if name.startswith(SCRIPTED):
            return await asyncio.to_thread(ScriptedModel.load, name.removeprefix(SCRIPTED))
        async with self._lock:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(_import_sdk, self._settings)
        return self._sdk.get(name)


def _import_sdk(settings: Settings) -> SdkModels:
    """Import the SDK, in a thread: the worker's loop goes on meanwhile."""
    try:
        from .sdk import SdkModels
    except ImportError as error:
        raise ModelNotConfigured(
            f"models need the package {error.name or error!r}, which is not installed: "
            "pip install 'gnosari-temporal[agents]'"
        ) from error
    return SdkModels(settings)
