"""The policy: what may be edited, used, accepted and spent. Read from YAML, refused on any doubt.

A file may say `extends: other.yaml`; its keys then lie over the other file's keys. Each part of the program
gets its section and never the whole.
"""

from orchestrator.policy.layers import load_policy
from orchestrator.policy.reading import first_problem, read_yaml_mapping
from orchestrator.policy.sections import (
    BudgetPolicy,
    DecisionPolicy,
    EditPolicy,
    MetricPolicy,
    ModelPolicy,
    PipelinePolicy,
    Policy,
    Price,
    RecordsPolicy,
    RepairPolicy,
    SandboxPolicy,
    Section,
)

__all__ = [
    "BudgetPolicy",
    "DecisionPolicy",
    "EditPolicy",
    "MetricPolicy",
    "ModelPolicy",
    "PipelinePolicy",
    "Policy",
    "Price",
    "RecordsPolicy",
    "RepairPolicy",
    "SandboxPolicy",
    "Section",
    "first_problem",
    "load_policy",
    "read_yaml_mapping",
]
