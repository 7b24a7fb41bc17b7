"""Traces each output column of a query to the columns of the tables that it reads, by sqlglot's scopes.

A query is qualified once; then each scope tells once, for all its columns, what they are made of. Names are folded to
lower case: warehouses do not agree on what a name without quotes is, and hardly anybody tells columns apart by case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlglot import exp, parse_one
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

Transformation = Literal["identity", "derived", "aggregated", "filter"]
ColumnState = Literal["traced", "without_input", "unknown"]

VALUE_TRANSFORMATIONS: tuple[Transformation, ...] = ("identity", "derived", "aggregated")
"""What may become of a value, each further from it than the one before."""

WHOLE_RELATION = "*"
"""Stands for the column of an edge that concerns all columns: what decides which rows there are."""

MASKING_FUNCTIONS = frozenset(
    {
        *("md5", "md5_hex", "md5_binary", "md5_digest", "md5_number", "md5_number_lower64", "md5_number_upper64"),
        *("sha", "sha1", "sha1_hex", "sha1_binary", "sha2", "sha2_hex", "sha2_binary"),
        *("sha224", "sha256", "sha384", "sha512", "sha1_digest", "sha2_digest", "digest", "hmac"),
        *("hash", "farm_fingerprint", "farmfingerprint", "xxhash64", "murmurhash3_x64_128", "crypt", "hashbytes"),
        *("mask", "mask_show_first_n", "mask_show_last_n", "encrypt", "aes_encrypt", "aes_encrypt_binary"),
        *("standard_hash", "pgp_sym_encrypt", "tokenize", "redact", "anonymize", "pseudonymize"),
    }
)  # fmt: skip
"""Functions whose result no longer shows the value that they were given."""

_VALUE_WINDOWS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_TRANSPARENT = (exp.Alias, exp.Paren, exp.Identifier, exp.PropertyEQ)
_NOT_TOLD = (exp.Case, exp.If, exp.Connector, exp.Unnest, exp.Predicate)


class UnreadableQueryError(Exception):
    """A query could not be analysed; the text says why, without quoting it."""


class Relation(NamedTuple):
    """The name of a table or view, in lower case.

    Args:
        database: Database, project or catalogue; empty where it is not said.
        schema: Schema or dataset; empty where it is not said.
        identifier: The table.
    """

    database: str
    schema: str
    identifier: str

    def is_named_by(self, other: Relation) -> bool:
        """Tells whether another name, of which parts may be missing, may mean this one."""
        return (
            self.identifier == other.identifier
            and other.schema in ("", self.schema)
            and (other.database in ("", self.database) or not self.database)
        )


class ColumnEdge(NamedTuple):
    """What a column of a query takes from a column of a table.

    Args:
        source: The table.
        from_column: Its column.
        to_column: Column of the query; ``WHOLE_RELATION`` where the transformation is ``filter``.
        transformation: What becomes of the value.
        is_masked: Whether it is hashed or masked on every way that it takes.
        functions: Functions that it passes through, sorted.
    """

    source: Relation
    from_column: str
    to_column: str
    transformation: Transformation
    is_masked: bool = False
    functions: tuple[str, ...] = ()


class OutputColumn(NamedTuple):
    """A column of a query.

    Args:
        name: Its name.
        state: Whether it was ``traced``, is made ``without_input`` (a literal, a count of rows), or is ``unknown`` at
            least in part.
    """

    name: str
    state: ColumnState


@dataclass(frozen=True)
class QueryLineage:
    """What a query makes of what it reads.

    Args:
        columns: Its columns, in order.
        edges: What they are made of, sorted.
    """

    columns: tuple[OutputColumn, ...]
    edges: tuple[ColumnEdge, ...]


class _Flow(NamedTuple):
    """What becomes of a value on its way."""

    rank: int = 0
    is_masked: bool = False
    functions: frozenset[str] = frozenset()

    def after(self, inner: _Flow) -> _Flow:
        """Returns what becomes of a value that had already come that other way."""
        if self is _AS_IT_IS:
            return inner
        return _Flow(max(self.rank, inner.rank), self.is_masked or inner.is_masked, self.functions | inner.functions)

    def beside(self, other: _Flow) -> _Flow:
        """Returns what is certain of a value that takes both ways: as close, and as open, as on either."""
        if self == other:
            return self
        return _Flow(min(self.rank, other.rank), self.is_masked and other.is_masked, self.functions | other.functions)


_AS_IT_IS = _Flow()
_DERIVED = _Flow(1)

Origins = dict[tuple[Relation, str], _Flow]


@dataclass
class _Made:
    """What an expression is made of."""

    origins: Origins = field(default_factory=dict)
    is_unknown: bool = False

    def add(self, other: _Made, way: _Flow) -> None:
        self.is_unknown |= other.is_unknown
        for origin, inner in other.origins.items():
            flow = way.after(inner)
            known = self.origins.get(origin)
            self.origins[origin] = known.beside(flow) if known else flow


Columns = dict[str, _Made]

_UNKNOWN = _Made(is_unknown=True)


def trace_query(
    sql: str, dialect: str, columns: Mapping[Relation, Sequence[str]], default: Relation | None = None
) -> QueryLineage:
    """Traces the columns of a query.

    Args:
        sql: The query.
        dialect: Its dialect, by sqlglot's name.
        columns: The columns of the tables that it may read, as far as they are known.
        default: What the query makes; tells database and schema where it leaves them out.

    Returns:
        Its columns and what they are made of.

    Raises:
        UnreadableQueryError: It is not a query, or not understood.
    """
    try:
        query = _folded(parse_one(sql, dialect=dialect))
        if not isinstance(query, exp.Query):
            raise UnreadableQueryError(f"is no query but {query.key}")
        known = {_named(table): found for table in _tables(query) if (found := _columns_of(table, columns, default))}
        # Names are folded already; sqlglot would give names of its own the warehouse's case.
        as_folded = f"{dialect}, normalization_strategy=case_sensitive"
        schema = MappingSchema(_nested(known), dialect=as_folded, normalize=False) if known else None
        qualified = qualify(
            query,
            dialect=as_folded,
            schema=schema,
            quote_identifiers=False,
            validate_qualify_columns=False,
            identify=False,
            infer_schema=True,
        )
        root = build_scope(qualified)
        if root is None:
            raise UnreadableQueryError("is no query")
        return _Walk(root, lambda table: _completed(_resolved(table, columns, default), default)).lineage()
    except (ParseError, TokenError) as error:
        raise UnreadableQueryError(_place_of(error)) from None
    except RecursionError:
        raise UnreadableQueryError("is nested too deeply") from None
    except SqlglotError as error:
        # Its words may quote the query, and with it literals.
        raise UnreadableQueryError(f"is not understood ({type(error).__name__})") from None


def _place_of(error: SqlglotError) -> str:
    found: Sequence[Mapping[str, Any]] = getattr(error, "errors", None) or ()
    place = f" at line {found[0].get('line')}, column {found[0].get('col')}" if found else ""
    return f"cannot be parsed{place}"


def _folded(query: exp.Expr) -> exp.Expr:
    for identifier in query.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
        # What is quoted, no dialect folds in its own way.
        identifier.set("quoted", True)
    return query


def _tables(query: exp.Expr) -> Iterator[exp.Table]:
    return (table for table in query.find_all(exp.Table) if table.name)


def _named(table: exp.Table) -> Relation:
    return Relation(table.catalog.lower(), table.db.lower(), table.name.lower())


def _columns_of(
    table: exp.Table, columns: Mapping[Relation, Sequence[str]], default: Relation | None
) -> Sequence[str] | None:
    return columns.get(_resolved(table, columns, default))


def _resolved(table: exp.Table, columns: Mapping[Relation, Sequence[str]], default: Relation | None) -> Relation:
    """Returns the full name of a table; as much as the query says where no, or more than one, table may be meant."""
    named = _named(table)
    if named in columns:
        return named
    matching = [relation for relation in columns if relation.is_named_by(named)]
    if len(matching) == 1:
        return matching[0]
    if not named.schema and default:
        return Relation(default.database, default.schema, named.identifier)
    return named


def _completed(relation: Relation, default: Relation | None) -> Relation:
    """Returns a relation with the database that a query means where it names none."""
    if relation.database or default is None:
        return relation
    return relation._replace(database=default.database)


def _nested(columns: Mapping[Relation, Sequence[str]]) -> dict[str, Any]:
    """Returns columns as sqlglot's schemas have them: all names as deep as the deepest."""
    depth = max(3 if name.database else 2 if name.schema else 1 for name in columns)
    nested: dict[str, Any] = {}
    for name, found in columns.items():
        inner = nested
        for part in (name.database, name.schema)[3 - depth :]:
            inner = inner.setdefault(part, {})
        inner[name.identifier] = dict.fromkeys(found, "unknown")
    return nested


class _Walk:
    """Goes through the scopes of one query."""

    def __init__(self, root: Scope, relation_of: Callable[[exp.Table], Relation]) -> None:
        self._root = root
        self._relation_of = relation_of
        self._scopes = {id(scope.expression): scope for scope in root.traverse()}
        self._known: dict[int, Columns] = {}
        self._relations: dict[int, Relation] = {}

    def lineage(self) -> QueryLineage:
        """Returns the lineage of the whole query."""
        made = self._columns(self._root)
        edges = [
            ColumnEdge(
                relation, column, name, VALUE_TRANSFORMATIONS[flow.rank], flow.is_masked, tuple(sorted(flow.functions))
            )
            for name, value in made.items()
            for (relation, column), flow in value.origins.items()
        ]
        edges += [
            ColumnEdge(relation, column, WHOLE_RELATION, "filter")
            for relation, column in {origin for found in self._filters() for origin in found.origins}
        ]
        columns = tuple(OutputColumn(name, _state(value)) for name, value in made.items())
        return QueryLineage(columns, tuple(sorted(edges)))

    def _columns(self, scope: Scope) -> Columns:
        if id(scope) not in self._known:
            self._known[id(scope)] = {}
            self._known[id(scope)] = self._made_by(scope)
        return self._known[id(scope)]

    def _made_by(self, scope: Scope) -> Columns:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            return self._united(scope)
        if isinstance(expression, exp.Subquery):
            inner = self._scopes.get(id(expression.unnest()))
            return self._columns(inner) if inner else {}
        if isinstance(expression, exp.Select):
            return {
                select.alias_or_name or WHOLE_RELATION: self._made_of(select, scope) for select in expression.selects
            }
        return {}

    def _united(self, scope: Scope) -> Columns:
        left, right = scope.set_operation_scopes
        made = self._columns(left)
        reference = self._recursive_reference(scope, left)
        if reference is None:
            return _beside(made, self._columns(right))
        while True:
            self._known[id(reference)] = made
            for inner in right.traverse():
                self._known.pop(id(inner), None)
            before, made = made, _beside(made, self._columns(right))
            if made == before:
                return made

    @staticmethod
    def _recursive_reference(scope: Scope, left: Scope) -> Scope | None:
        """Returns what stands for a recursive CTE in its own definition: a scope that is never traversed itself."""
        for inner in scope.traverse():
            for source in inner.sources.values():
                if isinstance(source, Scope) and source is not left and source.expression is scope.expression.this:
                    return source
        return None

    def _made_of(self, expression: exp.Expr, scope: Scope) -> _Made:
        value = expression.this if isinstance(expression, exp.Alias) else expression
        if isinstance(value, exp.Star) or (isinstance(value, exp.Column) and value.is_star):
            return _UNKNOWN
        if isinstance(value, exp.Column):
            return self._resolve(value, scope)
        made = _Made()
        self._follow(value, scope, _AS_IT_IS, made)
        return made

    def _follow(self, node: exp.Expr, scope: Scope, way: _Flow, made: _Made) -> None:
        if isinstance(node, exp.Column):
            made.add(self._resolve(node, scope), way)
            return
        if isinstance(node, exp.Query) and (inner := self._scopes.get(id(node.unnest()))):
            way = way.after(_DERIVED)
            for value in self._columns(inner).values():
                made.add(value, way)
            return
        way = way.after(_step(node))
        for key, child in _children(node):
            inside = way.after(_DERIVED) if isinstance(node, exp.Window) and key != "this" else way
            self._follow(child, scope, inside, made)

    def _resolve(self, column: exp.Column, scope: Scope) -> _Made:
        if not column.table and column.name in (known := self._known.get(id(scope), {})):
            return known[column.name]
        place: Scope | None = scope
        while place is not None:
            pivots = [pivot for pivot in place.pivots if column.table and pivot.alias == column.table]
            if pivots:
                return self._from_pivot(column.name, pivots[0], place)
            source = _source_of(column, place)
            if source is not None:
                return self._from_source(column.name, source)
            place = place.parent
        return _UNKNOWN

    def _from_source(self, name: str, source: exp.Table | Scope) -> _Made:
        if isinstance(source, exp.Table):
            if id(source) not in self._relations:
                self._relations[id(source)] = self._relation_of(source)
            return _Made({(self._relations[id(source)], name): _AS_IT_IS})
        if isinstance(source.expression, exp.UDTF):
            query = source.expression.this if isinstance(source.expression, exp.Lateral) else None
            inner = self._scopes.get(id(query.unnest())) if isinstance(query, exp.Subquery) else None
            if inner is None:
                return self._from_function(source)
            source = inner
        # A recursive CTE is known to itself by a scope of its own.
        known = source if id(source) in self._known else self._scopes.get(id(source.expression), source)
        return self._columns(known).get(name) or _UNKNOWN

    def _from_function(self, source: Scope) -> _Made:
        """Returns what rows are made of that a function makes of values beside it, such as unnest."""
        made = _Made()
        for _, child in _children(source.expression):
            if not isinstance(child, exp.TableAlias):
                self._follow(child, source, _DERIVED, made)
        return made

    def _from_pivot(self, name: str, pivot: exp.Pivot, scope: Scope) -> _Made:
        table = pivot.parent
        made = _Made()
        if table is None or len(table.args["pivots"]) > 1:
            made.is_unknown = True
            return made
        source = scope.sources.get(table.alias_or_name, table)
        if isinstance(table, exp.Table) and not table.db:
            source = scope.cte_sources.get(table.name, table)
        for column, way in _pivoted(name, pivot):
            made.add(self._from_source(column, source) if isinstance(source, (exp.Table, Scope)) else _UNKNOWN, way)
        return made

    def _filters(self) -> Iterator[_Made]:
        for scope in self._reachable():
            for expression in _deciding(scope):
                made = _Made()
                self._follow(expression, scope, _AS_IT_IS, made)
                yield made

    def _reachable(self) -> Iterable[Scope]:
        """Returns the scopes that the result depends on; a CTE that nobody reads is none of them."""
        found: dict[int, Scope] = {}
        waiting = [self._root]
        while waiting:
            scope = waiting.pop()
            if id(scope) in found:
                continue
            found[id(scope)] = scope
            sources = [source for _, source in scope.selected_sources.values()]
            pivoted = [scope.cte_sources.get(table.name) for table in scope.tables if table.args.get("pivots")]
            near = [*sources, *pivoted, *scope.subquery_scopes, *(scope.set_operation_scopes or ())]
            for source in near:
                if isinstance(source, Scope):
                    waiting.append(self._scopes.get(id(source.expression), source))
        return found.values()


def _state(made: _Made) -> ColumnState:
    return "unknown" if made.is_unknown else "traced" if made.origins else "without_input"


def _beside(left: Columns, right: Columns) -> Columns:
    """Returns the columns of a union: by their place, under the names of the first query."""
    made = {}
    others = list(right.values())
    for place, (name, value) in enumerate(left.items()):
        both = _Made(dict(value.origins), value.is_unknown)
        both.add(others[place] if place < len(others) else _UNKNOWN, _AS_IT_IS)
        made[name] = both
    return made


def _step(node: exp.Expr) -> _Flow:
    """Returns what an operation makes of the values in it."""
    operation: Any = type(node)
    return _through(operation, node.name.lower() if isinstance(node, exp.Anonymous) else None)


@cache
def _through(operation: type[Any], name: str | None) -> _Flow:
    """Returns what an operation makes of values; a function that sqlglot does not know is told by its name."""
    if issubclass(operation, _TRANSPARENT):
        return _AS_IT_IS
    if not issubclass(operation, exp.Func) or issubclass(operation, _NOT_TOLD):
        return _AS_IT_IS if issubclass(operation, exp.Window) else _DERIVED
    name = name or operation.sql_name().lower()
    is_aggregate = issubclass(operation, exp.AggFunc) and not issubclass(operation, _VALUE_WINDOWS)
    return _Flow(2 if is_aggregate else 1, name in MASKING_FUNCTIONS, frozenset({name}))


def _children(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for key, value in node.args.items():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expr):
                yield key, child


def _source_of(column: exp.Column, scope: Scope) -> exp.Table | Scope | None:
    if column.table:
        return scope.sources.get(column.table)
    # The only one that it can be of.
    sources = list(scope.selected_sources.values())
    return sources[0][1] if len(sources) == 1 and not isinstance(scope.expression, exp.SetOperation) else None


def _pivoted(name: str, pivot: exp.Pivot) -> Iterator[tuple[str, _Flow]]:
    """Yields the columns before a pivot that a column after it is made of, and what it makes of them."""
    fields = [item for item in pivot.args.get("fields") or [] if isinstance(item, exp.In)]
    made = {column.name for column in pivot.args.get("columns") or []}
    if pivot.unpivot:
        values = {column.name for item in pivot.expressions for column in item.find_all(exp.Column, exp.Identifier)}
        names = {column.name for item in fields for column in item.this.find_all(exp.Column, exp.Identifier)}
        if name in values:
            yield from ((column.name, _Flow(1)) for item in fields for option in item.expressions
                        for column in option.find_all(exp.Column))  # fmt: skip
        elif name not in names:
            yield name, _Flow()
    elif name in made:
        yield from ((column.name, _Flow(1)) for item in fields for column in item.this.find_all(exp.Column))
        for aggregate in pivot.expressions:
            functions = frozenset(found.sql_name().lower() for found in aggregate.find_all(exp.AggFunc))
            yield from ((column.name, _Flow(2, functions=functions)) for column in aggregate.find_all(exp.Column))
    else:
        yield name, _Flow()


def _deciding(scope: Scope) -> Iterator[exp.Expr]:
    """Yields what decides in a scope which rows there are, and in which order."""
    query = scope.expression
    for key in ("where", "having", "qualify", "group", "order", "distinct"):
        clause = query.args.get(key)
        if isinstance(clause, exp.Expr):
            yield clause
    for join in query.args.get("joins") or []:
        condition = join.args.get("on")
        if condition is not None:
            yield condition
