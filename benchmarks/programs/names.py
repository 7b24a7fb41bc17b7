"""Names that a program and the one who looks after it agree on; no library is imported for them."""

DATABASE_FILE = "copy.duckdb"
COPIED_DATASET = "copied"
