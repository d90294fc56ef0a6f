"""The versions of the service's database; `serving.database.migrations` says how to add one."""
