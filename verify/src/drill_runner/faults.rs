//! The faults of drills as faults of the proxy.

use std::io;
use std::time::Duration;

use testkit::{Authority, Certificate, THIS_MACHINE};

use super::HarnessError;
use super::runner::Runner;
use crate::model::drill::Fault;

impl Runner<'_> {
    pub(super) async fn begin(&mut self, fault: Fault) -> Result<(), HarnessError> {
        if fault == Fault::Reset {
            self.proxy.reset();
            return Ok(());
        }
        self.without_tls = fault == Fault::Plaintext;
        let proxied = proxied(fault, &self.authority).map_err(HarnessError::Authority)?;
        self.proxy.set(proxied).await.map_err(HarnessError::Proxy)?;
        if fault == Fault::Refuse {
            self.proxy.cut();
        }
        Ok(())
    }
}

fn proxied(fault: Fault, authority: &Authority) -> io::Result<testkit::Fault> {
    Ok(match fault {
        Fault::Refuse => testkit::Fault::Refuse,
        Fault::BlackHole => testkit::Fault::BlackHole,
        // Half of it each way.
        Fault::Latency(ms) => testkit::Fault::Latency(Duration::from_millis(ms / 2)),
        // Applied once, to the open connections.
        Fault::Reset => testkit::Fault::None,
        Fault::Freeze => testkit::Fault::Freeze,
        Fault::HalfClose => testkit::Fault::HalfClose,
        Fault::AuthError => testkit::Fault::AuthError,
        Fault::QueryError => testkit::Fault::QueryError,
        Fault::SelfSigned => testkit::Fault::Tls(Certificate::self_signed(THIS_MACHINE)?),
        Fault::WrongHost => testkit::Fault::Tls(authority.sign(&["database.example"])?),
        Fault::Plaintext => testkit::Fault::Plain,
    })
}
