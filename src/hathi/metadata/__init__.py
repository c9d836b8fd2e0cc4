"""Names at rest: tables, transactions, the change feed and leases, in SQLite or PostgreSQL.

The database holds what has a name; bytes stand in the object store, and a row names at most the root of a tree of them.
"""
