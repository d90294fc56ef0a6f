"""A history read and checked: would it mislead a model?"""
