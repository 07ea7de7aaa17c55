"""Import statements: what they take from Celery, and the statement to write instead."""

from __future__ import annotations

import ast

from . import names
from .context import Context
from .findings import Verdict
from .modules import Module
from .rules import rule_for
from .scopes import Scope

EXTENSION_APPS = ("django_celery_beat", "django_celery_results", "djcelery", "celery_progress")
"""Packages that Django's ``INSTALLED_APPS`` names as strings."""
EXTENSIONS = {
    "django_celery_beat": "`gnosari schedule create` for each row of its tables.",
    "django_celery_results": "Read results with `AsyncResult`, or write them to your own table in the task.",
    "redbeat": "`gnosari schedule create` for each entry.",
    "celery_redbeat": "`gnosari schedule create` for each entry.",
    "celery_once": "Give the call a `task_id` made from its arguments: an id that is running is the same call.",
    "celery_singleton": "Give the call a `task_id` made from its arguments: an id that is running is the same call.",
    "celery_batches": "Send one call with the list of items, or `send_many`.",
    "celery_progress": "`self.update_state(…)` and `AsyncResult.info`, or `gnosari job show --json`.",
    "pytest_celery": "`gnosari_temporal.testing`",
    "tenant_schemas_celery": "Pass the tenant as an argument or in `headers=`, and set it in `before_start`.",
    "celery_pool_asyncio": "Nothing: `async def` tasks run here.",
    "celery_prometheus_exporter": "The metrics of Temporal's worker and server.",
    "djcelery": "Put its settings into the app's configuration, its schedules on the server.",
    "djkombu": "Nothing: there is no broker.",
    "flower": "The Temporal Web UI (`gnosari flower` says where it is).",
    "sentry_sdk": "Without its Celery integration: capture exceptions in `on_failure` of a base class.",
    "opentelemetry": "Temporal's own interceptor (`temporalio.contrib.opentelemetry`).",
}
"""What to do about each extension, by the first part of its name."""
_GNOSARI_MODULES = {
    "app": ("celery_app", "create_celery_app"),
    "base": ("BaseMessage", "BaseConsumer"),
    "config": ("CeleryConfig",),
}


class ImportAnalysis:
    """Looks at the import statements of one module."""

    def __init__(self, module: Module, context: Context) -> None:
        self._module = module
        self._inference = context.inference
        self._recorder = context.recorder

    def statement(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        """Records what an import statement takes from Celery."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._plain(alias)
            return
        module, dotted = self._inference.source_of(node, scope)
        if module is not None:
            return
        for alias in node.names:
            if node.level:
                self._relative(alias, dotted)
            else:
                self._from(alias, dotted)

    def _plain(self, alias: ast.alias) -> None:
        target = f"import {names.OURS}{alias.name.removeprefix('celery')}"
        if alias.asname or "." not in alias.name:
            target += f" as {alias.asname or 'celery'}"
        else:
            target = f"import {names.OURS} as celery, {target.removeprefix('import ')}"
        self._record(alias, alias.name, f"`{target}`")

    def _from(self, alias: ast.alias, dotted: str) -> None:
        name = names.canonical(dotted if alias.name == "*" else f"{dotted}.{alias.name}")
        if alias.name == "*":
            self._record(alias, dotted, f"`from {names.OURS}{dotted.removeprefix('celery')} import *`")
            return
        module, attribute = names.new_import(name)
        statement = f"from {module} import {attribute}"
        if (alias.asname or alias.name) != attribute:
            statement += f" as {alias.asname or alias.name}"
        self._record(alias, f"{dotted}.{alias.name}", f"`{statement}`")

    def _relative(self, alias: ast.alias, dotted: str) -> None:
        """``from ..app import celery_app`` inside the Gnosari queue package, when the package itself is not there."""
        if alias.name in _GNOSARI_MODULES.get(dotted, ()):
            self._recorder.node(
                self._module,
                alias,
                "import.gnosari-queue",
                remedy=f"`from {names.OURS}.{dotted} import {alias.name}`",
            )

    def _record(self, node: ast.AST, written: str, new: str) -> None:
        name = names.canonical(written)
        found = rule_for(f"name:{name}")
        if found is None:
            return
        if names.is_ours(written) and (found.verdict is not Verdict.DOES_NOT_RUN or found.id == "import.other"):
            return
        if found.verdict is Verdict.CHANGED_IMPORT:
            self._recorder.node(self._module, node, found, remedy=new)
        elif found.id == "import.extension":
            self._recorder.node(self._module, node, found, remedy=extension_remedy(name))
        else:
            self._recorder.node(self._module, node, found)


def extension_remedy(package: str) -> str:
    """What to do about an extension of Celery's, by the name of its package or of something in it."""
    return EXTENSIONS.get(package.split(".")[0].replace("-", "_"), "Do without it.")
