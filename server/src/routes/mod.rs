//! The table of routes. A new route is a file in this folder and two lines here.

pub(crate) mod context;
mod docs;
pub(crate) mod health;
pub(crate) mod livez;
pub(crate) mod openapi;
mod readyz;
pub(crate) mod route;
pub(crate) mod router;

use crate::routes::route::Route;

pub const ROUTES: &[&Route] =
    &[&health::ROUTE, &livez::ROUTE, &readyz::ROUTE, &docs::PAGE, &docs::FILE, &openapi::ROUTE];
