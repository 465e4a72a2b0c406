//! A connection while it is used: given back only after a complete answer.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The longest a cancel request may take; after it the server must see for itself that nobody listens.
const CANCEL: Duration = Duration::from_secs(1);

/// Dropped early, by a deadline or because the client went away, the connection is still busy with the old
/// statement: the next user would wait for it. So it is cancelled and thrown away.
pub(super) struct Lease {
    connection: Option<Object>,
    tls: MakeRustlsConnect,
}

impl Lease {
    pub(super) fn new(connection: Object, tls: MakeRustlsConnect) -> Self {
        Self { connection: Some(connection), tls }
    }

    pub(super) fn client(&self) -> &Client {
        self.connection.as_ref().expect("only `give_back` takes it, and that ends the lease")
    }

    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let cancel = connection.cancel_token();
        drop(Object::take(connection));
        if let Ok(runtime) = Handle::try_current() {
            let tls = self.tls.clone();
            runtime.spawn(async move {
                // Without effect when it fails: the connection is gone either way.
                let _ = tokio::time::timeout(CANCEL, cancel.cancel_query(tls)).await;
            });
        }
    }
}
