"""A store as a folder: every row of every table in Parquet, every blob, and a manifest that vouches for them.

Owns the folder's form, `export_store` and `import_store`. Knows tables by what the store says of them, never by
name, so that what a later migration adds travels too. Asks the stores alone; called by cli.
"""

from .exporting import Exported, export_store
from .importing import Imported, import_store
from .selection import Selection

__all__ = ["Exported", "Imported", "Selection", "export_store", "import_store"]
