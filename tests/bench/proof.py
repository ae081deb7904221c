"""What reading, compiling and proving 500 steps for the first time costs, beside taking their YAML apart."""

from tests.bench import large
from tests.bench.table import row


def main() -> None:
    alone, whole = large.cost()
    row("proof: 500 steps, no two texts alike", f"{whole:.2f} s", f"of CPU; {whole / alone:.0f} times their YAML's events alone")
