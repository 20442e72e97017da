"""The obligations of a compute backend, a module a topic; ``ComputeBackendContract`` is all of them together."""
