"""Says why: rules of differentiation, diagnoses, and why a gradient is missing.

Pure functions over a trace.  Nothing here runs the program again, and after
import nothing opens a file, so it works inside the sandbox.
"""

from app.explain.annotate import annotate
from app.explain.why import explain

__all__ = ["annotate", "explain"]
