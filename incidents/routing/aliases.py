"""Puts in what YAML's merge keys (``<<``) bring, and refuses aliases that grow without end."""

from __future__ import annotations

from typing import Final

import yaml

from schemas.yaml_values import Value

MOST_NODES: Final = 200_000
"""Of a file of routes, with each alias counted as what it stands for."""
_MERGE: Final = "tag:yaml.org,2002:merge"
_Pair = tuple[yaml.Node, yaml.Node]


def resolved(root: Value) -> Value:
    """A document with its merge keys put in.

    Raises
    ------
    DefinitionError
        If an alias stands inside what it stands for, or the document is too large.
    """
    size = _size(root, root.node, {}, set())
    if size > MOST_NODES:
        raise root.error(f"{size} values with all aliases, where {MOST_NODES} are the most", "Remove aliases")
    return root


def _size(root: Value, node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """How many nodes one stands for; every node is looked at once."""
    if id(node) in above:
        line = node.start_mark.line + 1
        raise root.error(f"the value of line {line} holds an alias of itself", "Write out what it stands for")
    if (size := known.get(id(node))) is not None:
        return size
    above.add(id(node))
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        below = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = list(node.value)
    size = 1 + sum(_size(root, one, known, above) for one in below)
    if isinstance(node, yaml.MappingNode):
        node.value = _merged(node.value)
    above.discard(id(node))
    known[id(node)] = size
    return size


def _merged(pairs: list[_Pair]) -> list[_Pair]:
    """Pairs, and those of merged mappings that none of them has; the first mapping that has one gives it."""
    own = [pair for pair in pairs if pair[0].tag != _MERGE]
    taken = {str(key.value) for key, _ in own}
    for key, value in pairs:
        if key.tag != _MERGE:
            continue
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for pair in (pair for one in sources if isinstance(one, yaml.MappingNode) for pair in one.value):
            if str(pair[0].value) not in taken:
                taken.add(str(pair[0].value))
                own.append(pair)
    return own
