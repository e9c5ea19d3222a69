"""The two ways to train a network: its head alone on kept features, or its last stages with it.

Both have the interface of `kennel.classifier.strategies.strategy.Strategy`; the loop in
`kennel.classifier.training` is the same for both.
"""
