"""Lines of the table."""


def row(name: str, figure: str, note: str = "") -> None:
    print(f"  {name:<46}{figure:>14}   {note}", flush=True)


def middle(values: list[float], part: float = 0.5) -> float:
    """The median, or another quantile, of values of any order."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]
