//! Single-flight: however many ask at once whether the database answers, it is asked once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::{Database, DatabaseError};

/// Whether a real query came back within the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Connected,
    Disconnected,
}

type Flight = Shared<BoxFuture<'static, Verdict>>;

pub(crate) struct Ping {
    database: Arc<Database>,
    budget: Duration,
    flight: Mutex<Option<Flight>>,
}

impl Ping {
    pub(crate) fn new(database: Arc<Database>, budget: Duration) -> Self {
        Self { database, budget, flight: Mutex::new(None) }
    }

    pub(crate) async fn ask(&self) -> Verdict {
        let flight = {
            let mut current = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
            match current.as_ref().filter(|flight| flight.peek().is_none()) {
                Some(flight) => flight.clone(),
                None => current.insert(self.launch()).clone(),
            }
        };
        flight.await
    }

    /// In a task of its own, which also ends the flight: callers that go away neither take the others' answer
    /// with them nor leave theirs behind for whoever asks next.
    fn launch(&self) -> Flight {
        let flight = ask(Arc::clone(&self.database), self.budget).boxed().shared();
        tokio::spawn(flight.clone());
        flight
    }
}

async fn ask(database: Arc<Database>, budget: Duration) -> Verdict {
    let attempt = || database.query_within(budget, "select 1", &[]);
    let answer = tokio::time::timeout(budget, async {
        match attempt().await {
            // A pooled connection may have died since its last use; that says nothing about the database.
            Err(DatabaseError::Connection(_)) => attempt().await,
            answer => answer,
        }
    });
    match answer.await.unwrap_or(Err(DatabaseError::Timeout)) {
        Ok(_) => Verdict::Connected,
        Err(error) => {
            tracing::warn!(class = error.class(), "the database does not answer");
            Verdict::Disconnected
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use profiles::Declaration;
    use tokio::net::TcpListener;

    use super::*;
    use crate::database::url::Address;

    #[tokio::test]
    async fn a_thousand_callers_share_one_flight() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgresql://app@{}/app", silent.local_addr().unwrap());
        let profile = Declaration::load("production", jiff::civil::date(2026, 1, 1)).unwrap().profile;
        let address = Address::parse(&url, &profile.database).unwrap();
        let budget = Duration::from_millis(300);
        let ping = Ping::new(Arc::new(Database::new(&address, &profile.pool, budget)), budget);

        assert_eq!(join_all((0..1_000).map(|_| ping.ask())).await, [Verdict::Disconnected; 1_000]);
        silent.accept().await.unwrap();
        assert!(silent.accept().now_or_never().is_none(), "one connection was opened");
    }
}
