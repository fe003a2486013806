"""What editors and type checkers see: annotations, names and examples."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent.parent
LIBRARY = ROOT / "keras_dvml"


def definitions(node):
    """Yields functions and classes of a module or class, under `if`s too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child
        else:
            yield from definitions(child)


def public_functions(node):
    for definition in definitions(node):
        public = not definition.name.startswith("_")
        if isinstance(definition, ast.ClassDef):
            if public:
                yield from public_functions(definition)
        elif public or definition.name in ("__init__", "__call__"):
            yield definition


def lacking_annotations(function):
    """Names the arguments without, and `return` where the result lacks it."""
    signature = function.args
    arguments = [
        *signature.posonlyargs,
        *signature.args,
        *signature.kwonlyargs,
        *filter(None, [signature.vararg, signature.kwarg]),
    ]
    lacking = [
        argument.arg
        for argument in arguments
        if argument.annotation is None and argument.arg not in ("self", "cls")
    ]
    return lacking + ["return"] * (function.returns is None)


def test_public_functions_and_methods_have_annotations():
    lacking = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: "
        + ", ".join(lacking_annotations(function))
        for folder in ("keras_dvml", "pipelines")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for function in public_functions(ast.parse(path.read_text()))
        if lacking_annotations(function)
    ]
    assert not lacking, "\n".join(["", *lacking])


def public_names(init):
    """Returns `__all__` of a room as its `__init__.py` spells it out."""
    for node in ast.parse(init.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)


def sources(init):
    """Returns name -> file of what a room's `__init__.py` imports."""
    names = {
        alias.name: ROOT / f"{node.module.replace('.', '/')}.py"
        for node in ast.walk(ast.parse(init.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: path for name, path in names.items() if path.is_file()}


def rooms():
    return sorted(set(LIBRARY.rglob("__init__.py")) - {LIBRARY / "__init__.py"})


def test_rooms_list_exactly_the_names_that_they_import():
    differing = [
        f"{init.parent.relative_to(ROOT)}: {name}"
        for init in rooms()
        for name in sorted({*public_names(init)} ^ {*sources(init)})
    ]
    assert not differing, "\n".join(["", *differing])


def test_public_names_of_rooms_have_examples():
    lacking = [
        f"{init.parent.relative_to(ROOT)}: {name}"
        for init in rooms()
        for name, path in sources(init).items()
        for definition in definitions(ast.parse(path.read_text()))
        if definition.name == name
        and "Example:" not in (ast.get_docstring(definition) or "")
    ]
    assert not lacking, "\n".join(["", *lacking])


def test_editors_see_every_room():
    init = LIBRARY / "__init__.py"
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    # They are for a shell, and need what is optional.
    folders -= {"console", "server"}
    assert set(public_names(init)) == {*folders, "load", "__version__"}
    (block,) = (
        node
        for node in ast.parse(init.read_text()).body
        if isinstance(node, ast.If)
        and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    assert {alias.name for alias in block.body[0].names} == folders
