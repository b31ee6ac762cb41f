"""The worksheet functions and macros of xlplugin: what can be typed into a cell or pressed.

Importing the package registers every function of every module in this folder: dropping a file in
is all it takes.
"""

import importlib
import pkgutil

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
