"""A strict local AWS for the tests: moto's backends behind the rules that AWS itself enforces."""
