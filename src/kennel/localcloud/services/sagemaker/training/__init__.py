"""Training jobs: N hosts are N processes, with the environment, logs, metrics and models of SageMaker's."""
