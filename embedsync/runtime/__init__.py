"""The browser runtime as browsers load it: each entry module and all that it imports in one file.

The sources are plain modules, and stay so; they are joined in Python when they are first asked for.

| module | the one idea |
|---|---|
| `tokens` | the words of a script: what is a comment, and what only looks like one |
| `module` | what a module imports and exports |
| `joining` | modules as one |
| `folder` | the files that browsers may load, and the hash that names them |

Whatever in a source is not surely understood is refused, with its place: it cannot become something else.
"""

from embedsync.runtime.folder import SCRIPT_TAG, STATIC, Folder, RuntimeFile, shipped

__all__ = ["SCRIPT_TAG", "STATIC", "Folder", "RuntimeFile", "shipped"]
