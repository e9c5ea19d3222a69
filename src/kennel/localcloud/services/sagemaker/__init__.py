"""SageMaker: training and tuning jobs, endpoints, models, notebooks, and their tags."""
