//! Without the feature `embedded-postgres` there is no database to bring: every release is built so.

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

    #[expect(clippy::unused_async, reason = "the embedded one has something to wait for")]
    pub async fn start(self) -> Result<Serving, Infallible> {
        match self {}
    }
}
