"""How a tree of messages is spread over workflows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal.client.canvas import fit
from gnosari_temporal.execution.canvas import MOST_INLINE, ChainNode, GroupNode, MessageNode, Node, messages_of
from gnosari_temporal.execution.members import Member

LEAF = MessageNode(member=Member(type="Note", message={"message_id": "x"}))


def wide(count: int) -> GroupNode:
    return GroupNode(nodes=(LEAF,) * count)


def long(count: int) -> ChainNode:
    return ChainNode(nodes=(LEAF,) * count)


trees = st.recursive(
    st.builds(wide, st.integers(1, 350)) | st.builds(long, st.integers(1, 350)) | st.just(LEAF),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=5).map(lambda nodes: GroupNode(nodes=tuple(nodes)))
        | st.lists(inner, min_size=1, max_size=5).map(lambda nodes: ChainNode(nodes=tuple(nodes)))
    ),
    max_leaves=6,
)


def shape(node: Node) -> object:
    """What the tree computes: slices joined, chains of chains as one."""
    if isinstance(node, MessageNode):
        return "message"
    parts = [shape(part) for part in node.nodes]
    if isinstance(node, GroupNode):
        return ["group", *(inner for part in parts for inner in part[1:])] if node.sliced else ["group", *parts]
    flat: list[object] = ["chain"]
    for part in parts:
        flat.extend(part[1:] if isinstance(part, list) and part[0] == "chain" else [part])
    return flat


@settings(max_examples=40)
@given(trees)
def test_no_workflow_runs_more_messages_than_it_may_and_the_tree_computes_the_same(tree: Node) -> None:
    # when
    fitted = fit(tree)

    # then
    inline: dict[str, int] = {}
    for _, _, apart in messages_of(fitted):
        inline[apart] = inline.get(apart, 0) + 1
    assert max(inline.values()) <= MOST_INLINE
    assert len({path for _, path, _ in messages_of(fitted)}) == sum(inline.values())
    assert shape(fitted) == shape(tree)


def test_a_small_tree_stays_as_it_is() -> None:
    tree = GroupNode(nodes=(long(3), wide(4), LEAF))

    assert fit(tree) == tree


def test_a_very_wide_group_is_sliced_more_than_once() -> None:
    fitted = fit(wide(12_000))

    assert isinstance(fitted, GroupNode)
    assert len(fitted.nodes) <= MOST_INLINE
    assert sum(1 for _ in messages_of(fitted)) == 12_000
