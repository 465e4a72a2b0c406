//! Rules about the deployment as the internet sees it.

pub(super) mod edge;
pub(super) mod release_header;
pub(super) mod url;
