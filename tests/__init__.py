"""The tests: cheap first. unit, laws, stacks, flows (in process), e2e (deployed on the embedded AWS)."""
