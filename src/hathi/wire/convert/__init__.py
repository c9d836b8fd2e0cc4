"""Conversions between messages and the model. They know what absent fields mean, and decide nothing else.

`to_x(message)` makes the model's word of a message, `x_message(value)` the other way round.
"""
