"""The noise of gradients along a training: measured at frozen weights, within a budget of its time."""
