"""Speed as ratios measured in one run: ``imctwin bench kernels``.

Nothing heavy is imported here: the workers, whose memory is measured, come through this package.
"""
