"""A Django project with the contract's apps."""
