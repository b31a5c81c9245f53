"""The classes of the flows, by their ids."""


class Flows(dict[str, object]):
    """Lists the known flows in the error about an unknown one."""

    def __missing__(self, flow: str) -> object:
        raise KeyError(f"there is no flow {flow!r}: use one of {', '.join(self)}")
