"""Pure builders of channel transactions, over given outputs, parameters and slots.

They neither ask a chain nor hold a key: a caller signs what they return.
"""
