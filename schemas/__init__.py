"""What crosses a wire: sample batches, events, the topic catalogue, ids, errors.

Nothing here reads a clock, a socket or a topic, and nothing here knows another room.
"""
