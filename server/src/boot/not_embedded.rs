//! The build without the feature `embedded-postgres`, as in every release: there is no embedded database.

use std::convert::Infallible;

use profiles::Declaration;

use crate::boot::settings::Environment;

pub enum Embedded {}

pub enum Serving {}

impl Embedded {
    pub fn reserve(_: &Declaration, _: &Environment) -> Result<Option<Self>, Infallible> {
        Ok(None)
    }

    pub fn environment(&self) -> &Environment {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "the embedded variant awaits PostgreSQL")]
    pub async fn start(self) -> Result<Serving, Infallible> {
        match self {}
    }
}
