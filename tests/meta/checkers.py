"""Rules of architecture, each a function from source text to the list of what breaks it."""

import ast
from collections.abc import Iterator

LIGHTNING = frozenset({"lightning", "lightning_fabric", "pytorch_lightning"})
FORMULA_OPERATORS = (ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.MatMult)
FORMULA_LIBRARIES = frozenset({"math", "numpy", "torch"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def formulas(source: str) -> list[str]:
    """Arithmetic and calls into math, numpy or torch, outside annotations."""
    tree = ast.parse(source)
    imported = _aliases(tree)
    annotations = _inside_annotations(tree)
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.Call)
        and node not in annotations
        and (_calls_into(node.func, imported) if isinstance(node, ast.Call) else isinstance(node.op, FORMULA_OPERATORS))
    ]


def lightning_names(source: str) -> list[str]:
    """Imports of Lightning, by statement or by name."""
    return [
        f"{node.lineno}: {name}"
        for node, name in _imported_modules(ast.parse(source))
        if name.split(".")[0] in LIGHTNING
    ]


def private_names(source: str, package: str) -> list[str]:
    """Imports of what ``package`` keeps to itself: a part that starts with an underscore."""
    return [
        f"{node.lineno}: {name}"
        for node, name in _imported_modules(ast.parse(source))
        if name.split(".")[0] == package and any(_is_private(part) for part in name.split("."))
    ]


def long_module(source: str, limit: int) -> list[str]:
    """The number of lines, when it is over ``limit``."""
    lines = len(source.splitlines())
    return [f"{lines} lines, at most {limit}"] if lines > limit else []


def long_functions(source: str, limit: int) -> list[str]:
    """Functions whose body, docstring not counted, is over ``limit`` lines."""
    return [
        f"{function.name}: body of {lines} lines, at most {limit}"
        for function in _functions(source)
        if (lines := _body_lines(function)) > limit
    ]


def wide_functions(source: str, limit: int, constructor_limit: int) -> list[str]:
    """Functions of too many parameters; what overrides a hook keeps the signature it is given."""
    return [
        f"{function.name}: {count} parameters, at most {most}"
        for function in _functions(source)
        if not _is_override(function)
        for most in (constructor_limit if function.name == "__init__" else limit,)
        if (count := len(_positional(function)) + len(function.args.kwonlyargs)) > most
    ]


def positional_arguments(source: str, limit: int) -> list[str]:
    """Constructors of more than ``limit`` parameters that are not keyword-only."""
    return [
        f"{function.name}: {count} positional parameters, at most {limit}"
        for function in _functions(source)
        if function.name == "__init__" and (count := len(_positional(function))) > limit
    ]


def _functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def _body_lines(function: Function) -> int:
    body = function.body[ast.get_docstring(function) is not None :]
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _positional(function: Function) -> list[str]:
    names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _is_override(function: Function) -> bool:
    return any(ast.unparse(decorator) == "override" for decorator in function.decorator_list)


def _is_private(part: str) -> bool:
    return part.startswith("_") and not part.startswith("__")


def _aliases(tree: ast.AST) -> set[str]:
    names = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] in FORMULA_LIBRARIES
    }
    return names | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORMULA_LIBRARIES
        for alias in node.names
    }


def _calls_into(function: ast.expr, imported: set[str]) -> bool:
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in imported


def _inside_annotations(tree: ast.AST) -> set[ast.AST]:
    annotations = [
        annotation
        for node in ast.walk(tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if isinstance(annotation, ast.expr)
    ]
    return {inner for annotation in annotations for inner in ast.walk(annotation)}


def _imported_modules(tree: ast.AST) -> Iterator[tuple[ast.stmt | ast.Call, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from ((node, alias.name) for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from ((node, f"{module}.{alias.name}") for alias in node.names)
            case ast.Call(func=ast.Name(id="import_module" | "__import__"), args=[ast.Constant(value=str(name)), *_]):
                yield node, name
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                yield node, name
