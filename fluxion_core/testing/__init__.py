"""What plugin authors test with: suites that hold a component to its contract."""
