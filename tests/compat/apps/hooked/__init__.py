"""A package: what is here is there before anything else."""

LOADED = "the package"
