"""What axe-core finds on a page that a browser shows; its script comes from ``axe_playwright_python.base``."""

from typing import Final

#: Takes a selector and options of axe; a line for each rule that is violated.
CHECK: Final = """([what, options]) => axe.run(what, { preload: false, resultTypes: ["violations"], ...options }).then(
    found => found.violations.map(({ id, nodes }) => `violates ${id}: ${nodes.map(node => node.target).join(", ")}`)
)"""
