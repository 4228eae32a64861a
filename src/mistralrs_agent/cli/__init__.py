"""The front door."""


def main() -> None:
    raise SystemExit("mistralrs: commands are not wired yet")
