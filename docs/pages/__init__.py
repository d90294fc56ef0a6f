"""The reference pages of `docs/`, generated from the code so that both agree."""
