"""The classes of the flows, by their ids."""


class Flows(dict[str, object]):
    """Says of a flow that there is not which there are."""

    def __missing__(self, flow: str) -> object:
        raise KeyError(f"there is no flow {flow!r}: use one of {', '.join(self)}")
