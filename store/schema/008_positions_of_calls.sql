-- A run's calls are found by their run and sorted by whoever reads them: the run's own process knows the next position.
DROP INDEX tool_calls_by_position;
