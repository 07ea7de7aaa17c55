"""Models of the OpenAI Agents SDK: OpenAI, whatever speaks its protocol, and LiteLLM.

Importing this module imports the SDK.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

from agents import FunctionTool, ModelResponse, ModelSettings, ModelTracing, OpenAIProvider, set_tracing_disabled
from agents import Model as SdkModel
from agents import Usage as SdkUsage
from agents.exceptions import ModelBehaviorError
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError
from openai.types.shared import Reasoning

from ...consumers import current_job
from ...errors import ModelNotConfigured, ModelRefused, ModelUnavailable
from ...settings import Settings
from ..model_call import ModelCallMessage, ModelReply
from ..state import Item
from ..usage import Usage
from .retrying import delay_asked, is_retryable, provider_message

_LITELLM = "litellm/"
_OPENAI = "openai/"
_OWN_HOSTS = ("api.openai.com", "")


class SdkModels:
    """The SDK's models, with one HTTP client for all of them; its own retries are off."""

    def __init__(self, settings: Settings) -> None:
        set_tracing_disabled(True)  # the Temporal history is the trace; the SDK's would go to OpenAI
        self._api = settings.openai_api
        self._environ = settings.environ
        self._provider: OpenAIProvider | None = None
        self._client: AsyncOpenAI | None = None

    def get(self, name: str) -> ProviderModel:
        """The model of this name.

        Raises:
            ModelNotConfigured: no key, or LiteLLM is not installed.
        """
        if name.startswith(_LITELLM):
            return ProviderModel(name, self._litellm(name.removeprefix(_LITELLM)))
        return ProviderModel(name, self._openai().get_model(name.removeprefix(_OPENAI)))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    def _openai(self) -> OpenAIProvider:
        if self._provider is None:
            base_url = self._environ.get("OPENAI_BASE_URL") or None
            key = self._environ.get("OPENAI_API_KEY") or ("none" if base_url else None)
            if key is None:
                raise ModelNotConfigured(
                    "OPENAI_API_KEY is not set on the worker: set it, or OPENAI_BASE_URL for another endpoint; "
                    "`scripted:FILE` as the model needs neither"
                )
            self._client = AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0)
            self._provider = OpenAIProvider(openai_client=self._client, use_responses=self._use_responses(base_url))
        return self._provider

    def _use_responses(self, base_url: str | None) -> bool:
        """Whether to speak the Responses API: other endpoints mostly know Chat Completions only."""
        if self._api != "auto":
            return self._api == "responses"
        return (urlsplit(base_url).hostname or "" if base_url else "") in _OWN_HOSTS

    @staticmethod
    def _litellm(name: str) -> SdkModel:
        try:
            from agents.extensions.models.litellm_model import LitellmModel
        except ImportError as error:
            raise ModelNotConfigured(
                f"model 'litellm/{name}' needs LiteLLM: pip install 'gnosari-temporal[litellm]'"
            ) from error
        return LitellmModel(model=name)


class ProviderModel:
    """One model of a provider."""

    def __init__(self, name: str, model: SdkModel) -> None:
        self._name = name
        self._model = model

    async def reply(self, call: ModelCallMessage, on_text: Callable[[str], None]) -> ModelReply:
        """Ask the model.

        Raises:
            ModelUnavailable: a rate limit, a server error or a lost connection.
            ModelRefused: the provider does not accept the call.
        """
        try:
            response = await (self._streamed(call, on_text) if call.stream else self._whole(call))
        except APIStatusError as error:
            raise self._of_status(error) from error
        except (APIConnectionError, ModelBehaviorError) as error:
            reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
            raise ModelUnavailable(f"{self._name}: {reason}", delay=_policy_delay()) from error
        except OpenAIError as error:
            raise ModelNotConfigured(f"{self._name}: {error}") from error
        items = [_plain(item) for item in response.to_input_items()]
        return ModelReply(items=items, usage=_usage(response.usage))

    async def _whole(self, call: ModelCallMessage) -> ModelResponse:
        return await self._model.get_response(**_arguments(call))

    async def _streamed(self, call: ModelCallMessage, on_text: Callable[[str], None]) -> ModelResponse:
        events: AsyncIterator[Any] = self._model.stream_response(**_arguments(call))
        async for event in events:
            if event.type == "response.output_text.delta":
                on_text(event.delta)
            elif event.type in ("response.completed", "response.incomplete"):
                return _of_stream(event.response)
            elif event.type in ("response.failed", "error"):
                raise ModelBehaviorError(str(getattr(event, "message", "") or event.response.error))
        raise ModelBehaviorError("the stream ended before the response was complete")

    def _of_status(self, error: APIStatusError) -> ModelUnavailable | ModelRefused:
        text = f"{self._name}: HTTP {error.status_code}: {provider_message(error.body, error.message)}"
        if not is_retryable(error.status_code, error.response.headers, error.body):
            return ModelRefused(text, status=error.status_code)
        return ModelUnavailable(text, delay=delay_asked(error.response.headers) or _policy_delay())


def _policy_delay() -> float:
    job = current_job()
    return job.retry.delay(job.message.retry_count + 1).total_seconds()


async def _never(*_: Any) -> str:
    raise NotImplementedError("a tool is called by the agent's workflow")


def _arguments(call: ModelCallMessage) -> dict[str, Any]:
    tools = [
        FunctionTool(
            name=tool.name,
            description=tool.description,
            params_json_schema=tool.parameters,
            on_invoke_tool=_never,
            strict_json_schema=False,
        )
        for tool in call.tools
    ]
    settings = ModelSettings(
        temperature=call.temperature,
        reasoning=Reasoning(effort=call.reasoning_effort) if call.reasoning_effort else None,
        include_usage=True if call.stream else None,
    )
    return {
        "system_instructions": call.instructions or None,
        "input": [dict(item) for item in call.input],
        "model_settings": settings,
        "tools": tools,
        "output_schema": None,
        "handoffs": [],
        "tracing": ModelTracing.DISABLED,
        "previous_response_id": None,
        "conversation_id": None,
        "prompt": None,
    }


def _of_stream(response: Any) -> ModelResponse:
    usage = SdkUsage(requests=1)
    if response.usage is not None:
        usage = SdkUsage(
            requests=1,
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            total_tokens=response.usage.total_tokens,
            input_tokens_details=response.usage.input_tokens_details,
            output_tokens_details=response.usage.output_tokens_details,
        )
    return ModelResponse(output=response.output, usage=usage, response_id=response.id)


def _usage(usage: SdkUsage) -> Usage:
    return Usage(
        requests=max(usage.requests, 1),
        input_tokens=usage.input_tokens,
        cached_tokens=usage.input_tokens_details.cached_tokens or 0,
        output_tokens=usage.output_tokens,
    )


def _plain(item: Any) -> Item:
    plain = item.model_dump(mode="json", exclude_unset=True) if hasattr(item, "model_dump") else dict(item)
    return {key: value for key, value in plain.items() if key != "provider_data"}
