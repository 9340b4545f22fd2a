"""Prints a line for everything in a file that is not Bicep."""

import sys

import tree_sitter_bicep
from tree_sitter import Language, Parser

with open(sys.argv[1], "rb") as file:
    text = file.read()
nodes = [Parser(Language(tree_sitter_bicep.language())).parse(text).root_node]
while nodes:
    node = nodes.pop()
    if node.is_error or node.is_missing:
        print(f"line {node.start_point[0] + 1}: {text[node.start_byte:node.end_byte][:60]!r}")
    nodes.extend(node.children)
