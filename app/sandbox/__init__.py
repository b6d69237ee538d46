"""Runs untrusted programs: a zygote, jailed children, and the pool that leases them."""

from app.sandbox.evaluator import Evaluator, Overloaded
from app.sandbox.pool import LocalPool
from app.sandbox.self_test import SandboxUnavailable

__all__ = ["Evaluator", "LocalPool", "Overloaded", "SandboxUnavailable"]
