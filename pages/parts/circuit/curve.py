"""The way of an edge on the grid of the model's heads."""

STIFFNESS = 0.6  # How far a curve keeps its first and its last direction, as a share of its length
Point = tuple[float, float]


def curve(start: Point, end: Point, points: int = 24) -> list[Point]:
    """Points of a Bézier curve that leaves and enters vertically."""
    (x0, y0), (x3, y3) = start, end
    rise = STIFFNESS * (y3 - y0)
    controls = (start, (x0, y0 + rise), (x3, y3 - rise), end)
    line = []
    for step in range(points + 1):
        t = step / points
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
        x, y = (
            sum(weight * point[axis] for weight, point in zip(weights, controls, strict=True))
            for axis in (0, 1)
        )
        line.append((x, y))
    return line
