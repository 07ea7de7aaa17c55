"""The registry: which consumer serves which message, under which workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow

from gnosari_temporal import Application, BaseConsumer, BaseMessage, Registry, workflow_for
from gnosari_temporal.errors import (
    DefinitionError,
    ProjectError,
    RegistryError,
    UnknownConsumer,
    UnknownMessageType,
)


class Order(BaseMessage):
    pass


class OrderConsumer(BaseConsumer):
    def process(self, message: Order) -> None: ...


class Invoice(BaseMessage):
    default_queue = "invoices"


class InvoiceConsumer(BaseConsumer):
    def process(self, message: Invoice) -> None: ...


@workflow.defn(name="Invoice", sandboxed=False)
class OwnInvoiceWorkflow:
    @workflow.run
    async def run(self, message: Invoice) -> None: ...


def test_a_consumer_brings_its_message_type_and_policy() -> None:
    registry = Registry(time_limit=timedelta(seconds=9))
    registry.add_consumer(OrderConsumer)
    assert registry.message_type("Order") is Order
    assert registry.consumer("OrderConsumer") is OrderConsumer
    assert registry.policy("Order").timeout == timedelta(seconds=9)


def test_adding_the_same_class_again_changes_nothing() -> None:
    registry = Registry()
    registry.add_consumer(OrderConsumer)
    registry.add_consumer(OrderConsumer)
    registry.add_message_type(Order)
    assert len(list(registry)) == 1


def test_names_that_are_not_there_are_told_with_the_closest_or_all() -> None:
    registry = Registry()
    with pytest.raises(UnknownMessageType, match="unknown message type 'Order': none is registered"):
        registry.message_type("Order")
    registry.add_consumer(OrderConsumer)
    with pytest.raises(UnknownMessageType, match="did you mean 'Order'"):
        registry.message_type("Ordr")
    with pytest.raises(UnknownConsumer, match="unknown consumer 'Nope': known are OrderConsumer"):
        registry.consumer("Nope")
    with pytest.raises(UnknownConsumer, match="no consumer for 'Invoice'"):
        registry.policy("Invoice")


def test_a_message_type_has_one_consumer() -> None:
    class Second(BaseConsumer):
        def process(self, message: Order) -> None: ...

    registry = Registry()
    registry.add_consumer(OrderConsumer)
    with pytest.raises(RegistryError, match="Order has two consumers, OrderConsumer and Second"):
        registry.add_consumer(Second)


def test_two_classes_of_one_name_are_refused_with_their_modules() -> None:
    other: Any = type("Order", (BaseMessage,), {"__module__": "elsewhere"})
    registry = Registry()
    registry.add_message_type(Order)
    with pytest.raises(RegistryError, match=rf"two message types are named Order: {__name__} and elsewhere"):
        registry.add_message_type(other)


def test_a_consumer_and_its_message_do_not_name_different_queues() -> None:
    class Elsewhere(BaseConsumer):
        queue = "elsewhere"

        def process(self, message: Invoice) -> None: ...

    with pytest.raises(RegistryError, match="Elsewhere names queue 'elsewhere', its message Invoice names 'invoices'"):
        Registry().add_consumer(Elsewhere)


def test_the_queues_that_are_declared_are_known() -> None:
    class OrderAtHome(OrderConsumer):
        queue = "orders"

    registry = Registry()
    registry.add_consumer(OrderAtHome)
    registry.add_message_type(Invoice)
    assert registry.declared_queues() == {"orders", "invoices"}
    assert registry.declared_queue(Order) == "orders"
    assert registry.declared_queue(Invoice) == "invoices"


def test_a_message_type_gets_a_workflow_of_its_name_unless_it_has_one() -> None:
    application = Application.build(consumers=[OrderConsumer, InvoiceConsumer], workflows=[OwnInvoiceWorkflow])
    workflows = application.registry.workflows
    assert workflows["Invoice"] is OwnInvoiceWorkflow
    assert workflow._Definition.must_from_class(workflows["Order"]).name == "Order"
    assert application.registry.has_own_workflow("Invoice")
    assert not application.registry.has_own_workflow("Order")


def test_a_workflow_without_a_consumer_is_told() -> None:
    application = Application.build(workflows=[workflow_for(Order)])
    with pytest.raises(ProjectError, match="Order has a workflow and no consumer"):
        application.check()


def test_workflow_for_takes_messages_only() -> None:
    with pytest.raises(DefinitionError, match="workflow_for takes a subclass of BaseMessage"):
        workflow_for(dict)  # type: ignore[arg-type]


def test_an_application_takes_consumers_for_consumers_only() -> None:
    with pytest.raises(DefinitionError, match="is no consumer: subclass BaseConsumer"):
        Application.build(consumers=[Order])  # type: ignore[list-item]


def test_dependencies_are_given_by_name() -> None:
    class Needs(BaseConsumer):
        def __init__(self, database: str, limit: int = 3) -> None:
            self.database, self.limit = database, limit

        def process(self, message: Order) -> None: ...

    application = Application.build(consumers=[Needs])
    made = application.make_consumer(Needs, {"database": "db", "other": 1})
    assert isinstance(made, Needs)
    assert (made.database, made.limit) == ("db", 3)
    with pytest.raises(DefinitionError, match=r"Needs.__init__ needs 'database', the application's lifespan opened x"):
        application.make_consumer(Needs, {"x": 1})


def test_a_factory_makes_consumers_where_there_is_one() -> None:
    made = OrderConsumer()
    application = Application.build(consumers=[OrderConsumer], factory=lambda consumer, resources: made)
    assert application.make_consumer(OrderConsumer, {}) is made
