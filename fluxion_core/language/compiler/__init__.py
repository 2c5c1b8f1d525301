"""From stages to a program: parse, plan, write Python, run."""
