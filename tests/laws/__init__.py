"""The house rules, held against every module."""
