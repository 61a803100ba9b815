"""The analog product once more, one number at a time: a reference for tests.

Sums are exact (`math.fsum` of exact products), everything else is Python's float64, and float32
where `models.analog.mvm_read` says so. Nothing of the models is used but the normal draws.
"""

import math

import numpy as np

from models.analog.noise import normal

F = np.float32


def grid(value, by=2.0**24):
    return float(np.rint(value * by)) / by


class Plain:
    """One array of weights [driven][sensed] under one config.

    Parameters
    ----------
    weight : list of list of float
        On the grid, as it is driven: turned round by the caller for the transposed direction.
    lines : tuple of lists, optional
        Offset and compression of every sensed line; factors of the weights, as `weight`.
    """

    def __init__(self, weight, config, lines=None):
        self.config = config
        self.weight = [[float(w) for w in row] for row in weight]
        self.sensed = len(self.weight[0])
        nothing = [0.0] * self.sensed
        self.offset, self.compression, self.asymmetry = lines or (
            nothing,
            [config.nonlinearity / config.output_bound] * self.sensed,
            None,
        )
        self.dx = config.input_bound / (2 ** ((config.dac_bits or 12) - 1) - 1)
        self.limit = 2 ** ((config.adc_bits or 16) - 1) - 1
        self.dy = config.output_bound / self.limit

    # one read ---------------------------------------------------------------------------------

    def held(self, codes, draws):
        """Converter inputs of every conversion; draws of one vector as nested lists."""
        c = self.config
        drive = [float(code) for code in codes]
        if c.input_noise:
            scale = F(c.input_noise / self.dx * 64)
            noise = [float(np.rint(F(d) * scale)) / 64 for d in draws["input"]]
            drive = [d + n for d, n in zip(drive, noise, strict=True)]
        passes = [(drive, self.weight)]
        if c.passes != "one":
            other = self.weight
            if self.asymmetry is not None:
                pairs = zip(self.weight, self.asymmetry, strict=True)
                other = [[grid(w * a) for w, a in zip(*p, strict=True)] for p in pairs]
            negative, positive = [min(d, 0.0) for d in drive], [max(d, 0.0) for d in drive]
            passes = [(negative, other), (positive, self.weight)]
        own = draws.get("weight", [None] * len(passes))
        y = [self.outputs(*part, noise) for part, noise in zip(passes, own, strict=True)]
        drives = [part[0] for part in passes]
        if c.passes == "summed":
            y, drives = [[a + b for a, b in zip(*y, strict=True)]], [drive]
        return [self.conversion(part, drives[k], k, draws) for k, part in enumerate(y)]

    def outputs(self, drive, weight, own):
        c, n = self.config, len(drive)
        x = [d * self.dx for d in drive]
        results = []
        for i in range(self.sensed):
            column = [row[i] for row in weight]
            y = math.fsum(w * d for w, d in zip(column, drive, strict=True)) * self.dx
            if c.ir_drop:
                a = n / c.ir_drop_ratio * sum(abs(w * v) for w, v in zip(column, x, strict=True))
                share = 0.05 * a**3 - 0.2 * a**2 + 0.5 * a
                place = [1 - (1 - j / n) ** 2 for j in range(n)]
                lost = sum(w * v * p for w, v, p in zip(column, x, place, strict=True))
                y -= c.ir_drop * share * lost
            if c.voltage_offset or c.series_resistance:
                y = self.with_offset(y, -c.offset_weight * sum(x), self.offset[i])
            if own is not None:
                weights = [abs(w) if c.weight_noise_kind == "pcm" else 1.0 for w in column]
                root = math.sqrt(sum(w * v * v for w, v in zip(weights, x, strict=True)))
                y += c.weight_noise * root * float(own[i])
            results.append(y)
        return results

    def with_offset(self, y, reference, offset):
        def dropped(value):
            c = self.config
            return value / (1 + min(c.series_resistance * abs(value), c.largest_series))

        return (1 - offset) * dropped(y + reference) - (1 + offset) * dropped(reference)

    def conversion(self, y, drive, number, draws):
        c = self.config
        slope = 1.0
        if c.slope_calibration:
            bent = sum(self.compression) / self.sensed + c.series_resistance
            slope = (1 + bent * c.slope_calibration * c.output_bound) ** 2
        variance = c.output_noise**2
        apart = c.weight_noise_kind == "pcm" or c.nonlinearity
        if c.weight_noise and not apart:
            variance += c.weight_noise**2 * sum((d * self.dx) ** 2 for d in drive)
        spread = F(math.sqrt(variance) / self.dy)
        found = []
        for i, value in enumerate(y):
            if c.nonlinearity or c.slope_calibration:
                value = slope * value / (1 + self.compression[i] * abs(value))
            noise = F(draws["output"][number][i]) * spread if spread else F(0)
            steps = F(float(noise) + value / self.dy)
            steps = min(max(steps, F(-self.limit)), F(self.limit))
            if c.adc_bits:
                steps = steps + F(2 ** (c.adc_bits - 1) + 0.5)
            if c.adc_stochastic:
                steps = steps + F(draws["rounding"][number][i])
            found.append(steps)
        return found

    def codes(self, held):
        return [math.floor(v) - 2 ** (self.config.adc_bits - 1) for v in held]

    # one vector -------------------------------------------------------------------------------

    def draw(self, rng, driven):
        """Draw for one read of one vector, in the order that is documented."""
        c, passes = self.config, 1 if self.config.passes == "one" else 2
        conversions = 2 if c.passes == "separate" else 1
        apart = c.weight_noise and (c.weight_noise_kind == "pcm" or c.nonlinearity)
        draws = {}
        if c.input_noise:
            draws["input"] = normal(rng, (driven,))
        if apart:
            draws["weight"] = list(normal(rng, (passes, self.sensed)))
        if c.output_noise or (c.weight_noise and not apart):
            draws["output"] = normal(rng, (conversions, self.sensed))
        if c.adc_stochastic:
            draws["rounding"] = part_of_a_level(rng, (conversions, self.sensed), c.adc_bits)
        return draws

    def once(self, x, scale, rng):
        """One read of one vector: outputs and number of saturated conversions."""
        c = self.config
        largest = F(2 ** ((c.dac_bits or 12) - 1) - 1)
        shift = part_of_a_level(rng, (1, len(x)), c.dac_bits)[0] if c.dac_stochastic else None
        codes = []
        for j, value in enumerate(x):
            code = F(value) * (F(1 / self.dx) / F(scale))
            code = code if shift is None else code + shift[j]
            code = np.rint(code) if c.dac_bits else code
            codes.append(float(min(max(code, -largest), largest)))
        held = self.held(codes, self.draw(rng, len(x)))
        parts = [self.codes(part) if c.adc_bits else part for part in held]
        over = sum(abs(v) >= self.limit for part in parts for v in part)
        factor = F(scale) * F(self.dy * c.output_scale)
        return [F(sum(v)) * factor for v in zip(*parts, strict=True)], over

    def scale(self, x, kind, average):
        """Divisor of a vector, and the running mean after it."""
        c = self.config
        largest = F(max(abs(value) for value in x))
        if not largest:
            return F(0), average
        if kind == "average_abs_max":
            d = c.average_decay
            value = float(largest)
            average = value if average is None else average * (1 - d) + d * value
            return F(average), average
        if kind in ("none", "constant"):
            return F(1 if kind == "none" else c.constant), average
        largest = min(largest, F(c.constant)) if c.constant else largest
        if kind == "abs_max":
            return largest, average
        up, down = sum(max(float(v), 0) for v in x), sum(max(-float(v), 0) for v in x)
        needed = max(up, down) * c.assumed_weight / c.output_bound
        if c.coarsest_step and c.dac_bits:
            needed = min(needed, float(largest) * (c.coarsest_step * (2**c.dac_bits - 2)))
        return max(largest, F(needed)), average

    def mvm(self, x, rng, average=None):
        """Outputs, reads, saturated conversions, running mean."""
        c = self.config
        scale, average = self.scale(x, c.noise_management, average)
        if not scale:
            return [F(0)] * self.sensed, 0, 0, average
        y, over = self.once(x, scale, rng)
        reads, reduction = 1, 1
        worst = c.bound_management == "iterative_worst_case"
        worst = worst and c.noise_management != "abs_max_np_sum"
        while over and c.bound_management != "none":
            if worst:
                scale, worst = self.scale(x, "abs_max_np_sum", None)[0], False
            else:
                too_coarse = reduction / (2**c.dac_bits - 2) > c.coarsest_step > 0
                if 2 * reduction > c.largest_reduction or too_coarse:
                    break
                reduction *= 2
            y, over = self.once(x, scale * F(reduction), rng)
            reads += 1
        return y, reads, over, average


def part_of_a_level(rng, shape, bits):
    """Uniform draws from -1/2 to 1/2, so fine that float32 holds them beside a code."""
    width = min(23 - bits, 16)
    words = rng.integers(0, 2**width, shape, np.uint16 if width < 16 else np.uint32)
    return ((words + 0.5) / 2**width - 0.5).astype(np.float32)
