//! The generated references: `profile.schema.json` for editors, SETTINGS.md for people.
