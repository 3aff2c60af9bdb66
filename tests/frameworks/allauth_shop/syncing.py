"""Tables straight from the models: migrating an empty database takes longer than the test."""


class NoMigrations(dict[str, None]):
    """MIGRATION_MODULES that says of every app that it has none."""

    def __contains__(self, app: object) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None
